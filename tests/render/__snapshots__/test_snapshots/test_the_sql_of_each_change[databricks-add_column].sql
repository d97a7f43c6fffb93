ALTER TABLE `default`.`vip`
ADD COLUMNS (`plan_tier` STRING);
ALTER TABLE `default`.`vip`
ALTER COLUMN `plan_tier` COMMENT 'the "plan"'
