ALTER TABLE `default`.`vip`
ALTER COLUMN `plan_tier` SET OPTIONS (description = 'it\'s \\ the tier')
