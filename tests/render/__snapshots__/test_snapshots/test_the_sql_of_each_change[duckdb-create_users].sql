CREATE TABLE IF NOT EXISTS "engage_default"."users" (
  "id" VARCHAR,
  "vip" BOOLEAN
)
