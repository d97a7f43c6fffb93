CREATE TABLE IF NOT EXISTS "engage_default"."users" (
  "id" VARCHAR(65535),
  "vip" BOOLEAN
)
