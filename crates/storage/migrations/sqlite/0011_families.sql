-- Connections by Qlik's OAuth. Tokens that come from one authorization are a family; one server at a time uses its refresh token.
-- The tokens themselves are sealed where they are held: with a session's credential, or with a job's grant.
CREATE TABLE families (
  id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  qlik_user TEXT NOT NULL,
  qlik_name TEXT NOT NULL,
  -- How often it was refreshed.
  generation BIGINT NOT NULL,
  -- When its newest access token ends.
  expires_at BIGINT NOT NULL,
  -- Somebody refreshes it until then.
  lease_until BIGINT NOT NULL,
  -- The tenant did not answer: not again before then.
  again_at BIGINT NOT NULL,
  -- Since when the tenant takes its tokens no more.
  lost_at BIGINT,
  created_at BIGINT NOT NULL
);

-- Empty for an API key.
ALTER TABLE credentials ADD COLUMN family TEXT NOT NULL DEFAULT '';
CREATE INDEX credentials_by_family ON credentials (family) WHERE family <> '';
ALTER TABLE grants ADD COLUMN family TEXT NOT NULL DEFAULT '';
-- 'lent' by a session, 'own' with a family that is the job's alone, or 'unattended' by the portal's own client.
ALTER TABLE grants ADD COLUMN kind TEXT NOT NULL DEFAULT 'lent';
CREATE INDEX grants_by_family ON grants (family) WHERE family <> '';
-- The job waits until its Qlik user connects again.
ALTER TABLE jobs ADD COLUMN needs BIGINT NOT NULL DEFAULT 0;
