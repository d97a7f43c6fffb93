ALTER TABLE "default"."vip"
ALTER COLUMN "plan_tier" SET DATA TYPE numeric(18, 2)
USING CAST("plan_tier" AS numeric(18, 2))
