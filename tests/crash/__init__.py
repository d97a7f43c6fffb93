"""Killing the program at every point, and looking from outside at what it left behind."""
