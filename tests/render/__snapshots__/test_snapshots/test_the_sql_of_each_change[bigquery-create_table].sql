CREATE TABLE IF NOT EXISTS `default`.`vip` (
  `id` STRING,
  `received_at` TIMESTAMP,
  `paid` BOOL,
  `seats` INT64,
  `score` FLOAT64,
  `mrr` NUMERIC(18, 2) OPTIONS (description = 'monthly, in \'EUR\''),
  `since` DATE,
  `entity_context` JSON
)
OPTIONS (description = 'VIP accounts')
