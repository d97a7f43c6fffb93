"""YAML written back with its comments: fmt and import. The only home of ruamel.yaml, loaded when one of them runs."""
