-- Views of a table that somebody gave a name: whose, of which tenant, and the address's query that shows them.
CREATE TABLE views (
  tenant TEXT NOT NULL,
  qlik_user TEXT NOT NULL,
  name TEXT NOT NULL,
  query TEXT NOT NULL,
  PRIMARY KEY (tenant, qlik_user, name)
);

-- How fast a job goes is read from when its rows were settled.
CREATE INDEX journal_by_time ON journal (job_id, settled_at);
