SELECT schema_name, view_name, sql
FROM duckdb_views()
WHERE database_name = current_database() AND NOT internal
ORDER BY ALL
