ALTER TABLE `default`.`vip`
SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name', 'delta.enableTypeWidening' = 'true');
ALTER TABLE `default`.`vip`
ALTER COLUMN `plan_tier` TYPE DECIMAL(18, 2)
