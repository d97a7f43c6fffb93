ALTER TABLE `default`.`vip`
ALTER COLUMN `plan_tier` COMMENT 'it\'s \\ the tier'
