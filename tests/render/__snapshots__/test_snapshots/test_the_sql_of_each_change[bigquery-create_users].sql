CREATE TABLE IF NOT EXISTS `engage_default`.`users` (
  `id` STRING,
  `vip` BOOL
)
