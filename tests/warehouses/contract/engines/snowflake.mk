# The emulator and the client pin what contradicts each other and the tests: an environment each.
FAKESNOW := .venv-fakesnow
EMULATOR_snowflake := $(FAKESNOW)/ready
EMULATED += snowflake
EMULATED_BY += ENGAGECTL_FAKESNOW=$(FAKESNOW)/bin/fakesnow

$(FAKESNOW)/ready: tests/warehouses/contract/engines/fakesnow.txt | $(UV)
	$(ENVIRONMENT) $(FAKESNOW) -r $<
	@touch $@
