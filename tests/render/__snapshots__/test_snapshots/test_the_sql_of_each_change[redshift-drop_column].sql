ALTER TABLE "default"."vip"
DROP COLUMN "legacy"
