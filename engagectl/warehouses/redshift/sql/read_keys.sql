SELECT n.nspname, c.relname, a.attname, a.attisdistkey, a.attsortkeyord
FROM pg_attribute AS a
JOIN pg_class AS c ON c.oid = a.attrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname IN (?) AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
  AND (a.attisdistkey OR a.attsortkeyord <> 0)
ORDER BY n.nspname, c.relname, ABS(a.attsortkeyord)
