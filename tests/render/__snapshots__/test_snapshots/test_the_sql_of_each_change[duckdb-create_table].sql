CREATE TABLE IF NOT EXISTS "default"."vip" (
  "id" VARCHAR,
  "received_at" TIMESTAMP WITH TIME ZONE,
  "paid" BOOLEAN,
  "seats" BIGINT,
  "score" DOUBLE,
  "mrr" DECIMAL(18, 2),
  "since" DATE,
  "entity_context" JSON
);
COMMENT ON TABLE "default"."vip"
IS 'VIP accounts';
COMMENT ON COLUMN "default"."vip"."mrr"
IS 'monthly, in ''EUR'''
