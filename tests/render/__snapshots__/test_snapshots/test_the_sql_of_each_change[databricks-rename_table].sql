ALTER TABLE `default`.`vips`
RENAME TO `default`.`vip`
