"""What a person or a machine reads: one output a file."""
