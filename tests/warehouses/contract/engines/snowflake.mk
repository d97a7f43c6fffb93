# The emulator and the client pin what contradicts each other and the tests: an environment each.
FAKESNOW := .venv-fakesnow
EMULATORS += $(FAKESNOW)/ready
EMULATED += snowflake
EMULATED_BY += ENGAGECTL_FAKESNOW=$(FAKESNOW)/bin/fakesnow

$(FAKESNOW)/ready: tests/warehouses/contract/engines/fakesnow.txt
	$(PYTHON) -m venv $(FAKESNOW)
	$(FAKESNOW)/bin/python -m pip install --quiet -r $<
	@touch $@
