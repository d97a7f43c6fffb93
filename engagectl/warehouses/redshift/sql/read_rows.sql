SELECT "schema", "table", tbl_rows
FROM svv_table_info
WHERE "schema" IN (?)
