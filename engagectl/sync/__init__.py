"""Inputs -> chunks -> staged relations -> rows, exactly once."""
