-- Views of a table that somebody gave a name: whose, of which tenant, and the address's query that shows them.
CREATE TABLE views (
  tenant TEXT NOT NULL,
  qlik_user TEXT NOT NULL,
  name TEXT NOT NULL,
  query TEXT NOT NULL,
  PRIMARY KEY (tenant, qlik_user, name)
);
