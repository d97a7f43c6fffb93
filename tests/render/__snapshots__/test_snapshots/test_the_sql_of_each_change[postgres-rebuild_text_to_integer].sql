ALTER TABLE "default"."vip"
ALTER COLUMN "plan_tier" SET DATA TYPE bigint
USING CAST("plan_tier" AS bigint)
