ALTER TABLE `default`.`vip`
SET OPTIONS (description = '')
