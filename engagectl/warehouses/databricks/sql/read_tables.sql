SELECT s.schema_name, t.table_name, t.table_type, t.comment, t.table_owner
FROM information_schema.schemata AS s
LEFT JOIN information_schema.tables AS t ON t.table_schema = s.schema_name AND t.table_schema IN (?)
WHERE s.schema_name IN (?)
ORDER BY 1, 2
