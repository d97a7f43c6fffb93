SELECT DISTINCT tn.nspname, t.relname, vn.nspname, v.relname
FROM pg_depend AS d
JOIN pg_rewrite AS r ON r.oid = d.objid
JOIN pg_class AS v ON v.oid = r.ev_class AND v.relkind = 'v'
JOIN pg_namespace AS vn ON vn.oid = v.relnamespace
JOIN pg_class AS t ON t.oid = d.refobjid AND t.oid <> v.oid
JOIN pg_namespace AS tn ON tn.oid = t.relnamespace
WHERE tn.nspname IN (?)
ORDER BY 1, 2, 3, 4
