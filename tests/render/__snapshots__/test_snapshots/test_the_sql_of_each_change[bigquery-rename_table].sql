ALTER TABLE `default`.`vips`
RENAME TO `vip`
