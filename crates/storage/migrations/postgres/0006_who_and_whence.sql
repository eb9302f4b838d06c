-- Users of the portal, by id.
CREATE TABLE principals (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  first_seen BIGINT NOT NULL,
  last_seen BIGINT NOT NULL
);

-- Who did something, beside the words for it: the portal's user, and the Qlik user they acted as.
ALTER TABLE audit ADD COLUMN principal TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN qlik_user TEXT NOT NULL DEFAULT '';
ALTER TABLE plans ADD COLUMN principal TEXT NOT NULL DEFAULT '';
ALTER TABLE plans ADD COLUMN qlik_user TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN principal TEXT NOT NULL DEFAULT '';

-- Where a plan comes from, by kind and id.
ALTER TABLE plans ADD COLUMN origin_kind TEXT NOT NULL DEFAULT '';
ALTER TABLE plans ADD COLUMN origin_id TEXT NOT NULL DEFAULT '';
UPDATE plans SET origin_kind = 'replaces', origin_id = substr(origin, 10) WHERE origin LIKE 'replaces %';
UPDATE plans SET origin_kind = 'remedies', origin_id = substr(origin, 10) WHERE origin LIKE 'remedies %';
UPDATE plans SET origin_kind = 'job', origin_id = origin WHERE origin <> '' AND origin_kind = '';
ALTER TABLE plans DROP COLUMN origin;
