ALTER TABLE "default"."vip"
ALTER COLUMN "plan_tier" SET DATA TYPE numeric(38, 9)
USING CAST("plan_tier" AS numeric(38, 9))
