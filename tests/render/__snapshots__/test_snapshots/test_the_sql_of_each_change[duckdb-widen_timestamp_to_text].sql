ALTER TABLE "default"."vip"
ALTER COLUMN "plan_tier" SET DATA TYPE VARCHAR
USING (regexp_replace(strftime("plan_tier" AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%f'), '\.?0*$', '') || 'Z')
