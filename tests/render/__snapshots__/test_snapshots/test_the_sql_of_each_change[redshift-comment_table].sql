COMMENT ON TABLE "default"."vip"
IS ''
