ALTER TABLE `default`.`vip`
CLUSTER BY `user_id`, `id`;
ALTER TABLE `default`.`vip`
SET OPTIONS (
  require_partition_filter = TRUE,
  partition_expiration_days = 400
)
