-- What must survive a restart. Times are milliseconds since 1970, UTC. The PostgreSQL twin differs in BYTEA for BLOB only.
CREATE TABLE sessions (
  key BLOB PRIMARY KEY,
  data BLOB NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  idle_until BIGINT NOT NULL,
  absolute_until BIGINT NOT NULL,
  revoked_at BIGINT
);
CREATE INDEX sessions_by_end ON sessions (absolute_until);

CREATE TABLE credentials (
  session_key BLOB NOT NULL REFERENCES sessions (key) ON DELETE CASCADE,
  tenant TEXT NOT NULL,
  sealed BLOB NOT NULL,
  wrapped_key BLOB NOT NULL,
  qlik_user TEXT NOT NULL,
  qlik_name TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (session_key, tenant)
);

CREATE TABLE plans (
  id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  author TEXT NOT NULL,
  title TEXT NOT NULL,
  hash TEXT NOT NULL,
  origin TEXT NOT NULL,
  inventory_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  rows BIGINT NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX plans_by_tenant ON plans (tenant, created_at);

CREATE TABLE jobs (
  id TEXT PRIMARY KEY,
  plan_id TEXT NOT NULL UNIQUE REFERENCES plans (id),
  tenant TEXT NOT NULL,
  qlik_user TEXT NOT NULL,
  author TEXT NOT NULL,
  title TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  undo_of TEXT,
  created_at BIGINT NOT NULL,
  finished_at BIGINT,
  lease_owner TEXT NOT NULL,
  lease_until BIGINT NOT NULL,
  lease_token BIGINT NOT NULL
);
CREATE INDEX jobs_by_tenant ON jobs (tenant, created_at);
CREATE INDEX jobs_by_state ON jobs (state);

CREATE TABLE grants (
  job_id TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
  sealed BLOB NOT NULL,
  wrapped_key BLOB NOT NULL,
  expires_at BIGINT NOT NULL
);

CREATE TABLE journal (
  job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  seq BIGINT NOT NULL,
  change TEXT NOT NULL,
  name TEXT NOT NULL,
  state TEXT NOT NULL,
  status BIGINT NOT NULL,
  code TEXT NOT NULL,
  title TEXT NOT NULL,
  trace TEXT NOT NULL,
  sent_at BIGINT,
  settled_at BIGINT,
  PRIMARY KEY (job_id, seq)
);
CREATE INDEX journal_by_state ON journal (job_id, state);

CREATE TABLE locks (
  tenant TEXT NOT NULL,
  key TEXT NOT NULL,
  job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  PRIMARY KEY (tenant, key)
);
CREATE INDEX locks_by_job ON locks (job_id);

CREATE TABLE audit (
  tenant TEXT NOT NULL,
  seq BIGINT NOT NULL,
  at BIGINT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  target_key TEXT NOT NULL,
  job_id TEXT NOT NULL,
  outcome TEXT NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (tenant, seq)
);
CREATE INDEX audit_by_target ON audit (tenant, target_key, seq);

CREATE TABLE lists (
  id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  author TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  body BLOB NOT NULL,
  rules TEXT NOT NULL
);
CREATE INDEX lists_by_age ON lists (created_at);
