-- People who sign in, what their sessions know of them, and what ends sessions.
-- A person is an issuer and a subject; sessions that began before `valid_from` do not count any more.
ALTER TABLE principals ADD COLUMN issuer TEXT NOT NULL DEFAULT '';
ALTER TABLE principals ADD COLUMN subject TEXT NOT NULL DEFAULT '';
ALTER TABLE principals ADD COLUMN valid_from BIGINT NOT NULL DEFAULT 0;

ALTER TABLE sessions ADD COLUMN principal TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN issuer TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN sid TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN method TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN agent TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN used_at BIGINT NOT NULL DEFAULT 0;
UPDATE sessions SET used_at = created_at;
CREATE INDEX sessions_by_principal ON sessions (principal);
CREATE INDEX sessions_by_sid ON sessions (sid) WHERE sid <> '';

-- States of sign-ins and ids of logout tokens that were used, until they would not be taken anyway.
CREATE TABLE used_once (
  kind TEXT NOT NULL,
  value TEXT NOT NULL,
  until BIGINT NOT NULL,
  PRIMARY KEY (kind, value)
);
CREATE INDEX used_once_by_end ON used_once (until);

-- Whom the provider signed out: a session of theirs (`sid`), or all that began before (`subject`). It counts for sessions too that
-- begin later but were on their way by then.
CREATE TABLE logouts (
  issuer TEXT NOT NULL,
  sid TEXT NOT NULL,
  subject TEXT NOT NULL,
  at_s BIGINT NOT NULL,
  until BIGINT NOT NULL,
  PRIMARY KEY (issuer, sid, subject)
);
CREATE INDEX logouts_by_end ON logouts (until);

-- Who confirmed that it is them, for which plan.
CREATE TABLE step_ups (
  session_key BYTEA NOT NULL REFERENCES sessions (key) ON DELETE CASCADE,
  plan_hash TEXT NOT NULL,
  until BIGINT NOT NULL,
  PRIMARY KEY (session_key, plan_hash)
);

-- Who approved which plan, as it was then. Whoever applies it is somebody else.
CREATE TABLE approvals (
  plan_id TEXT PRIMARY KEY REFERENCES plans (id) ON DELETE CASCADE,
  plan_hash TEXT NOT NULL,
  principal TEXT NOT NULL,
  name TEXT NOT NULL,
  session_key BYTEA NOT NULL,
  at BIGINT NOT NULL
);

-- Drafts and views are a person's, whoever they are at Qlik. Until now there was one person; of two drafts the newest stays.
CREATE TABLE drafts_of (
  tenant TEXT NOT NULL,
  principal TEXT NOT NULL,
  what TEXT NOT NULL,
  body TEXT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (tenant, principal, what)
);
INSERT INTO drafts_of (tenant, principal, what, body, updated_at)
  SELECT d.tenant, 'local', d.what, MIN(d.body), d.updated_at FROM drafts d
  WHERE d.updated_at = (SELECT MAX(o.updated_at) FROM drafts o WHERE o.tenant = d.tenant AND o.what = d.what)
  GROUP BY d.tenant, d.what, d.updated_at;
DROP TABLE drafts;
ALTER TABLE drafts_of RENAME TO drafts;
CREATE INDEX drafts_by_age ON drafts (updated_at);

CREATE TABLE views_of (
  tenant TEXT NOT NULL,
  principal TEXT NOT NULL,
  name TEXT NOT NULL,
  query TEXT NOT NULL,
  PRIMARY KEY (tenant, principal, name)
);
INSERT INTO views_of (tenant, principal, name, query) SELECT tenant, 'local', name, MIN(query) FROM views GROUP BY tenant, name;
DROP TABLE views;
ALTER TABLE views_of RENAME TO views;
