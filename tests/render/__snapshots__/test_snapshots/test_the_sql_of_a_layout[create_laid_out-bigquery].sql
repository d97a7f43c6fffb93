CREATE TABLE IF NOT EXISTS `default`.`vip` (
  `id` STRING,
  `user_id` STRING,
  `received_at` TIMESTAMP
)
PARTITION BY DATE(`received_at`)
CLUSTER BY `user_id`, `id`
OPTIONS (
  description = NULL,
  require_partition_filter = TRUE,
  partition_expiration_days = 400
)
