SELECT
  s.schema_name, c.table_name, CASE WHEN t.table_name IS NULL THEN 'view' ELSE 'table' END, COALESCE(t.comment, v.comment),
  t.estimated_size, c.column_name, c.data_type, c.is_nullable, c.column_default, c.comment
FROM duckdb_schemas() AS s
LEFT JOIN duckdb_columns() AS c
  ON c.database_name = s.database_name AND c.schema_name = s.schema_name AND NOT c.internal
LEFT JOIN duckdb_tables() AS t
  ON t.database_name = c.database_name AND t.schema_name = c.schema_name AND t.table_name = c.table_name
LEFT JOIN duckdb_views() AS v
  ON v.database_name = c.database_name AND v.schema_name = c.schema_name AND v.view_name = c.table_name
WHERE s.database_name = current_database() AND s.schema_name NOT IN ('information_schema', 'pg_catalog')
ORDER BY s.schema_name, c.table_name, c.column_index
