SELECT
  n.nspname, c.relname, c.relkind, obj_description(c.oid, 'pg_class'), c.reltuples, pg_get_userbyid(c.relowner),
  a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
  a.atthasdef OR a.attidentity <> '' OR a.attgenerated <> '', d.description
FROM pg_namespace AS n
LEFT JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_description AS d ON d.objoid = c.oid AND d.objsubid = a.attnum AND d.classoid = 'pg_class'::regclass
WHERE n.nspname = ANY(?) OR (CAST(? AS boolean) AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema')
ORDER BY n.nspname, c.relname, a.attnum
