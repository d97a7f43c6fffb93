"""YAML -> checked specs. YAML and pydantic live here and nowhere else."""
