# The stand-in is the tests' own, and runs where the connector is; Spark's parser has an environment of its own.
SPARK := .venv-spark
EMULATOR_databricks := $(SPARK)/ready
EMULATED += databricks
EMULATED_BY += ENGAGECTL_SPARK=$(CURDIR)/$(SPARK)/bin/python

$(SPARK)/ready: tests/warehouses/contract/engines/spark.txt | $(UV)
	$(ENVIRONMENT) $(SPARK) -r $<
	@touch $@

# Sail, Spark's SQL on real Delta tables, for what loads rows: its client shares no environment with Spark's parser.
SAIL := .venv-sail
$(SAIL)/ready: tests/warehouses/contract/engines/sail.txt tests/warehouses/contract/connectors.txt | $(UV)
	$(ENVIRONMENT) $(SAIL) -e '.[postgres,zstd]' -r tests/warehouses/contract/connectors.txt -r $<
	@touch $@

.PHONY: test-sail
test-sail: $(SAIL)/ready ## Run what loads rows into Databricks on Delta tables, by Sail
	ENGAGECTL_SAIL=1 $(SAIL)/bin/python -m pytest -q -p no:logging tests/warehouses/test_databricks_load.py $(ARGS)

test-warehouses: $(if $(filter databricks,$(or $(ENGINES),databricks)),test-sail)
