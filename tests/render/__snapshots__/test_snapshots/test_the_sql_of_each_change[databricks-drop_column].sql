ALTER TABLE `default`.`vip`
SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name', 'delta.enableTypeWidening' = 'true');
ALTER TABLE `default`.`vip`
DROP COLUMN IF EXISTS `legacy`
