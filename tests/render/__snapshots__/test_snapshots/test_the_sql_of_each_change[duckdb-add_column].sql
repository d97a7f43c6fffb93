ALTER TABLE "default"."vip"
ADD COLUMN IF NOT EXISTS "plan_tier" VARCHAR;
COMMENT ON COLUMN "default"."vip"."plan_tier"
IS 'the "plan"'
