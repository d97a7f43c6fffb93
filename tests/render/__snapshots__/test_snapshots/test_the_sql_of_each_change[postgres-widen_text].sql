ALTER TABLE "default"."vip"
ALTER COLUMN "plan_tier" SET DATA TYPE character varying(128)
USING "plan_tier"
