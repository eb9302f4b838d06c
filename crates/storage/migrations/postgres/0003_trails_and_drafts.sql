-- What the trail is counted by, the second subject of a rename, what a finished job came to, and drafts that wait for their author.
-- One row a tenant: whoever adds to a trail holds it, and waits for nobody else's tenant.
CREATE TABLE trails (
  tenant TEXT PRIMARY KEY,
  last BIGINT NOT NULL
);
INSERT INTO trails (tenant, last) SELECT tenant, MAX(seq) FROM audit GROUP BY tenant;

-- A rename touches two subjects; the trail of either has it.
ALTER TABLE audit ADD COLUMN also_key TEXT NOT NULL DEFAULT '';
CREATE INDEX audit_by_also ON audit (tenant, also_key, seq) WHERE also_key <> '';

-- What its rows came to, once it is over: they are not kept for ever.
ALTER TABLE jobs ADD COLUMN tally TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN rows_gone BIGINT NOT NULL DEFAULT 0;
-- Rows in one request that went well last, and the most that Qlik took; 0 where nothing is known.
ALTER TABLE jobs ADD COLUMN batch_rows BIGINT NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN batch_most BIGINT NOT NULL DEFAULT 0;

CREATE INDEX journal_by_sent ON journal (sent_at);
CREATE INDEX plans_by_age ON plans (created_at);
CREATE INDEX jobs_by_end ON jobs (finished_at);

CREATE TABLE drafts (
  tenant TEXT NOT NULL,
  qlik_user TEXT NOT NULL,
  what TEXT NOT NULL,
  body TEXT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (tenant, qlik_user, what)
);
CREATE INDEX drafts_by_age ON drafts (updated_at);

-- Jobs lock whom they change with all that they hold, no longer one license of theirs.
INSERT INTO locks (tenant, key, job_id)
  SELECT DISTINCT tenant, 'license' || chr(31) || split_part(key, chr(31), 2), job_id FROM locks
  WHERE key LIKE 'license' || chr(31) || '%' || chr(31) || '%' ON CONFLICT DO NOTHING;
DELETE FROM locks WHERE key LIKE 'license' || chr(31) || '%' || chr(31) || '%';
