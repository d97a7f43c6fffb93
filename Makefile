.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

help: ## Show what there is to run
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

UV := .venv-uv/ready
ENVIRONMENT := PYTHON=$(PYTHON) .ci/venv

$(UV):
	-$(PYTHON) -m venv .venv-uv && .venv-uv/bin/python -m pip install --quiet 'uv>=0.9,<1'
	@mkdir -p .venv-uv && touch $@

$(VENV)/ready: pyproject.toml | $(UV)
	$(ENVIRONMENT) $(VENV) -e '.[dev]'
	@touch $@

install: $(VENV)/ready ## Make .venv with engagectl and all that its tests need

demo: $(VENV)/ready ## Plan, apply and sync sample data into an embedded DuckDB file
	$(BIN)/engagectl demo

test: $(VENV)/ready ## Run the tests, PostgreSQL included
	$(BIN)/python -m pytest -q -n 2 --ignore=tests/crash

property-test: $(VENV)/ready ## Run the laws with many cases, and apply cut after every write
	HYPOTHESIS_PROFILE=big $(BIN)/python -m pytest -q --timeout=0 tests/properties/test_convergence.py tests/apply/test_without_transactions.py

space := $(subst ,, )
WAREHOUSES := .venv-warehouses
CONTRACT := tests/warehouses/contract
CLIENTS := $(wildcard $(CONTRACT)/engines/*.client.txt)
# Each engine's file makes its emulator (EMULATOR_name), names itself in EMULATED, and says in EMULATED_BY how the tests
# find it.
include $(wildcard $(CONTRACT)/engines/*.mk)
ENGINES_ASKED = $(or $(ENGINES),$(EMULATED))
EMULATORS = $(foreach engine,$(ENGINES_ASKED),$(EMULATOR_$(engine)))

$(WAREHOUSES)/ready: pyproject.toml $(CONTRACT)/connectors.txt $(CLIENTS) | $(UV)
	$(ENVIRONMENT) $(WAREHOUSES) -e '.[postgres,zstd]' -r $(CONTRACT)/connectors.txt $(CLIENTS:%=-r %)
	@touch $@

test-warehouses: $(EMULATORS) $(WAREHOUSES)/ready ## Run the contract of warehouses on emulators too (ENGINES=.. for some)
	$(EMULATED_BY) ENGAGECTL_REQUIRE='$(ENGINES_ASKED)' $(if $(ARGS),,ENGAGECTL_WRITE_MATRIX=1) \
	  $(WAREHOUSES)/bin/python -m pytest -q -n 2 $(CONTRACT) $(if $(ENGINES),-k '$(subst $(space), or ,$(ENGINES))') $(ARGS)

# In CI: what judges statements always, and one engine's emulator by the day of the year.
TODAY := $(word $(shell expr $$(date -u +%j) % 4 + 1),snowflake bigquery redshift databricks)
SAMPLE := $(foreach case,structure apply adoption sync,$(CONTRACT)/test_$(case).py)

parsers: $(ZETASQL)/ready $(SPARK)/ready $(WAREHOUSES)/ready

test-parsers: parsers ## Let GoogleSQL's and Spark's own parsers read every snapshot, and Spark's what a sync sends
	$(ZETASQL)/bin/python $(CONTRACT)/zetasql_parse.py tests/render/__snapshots__/test_snapshots/*bigquery*.sql
	$(EMULATED_BY) ENGAGECTL_REQUIRE=databricks $(WAREHOUSES)/bin/python -m pytest -q $(CONTRACT)/test_spark.py

emulator: $(EMULATOR_$(TODAY)) $(WAREHOUSES)/ready

test-emulator: emulator ## Run a sample of the contract on one emulator: today's, or TODAY=..
	$(EMULATED_BY) ENGAGECTL_REQUIRE=$(TODAY) $(WAREHOUSES)/bin/python -m pytest -q -n 2 $(SAMPLE) -k $(TODAY)

W ?= snowflake
test-live: $(WAREHOUSES)/ready ## Run the contract against a cloud service: W=snowflake; its file in engines/ names the variables
	ENGAGECTL_REQUIRE=$(W) $(WAREHOUSES)/bin/python -m pytest -q $(CONTRACT) -k '$(W)' $(ARGS)

test-html: $(VENV)/ready ## Render the HTML plan in headless Chromium (needs chromium)
	$(BIN)/python -m pytest -q -m browser tests/show

STORES := .venv-stores
STORE_EMULATORS := .venv-store-emulators

$(STORE_EMULATORS)/ready: tests/stores/emulators.txt tests/stores/package.json | $(UV)
	$(ENVIRONMENT) $(STORE_EMULATORS) -r tests/stores/emulators.txt
	npm install --silent --no-audit --no-fund --no-package-lock --prefix $(STORE_EMULATORS) "azurite@$$(sed -n 's/.*"azurite": "\([^"]*\)".*/\1/p' tests/stores/package.json)"
	@touch $@

$(STORES)/ready: pyproject.toml tests/stores/clients.txt | $(UV)
	$(ENVIRONMENT) $(STORES) -e '.[postgres,zstd,gcs,azure]' -r tests/stores/clients.txt
	@touch $@

test-object-stores: $(STORE_EMULATORS)/ready $(STORES)/ready ## Load from gs:// and az:// with the real drivers, from servers of somebody else (needs npm)
	ENGAGECTL_TEST_GCS=$(CURDIR)/$(STORE_EMULATORS)/bin/gcp-storage-emulator \
	ENGAGECTL_TEST_AZURITE=$(CURDIR)/$(STORE_EMULATORS)/node_modules/.bin/azurite-blob \
	  $(STORES)/bin/python -m pytest -q -m object_stores tests/stores

# Tools that people use beside engagectl, each in an environment of its own.
DBT := .venv-dbt
$(DBT)/ready: tests/outside/dbt.txt | $(UV)
	$(ENVIRONMENT) $(DBT) -r tests/outside/dbt.txt
	@touch $@

test-dbt: $(VENV)/ready $(DBT)/ready ## Let a real dbt read, build on and check the exported sources
	ENGAGECTL_TEST_DBT=$(CURDIR)/$(DBT)/bin/dbt $(BIN)/python -m pytest -q -m dbt tests/outside

PRE_COMMIT := .venv-pre-commit
$(PRE_COMMIT)/ready: | $(UV)
	$(ENVIRONMENT) $(PRE_COMMIT) pre-commit==4.7.0
	@touch $@

test-pre-commit: $(VENV)/ready $(PRE_COMMIT)/ready ## Let a real pre-commit install and run our hooks
	ENGAGECTL_TEST_PRE_COMMIT=$(CURDIR)/$(PRE_COMMIT)/bin/pre-commit $(BIN)/python -m pytest -q -m pre_commit tests/outside

test-terraform: $(VENV)/ready ## Take what a real Terraform puts out as variables (needs terraform)
	$(BIN)/python -m pytest -q -m terraform tests/outside

test-workflows: $(VENV)/ready ## Run the steps of the shipped workflows in a shell, as they stand
	$(BIN)/python -m pytest -q -m workflows tests/outside

SEED ?= 0
MUTANTS ?= 500000
fuzz: $(VENV)/ready ## Break YAML in MUTANTS ways (500,000), none may end in anything but 0 or 3; SEED=.. for others
	$(BIN)/python -m tests.threats.fuzz --mutants $(MUTANTS) --seed $(SEED)

tamper: $(VENV)/ready ## Change every bit of every byte of a saved plan: each must be refused
	ENGAGECTL_TEST_TAMPER=all $(BIN)/python -m pytest -q tests/threats/test_tampering.py

hostile-names: $(VENV)/ready ## Make, load and read back 800 hostile names as traits, audiences, events and undeclared keys
	ENGAGECTL_HOSTILE_NAMES=800 $(BIN)/python -m pytest -q --timeout=0 tests/scenarios/test_hostile_names.py

crash-test: $(VENV)/ready ## Kill syncs and applies at every point, cut connections; SEED=.. for other traffic
	ENGAGECTL_CRASH_SEED=$(SEED) $(BIN)/python -m pytest -q -n 2 tests/crash

crash-test-full: $(VENV)/ready ## 6,000 trials, 1,000 cuts, 400 stops, in as many runs as it takes (MINUTES=.. each); writes docs/reliability.md
	$(BIN)/python -m tests.crash.full --trials 6000 --cuts 1000 --stops 400 --seed $(SEED) --resume --minutes $(or $(MINUTES),600) --write docs/reliability.md

lint: $(VENV)/ready ## Check style and the rules of the rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

lint-workflows: | $(UV) ## Check the workflows that we ship: zizmor, and the schemas of GitHub and GitLab
	$(ENVIRONMENT) .venv-workflows zizmor==1.32.0 check-jsonschema==0.39.0
	.venv-workflows/bin/zizmor --offline --min-severity medium action.yml examples/github/*.yml
	.venv-workflows/bin/check-jsonschema --builtin-schema vendor.github-workflows examples/github/*.yml
	.venv-workflows/bin/check-jsonschema --builtin-schema vendor.github-actions action.yml
	.venv-workflows/bin/check-jsonschema --builtin-schema vendor.gitlab-ci examples/gitlab/*.yml --data-transform gitlab-ci

type: $(VENV)/ready ## Check types
	$(BIN)/mypy

fmt: $(VENV)/ready ## Format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

schemas: $(VENV)/ready ## Write schemas/ anew
	for one in $$($(BIN)/python -c 'from engagectl.show.documents import DOCUMENTS; print(*DOCUMENTS)') snapshot; do \
	  $(BIN)/engagectl schema $$one > schemas/$$one.schema.json || exit 1; done
	$(BIN)/engagectl schema > schemas/engagectl.schema.json

PEERS := .venv-peers
SIZES ?= 100000
STORED ?= 1000000
RUNS ?= 3

$(PEERS)/ready: benchmarks/peers.txt | $(UV)
	$(ENVIRONMENT) $(PEERS) -r benchmarks/peers.txt
	@touch $@

# A peer that cannot be installed is left out, and the result says so.
bench: $(VENV)/ready ## Measure sync against the limits and the peers (SIZES, STORED, RUNS)
	-$(MAKE) -s $(PEERS)/ready
	$(BIN)/python benchmarks/bench.py --sizes $(SIZES) --stored $(STORED) --runs $(RUNS) --peers $(PEERS)/bin/python $(BENCH)

bench-full: ## The same at 100k, 1M, 5M and 10M messages, into docs/performance.md
	$(MAKE) bench SIZES="100000 1000000 5000000 10000000" STORED="1000000 5000000" BENCH="--write docs/performance.md"

SQLMESH := .venv-sqlmesh
$(SQLMESH)/ready: benchmarks/peers_plan.txt | $(UV)
	$(ENVIRONMENT) $(SQLMESH) -r benchmarks/peers_plan.txt
	@touch $@

bench-plan: $(VENV)/ready ## Measure a plan of 1,000 tables beside terraform and sqlmesh (RUNS)
	-$(MAKE) -s $(SQLMESH)/ready
	$(BIN)/python benchmarks/plan_1000_tables.py --peers --runs $(RUNS) --sqlmesh $(SQLMESH)/bin/sqlmesh

COUNT ?= 20000
CHUNKS ?= 10
bench-traffic: $(EMULATOR_$(or $(ENGINES),snowflake)) $(WAREHOUSES)/ready ## Count statements and bytes of a sync into ENGINES=redshift (snowflake), on the emulator
	$(EMULATED_BY) PYTHONPATH=. $(WAREHOUSES)/bin/python benchmarks/traffic.py $(or $(ENGINES),snowflake) --count $(COUNT) --chunks $(CHUNKS)

bench-stage: $(FAKESNOW)/ready $(WAREHOUSES)/ready ## Count what passes through the client when Snowflake loads objects itself, on the emulator
	$(EMULATED_BY) PYTHONPATH=. $(WAREHOUSES)/bin/python benchmarks/traffic_stage.py --count $(COUNT) --chunks $(CHUNKS)

all: ## What CI runs
	.ci/run

.PHONY: parsers test-parsers emulator test-emulator test-object-stores hostile-names test-warehouses test-dbt test-pre-commit test-terraform test-workflows bench bench-full bench-plan bench-stage schemas help install demo test property-test test-html lint type fmt all crash-test crash-test-full fuzz tamper
