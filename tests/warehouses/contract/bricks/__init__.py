"""A stand-in for Databricks, for its real connector: Thrift over HTTP by the connector's own classes, DuckDB behind.

It proves the order of statements, what is left when they stop half-way, and the connector's ways; not Databricks' SQL:
that is Spark's parser's part, which reads every statement that was sent here.
"""
