SELECT
  table_schema, table_name, column_name, data_type, character_maximum_length, numeric_precision, numeric_scale,
  is_nullable, column_default, comment
FROM information_schema.columns
WHERE table_schema IN (?)
ORDER BY table_schema, table_name, ordinal_position
