SELECT schema_name, table_name, column_index, column_name, data_type, is_nullable, column_default IS NOT NULL, comment
FROM duckdb_columns()
WHERE database_name = current_database() AND NOT internal
