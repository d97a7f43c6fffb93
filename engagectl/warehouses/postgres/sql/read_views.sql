SELECT DISTINCT tn.nspname, t.relname, vn.nspname, v.relname
FROM pg_depend AS d
JOIN pg_rewrite AS r ON r.oid = d.objid
JOIN pg_class AS v ON v.oid = r.ev_class
JOIN pg_namespace AS vn ON vn.oid = v.relnamespace
JOIN pg_class AS t ON t.oid = d.refobjid AND t.oid <> v.oid
JOIN pg_namespace AS tn ON tn.oid = t.relnamespace
WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
  AND (tn.nspname = ANY(?) OR (CAST(? AS boolean) AND tn.nspname !~ '^pg_' AND tn.nspname <> 'information_schema'))
ORDER BY tn.nspname, t.relname, vn.nspname, v.relname
