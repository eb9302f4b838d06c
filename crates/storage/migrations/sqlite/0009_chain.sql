-- The trail proves itself: records as text in a chain of hashes, an end that the audit key vouches for, and signed checkpoints.
-- What was written before the chain is taken into it by the program, which can count hashes, when it starts next.
ALTER TABLE audit RENAME TO audit_before_chain;
DROP TABLE trails;

-- Written once, never changed: the program has no statement that would.
CREATE TABLE audit_records (
  tenant TEXT NOT NULL,
  seq BIGINT NOT NULL,
  text TEXT NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (tenant, seq)
);

-- What records are found by; narrow, so that a million are looked through quickly. `verify-audit` compares it with the records.
CREATE TABLE audit_index (
  tenant TEXT NOT NULL,
  seq BIGINT NOT NULL,
  at BIGINT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  job_id TEXT NOT NULL,
  outcome TEXT NOT NULL,
  PRIMARY KEY (tenant, seq)
) WITHOUT ROWID;
CREATE INDEX audit_by_job ON audit_index (tenant, job_id, seq) WHERE job_id <> '';

-- Where each tenant's trail ends. Whoever adds to one holds its row.
CREATE TABLE audit_heads (
  tenant TEXT PRIMARY KEY,
  seq BIGINT NOT NULL,
  hash BLOB NOT NULL,
  mac BLOB NOT NULL
);

CREATE TABLE audit_checkpoints (
  tenant TEXT NOT NULL,
  n BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  text TEXT NOT NULL,
  signature TEXT NOT NULL,
  PRIMARY KEY (tenant, n)
);

-- Who did something, as far as records tell it, as JSON.
ALTER TABLE jobs ADD COLUMN who TEXT NOT NULL DEFAULT '';
ALTER TABLE plans ADD COLUMN who TEXT NOT NULL DEFAULT '';
