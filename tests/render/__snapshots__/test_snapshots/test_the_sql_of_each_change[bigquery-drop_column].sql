ALTER TABLE `default`.`vip`
DROP COLUMN IF EXISTS `legacy`
