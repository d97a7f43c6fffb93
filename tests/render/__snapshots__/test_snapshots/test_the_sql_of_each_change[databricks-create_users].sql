CREATE TABLE IF NOT EXISTS `engage_default`.`users` (
  `id` STRING,
  `vip` BOOLEAN
)
USING DELTA
CLUSTER BY (`id`)
TBLPROPERTIES ('delta.columnMapping.mode' = 'name', 'delta.enableTypeWidening' = 'true')
