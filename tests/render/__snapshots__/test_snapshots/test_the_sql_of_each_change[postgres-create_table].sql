CREATE TABLE IF NOT EXISTS "default"."vip" (
  "id" text,
  "received_at" timestamp with time zone,
  "paid" boolean,
  "seats" bigint,
  "score" double precision,
  "mrr" numeric(18, 2),
  "since" date,
  "entity_context" jsonb
);
COMMENT ON TABLE "default"."vip"
IS 'VIP accounts';
COMMENT ON COLUMN "default"."vip"."mrr"
IS 'monthly, in ''EUR'''
