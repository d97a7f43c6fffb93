ALTER TABLE "default"."vip"
ADD COLUMN IF NOT EXISTS "plan_tier" character varying(32);
COMMENT ON COLUMN "default"."vip"."plan_tier"
IS 'the "plan"'
