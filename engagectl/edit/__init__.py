"""YAML written back with its comments kept. The only home of ruamel.yaml."""
