"""The nouns: frozen values, no I/O. Nothing here knows YAML, SQL text or a driver."""
