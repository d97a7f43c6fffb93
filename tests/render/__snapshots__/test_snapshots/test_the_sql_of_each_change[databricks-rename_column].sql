ALTER TABLE `default`.`vip`
SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name', 'delta.enableTypeWidening' = 'true');
ALTER TABLE `default`.`vip`
RENAME COLUMN `tier` TO `plan_tier`
