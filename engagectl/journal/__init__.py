"""The journal: what happened and what was applied, kept in the warehouse. The only reader and writer of its schema.

Times are RFC 3339 text in UTC with microseconds: they sort, and every warehouse stores text alike.
"""
