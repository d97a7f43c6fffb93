DROP TABLE IF EXISTS `default`.`vip`
