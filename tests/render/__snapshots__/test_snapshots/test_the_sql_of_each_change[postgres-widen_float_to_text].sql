ALTER TABLE "default"."vip"
ALTER COLUMN "plan_tier" SET DATA TYPE text
USING CASE WHEN CAST("plan_tier" AS text) IN ('NaN', 'Infinity', '-Infinity') THEN replace(lower(CAST("plan_tier" AS text)), 'inity', '') WHEN CAST("plan_tier" AS text) LIKE '%e+15' THEN CAST(CAST(CAST("plan_tier" AS text) AS numeric) AS text) || CASE WHEN strpos(CAST(CAST(CAST("plan_tier" AS text) AS numeric) AS text), '.') = 0 THEN '.0' ELSE '' END WHEN CAST("plan_tier" AS text) ~ '[.e]' THEN CAST("plan_tier" AS text) ELSE CAST("plan_tier" AS text) || '.0' END
