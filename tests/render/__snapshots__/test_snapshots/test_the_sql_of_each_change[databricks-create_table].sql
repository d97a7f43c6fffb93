CREATE TABLE IF NOT EXISTS `default`.`vip` (
  `id` STRING,
  `received_at` TIMESTAMP,
  `paid` BOOLEAN,
  `seats` BIGINT,
  `score` DOUBLE,
  `mrr` DECIMAL(18, 2),
  `since` DATE,
  `entity_context` VARIANT
)
USING DELTA
CLUSTER BY (`received_at`)
TBLPROPERTIES ('delta.columnMapping.mode' = 'name', 'delta.enableTypeWidening' = 'true');
COMMENT ON TABLE `default`.`vip`
IS 'VIP accounts';
ALTER TABLE `default`.`vip`
ALTER COLUMN `mrr` COMMENT 'monthly, in \'EUR\''
