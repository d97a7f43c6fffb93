# The stand-in is the tests' own, and runs where the connector is: its switch is the name of the engine.
EMULATED += databricks
EMULATED_BY += ENGAGECTL_BRICKS=1
