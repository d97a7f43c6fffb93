SELECT s.schema_name, r.name, r.kind, r.comment, r.estimated_size
FROM duckdb_schemas() AS s
LEFT JOIN (
  SELECT database_name, schema_name, table_name AS name, 'table' AS kind, comment, estimated_size FROM duckdb_tables()
  UNION ALL
  SELECT database_name, schema_name, view_name, 'view', comment, NULL FROM duckdb_views() WHERE NOT internal
) AS r
  ON r.database_name = s.database_name AND r.schema_name = s.schema_name
WHERE s.database_name = current_database() AND s.schema_name NOT IN ('information_schema', 'pg_catalog')
ORDER BY s.schema_name, r.name
