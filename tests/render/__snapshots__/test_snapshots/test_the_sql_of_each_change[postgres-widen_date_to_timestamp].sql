ALTER TABLE "default"."vip"
ALTER COLUMN "plan_tier" SET DATA TYPE timestamp with time zone
USING (CAST("plan_tier" AS timestamp without time zone) AT TIME ZONE 'UTC')
