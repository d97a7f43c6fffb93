ALTER TABLE "default"."vip"
ALTER COLUMN "plan_tier" SET DATA TYPE VARCHAR
USING "plan_tier"
