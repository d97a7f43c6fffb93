ALTER TABLE "default"."vip"
ADD COLUMN "plan_tier__rebuilt" BIGINT;
UPDATE "default"."vip"
SET "plan_tier__rebuilt" = CAST("plan_tier" AS BIGINT);
ALTER TABLE "default"."vip"
DROP COLUMN "plan_tier";
ALTER TABLE "default"."vip"
RENAME COLUMN "plan_tier__rebuilt" TO "plan_tier"
