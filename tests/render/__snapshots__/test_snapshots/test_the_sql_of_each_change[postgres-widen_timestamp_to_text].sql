ALTER TABLE "default"."vip"
ALTER COLUMN "plan_tier" SET DATA TYPE text
USING (regexp_replace(to_char("plan_tier" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), '\.?0*$', '') || 'Z')
