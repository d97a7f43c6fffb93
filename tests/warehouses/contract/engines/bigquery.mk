BQEMULATOR := .venv-bqemulator
EMULATORS += $(BQEMULATOR)/ready
EMULATED += bigquery
EMULATED_BY += ENGAGECTL_BQEMULATOR=$(BQEMULATOR)/bin/python

$(BQEMULATOR)/ready: tests/warehouses/contract/engines/bqemulator.txt
	$(PYTHON) -m venv $(BQEMULATOR)
	$(BQEMULATOR)/bin/python -m pip install --quiet -r $<
	$(BQEMULATOR)/bin/python -c "from duckdb_extensions import extension_importer as e; e.import_extension('spatial')"
	@touch $@
