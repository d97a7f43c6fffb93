ALTER TABLE `default`.`vip`
CLUSTER BY (`user_id`, `id`)
