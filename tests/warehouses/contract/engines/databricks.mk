# The stand-in is the tests' own, and runs where the connector is; Spark's parser has an environment of its own.
SPARK := .venv-spark
EMULATORS += $(SPARK)/ready
EMULATED += databricks
EMULATED_BY += ENGAGECTL_SPARK=$(CURDIR)/$(SPARK)/bin/python

$(SPARK)/ready: tests/warehouses/contract/engines/spark.txt
	$(PYTHON) -m venv $(SPARK)
	$(SPARK)/bin/python -m pip install --quiet -r $<
	@touch $@
