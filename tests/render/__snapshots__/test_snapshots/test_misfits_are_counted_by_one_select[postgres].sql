SELECT count(*)
FROM "default"."vip"
WHERE ("plan_tier" IS NOT NULL AND NOT COALESCE(CASE WHEN "plan_tier" ~ '^[+-]?[0-9]{1,40}$' THEN CAST("plan_tier" AS numeric) = trunc(CAST("plan_tier" AS numeric)) AND CAST("plan_tier" AS numeric) BETWEEN -9223372036854775808 AND 9223372036854775807 END, FALSE))
