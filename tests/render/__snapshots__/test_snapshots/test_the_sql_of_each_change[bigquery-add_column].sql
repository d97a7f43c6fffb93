ALTER TABLE `default`.`vip`
ADD COLUMN IF NOT EXISTS `plan_tier` STRING(32) OPTIONS (description = 'the "plan"')
