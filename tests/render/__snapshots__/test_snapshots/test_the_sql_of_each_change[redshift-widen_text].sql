ALTER TABLE "default"."vip"
ALTER COLUMN "plan_tier" TYPE VARCHAR(512)
