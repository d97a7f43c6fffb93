CREATE TABLE IF NOT EXISTS `default`.`vip` (
  `id` STRING,
  `user_id` STRING,
  `received_at` TIMESTAMP
)
USING DELTA
CLUSTER BY (`user_id`, `id`)
TBLPROPERTIES ('delta.columnMapping.mode' = 'name', 'delta.enableTypeWidening' = 'true')
