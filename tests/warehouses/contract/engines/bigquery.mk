BQEMULATOR := .venv-bqemulator
EMULATOR_bigquery := $(BQEMULATOR)/ready
EMULATED += bigquery
EMULATED_BY += ENGAGECTL_BQEMULATOR=$(BQEMULATOR)/bin/python

$(BQEMULATOR)/ready: tests/warehouses/contract/engines/bqemulator.txt | $(UV)
	$(ENVIRONMENT) $(BQEMULATOR) -r $<
	$(BQEMULATOR)/bin/python -c "from duckdb_extensions import extension_importer as e; e.import_extension('spatial')"
	@touch $@

ZETASQL := .venv-zetasql
$(ZETASQL)/ready: | $(UV)
	$(ENVIRONMENT) $(ZETASQL) zetasql==0.1.5
	@touch $@

.PHONY: test-zetasql
test-zetasql: $(ZETASQL)/ready $(BQEMULATOR)/ready $(WAREHOUSES)/ready ## Run the contract on BigQuery's emulator, and let GoogleSQL's own analyzer judge what was sent
	rm -rf build/zetasql && mkdir -p build/zetasql
	BQEMULATOR_SQL=$(CURDIR)/build/zetasql ENGAGECTL_BQEMULATOR=$(BQEMULATOR)/bin/python \
	  $(WAREHOUSES)/bin/python -m pytest -q -n 2 $(CONTRACT) -k bigquery
	$(ZETASQL)/bin/python $(CONTRACT)/zetasql_judge.py build/zetasql/*.jsonl
