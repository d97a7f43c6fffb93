SELECT
  n.nspname, c.relname, c.relkind, t.description, pg_get_userbyid(c.relowner),
  a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.atthasdef, d.description
FROM pg_namespace AS n
LEFT JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'v') AND c.relname NOT LIKE 'mv_tbl__%'
LEFT JOIN pg_description AS t ON t.objoid = c.oid AND t.objsubid = 0
LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_description AS d ON d.objoid = c.oid AND d.objsubid = a.attnum
WHERE n.nspname IN (?)
ORDER BY n.nspname, c.relname, a.attnum
