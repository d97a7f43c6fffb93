"""A look at what somebody else made: tables of a warehouse, messages of files. Read-only; no project is needed."""
