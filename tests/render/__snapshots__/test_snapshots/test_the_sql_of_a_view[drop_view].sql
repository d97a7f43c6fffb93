DROP VIEW IF EXISTS `default`.`vip_view`
