ALTER TABLE `default`.`vip`
RENAME COLUMN `tier` TO `plan_tier`
