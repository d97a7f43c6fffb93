ALTER TABLE "default"."vip"
ADD COLUMN "plan_tier" VARCHAR(128);
COMMENT ON COLUMN "default"."vip"."plan_tier"
IS 'the "plan"'
