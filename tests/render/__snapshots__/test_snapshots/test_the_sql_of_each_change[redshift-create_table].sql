CREATE TABLE IF NOT EXISTS "default"."vip" (
  "id" VARCHAR(65535),
  "received_at" TIMESTAMPTZ,
  "paid" BOOLEAN,
  "seats" BIGINT,
  "score" DOUBLE PRECISION,
  "mrr" NUMERIC(18, 2),
  "since" DATE,
  "entity_context" SUPER
);
COMMENT ON TABLE "default"."vip"
IS 'VIP accounts';
COMMENT ON COLUMN "default"."vip"."mrr"
IS 'monthly, in \'EUR\''
