SELECT table_schema, table_name, column_name, full_data_type, is_nullable, column_default, comment
FROM information_schema.columns
WHERE table_schema IN (?)
ORDER BY table_schema, table_name, ordinal_position
