"""Specs -> desired state: what must be there, and what loads what."""
