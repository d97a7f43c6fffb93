SELECT count(*)
FROM "default"."vip"
WHERE ("plan_tier" IS NOT NULL AND NOT COALESCE((regexp_full_match("plan_tier", '[+-]?[0-9]+') AND TRY_CAST("plan_tier" AS BIGINT) IS NOT NULL), FALSE))
