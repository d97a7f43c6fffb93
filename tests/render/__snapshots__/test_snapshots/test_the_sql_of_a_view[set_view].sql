CREATE OR REPLACE VIEW `default`.`vip_view`
OPTIONS (description = 'Newest row of each id. Made by engagectl', labels = [('engagectl', 'view')])
AS SELECT * EXCEPT (ec_newest)
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY `id` ORDER BY `uuid_ts` DESC) AS ec_newest
  FROM `default`.`vip`
  WHERE `received_at` >= TIMESTAMP_SUB(TIMESTAMP_TRUNC(CURRENT_TIMESTAMP(), DAY), INTERVAL 60 DAY)
  AND `received_at` < TIMESTAMP_ADD(TIMESTAMP_TRUNC(CURRENT_TIMESTAMP(), DAY), INTERVAL 1 DAY)
)
WHERE ec_newest = 1
