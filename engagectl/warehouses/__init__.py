"""Warehouses: one folder each, the same rooms in each. Folders never import each other."""
