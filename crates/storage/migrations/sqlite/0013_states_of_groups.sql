-- How groups and roles were, reading by reading: a row for each reading that differs from the one before, with the step from there,
-- and now and then with all of it, so that no moment is many steps away.
CREATE TABLE group_states (
  tenant TEXT NOT NULL,
  n BIGINT NOT NULL,
  at BIGINT NOT NULL,
  until BIGINT NOT NULL,
  began BIGINT NOT NULL,
  changes BIGINT NOT NULL,
  step BLOB NOT NULL,
  whole BLOB NOT NULL,
  PRIMARY KEY (tenant, n)
);
CREATE INDEX group_states_by_time ON group_states (tenant, at);

-- How groups and roles are meant to be, as somebody declared it.
CREATE TABLE group_baselines (
  tenant TEXT PRIMARY KEY,
  at BIGINT NOT NULL,
  declared_at BIGINT NOT NULL,
  declared_by TEXT NOT NULL,
  whole BLOB NOT NULL
);
