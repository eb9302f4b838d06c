-- What each line of the trail touches, by the keys that locks have as well: as many as there are.
CREATE TABLE audit_touches (
  tenant TEXT NOT NULL,
  seq BIGINT NOT NULL,
  key TEXT NOT NULL,
  PRIMARY KEY (tenant, seq, key)
) WITHOUT ROWID;
INSERT OR IGNORE INTO audit_touches (tenant, seq, key)
  SELECT tenant, seq, 'license' || char(31) || target_key FROM audit
  WHERE action IN ('assign', 'remove', 'change type', 'rename');
INSERT OR IGNORE INTO audit_touches (tenant, seq, key)
  SELECT tenant, seq, 'license' || char(31) || also_key FROM audit WHERE action = 'rename' AND also_key <> '';
INSERT OR IGNORE INTO audit_touches (tenant, seq, key)
  SELECT tenant, seq, also_key FROM audit WHERE action = 'set roles' AND also_key <> '';
INSERT OR IGNORE INTO audit_touches (tenant, seq, key)
  SELECT tenant, seq, 'group name' || char(31) || target FROM audit WHERE action = 'set roles' AND also_key = '';
INSERT OR IGNORE INTO audit_touches (tenant, seq, key)
  SELECT tenant, seq, 'settings' || char(31) || CASE target WHEN 'Group settings' THEN 'groups' ELSE 'licenses' END
  FROM audit WHERE action = 'set';
CREATE INDEX audit_by_touch ON audit_touches (tenant, key, seq);
DROP INDEX audit_by_target;
DROP INDEX audit_by_also;
ALTER TABLE audit DROP COLUMN target_key;
ALTER TABLE audit DROP COLUMN also_key;
