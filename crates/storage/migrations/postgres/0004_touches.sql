-- What each line of the trail touches, by the keys that locks have as well: as many as there are.
CREATE TABLE audit_touches (
  tenant TEXT NOT NULL,
  seq BIGINT NOT NULL,
  key TEXT NOT NULL,
  PRIMARY KEY (tenant, seq, key)
);
INSERT INTO audit_touches (tenant, seq, key)
  SELECT tenant, seq, 'license' || chr(31) || target_key FROM audit
  WHERE action IN ('assign', 'remove', 'change type', 'rename') ON CONFLICT DO NOTHING;
INSERT INTO audit_touches (tenant, seq, key)
  SELECT tenant, seq, 'license' || chr(31) || also_key FROM audit WHERE action = 'rename' AND also_key <> '' ON CONFLICT DO NOTHING;
INSERT INTO audit_touches (tenant, seq, key)
  SELECT tenant, seq, also_key FROM audit WHERE action = 'set roles' AND also_key <> '' ON CONFLICT DO NOTHING;
INSERT INTO audit_touches (tenant, seq, key)
  SELECT tenant, seq, 'group name' || chr(31) || target FROM audit WHERE action = 'set roles' AND also_key = '' ON CONFLICT DO NOTHING;
INSERT INTO audit_touches (tenant, seq, key)
  SELECT tenant, seq, 'settings' || chr(31) || CASE target WHEN 'Group settings' THEN 'groups' ELSE 'licenses' END
  FROM audit WHERE action = 'set' ON CONFLICT DO NOTHING;
CREATE INDEX audit_by_touch ON audit_touches (tenant, key, seq);
DROP INDEX audit_by_target;
DROP INDEX audit_by_also;
ALTER TABLE audit DROP COLUMN target_key;
ALTER TABLE audit DROP COLUMN also_key;
