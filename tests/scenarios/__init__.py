"""Behaviours, end to end: YAML and messages in, tables out, on the real engines."""
