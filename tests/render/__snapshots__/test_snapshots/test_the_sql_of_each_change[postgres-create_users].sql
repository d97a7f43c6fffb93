CREATE TABLE IF NOT EXISTS "engage_default"."users" (
  "id" text,
  "vip" boolean
)
WITH (fillfactor = 70);
CREATE UNIQUE INDEX IF NOT EXISTS "users_id_key"
ON "engage_default"."users" ("id")
