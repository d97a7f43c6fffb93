COMMENT ON COLUMN "default"."vip"."plan_tier"
IS 'it\'s \\ the tier'
