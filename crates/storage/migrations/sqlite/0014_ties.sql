-- Licenses that everyone in a group is to hold, and who was in the group when the tenant was read.
CREATE TABLE group_ties (
  tenant TEXT NOT NULL,
  group_id TEXT NOT NULL,
  name TEXT NOT NULL,
  allotment TEXT NOT NULL,
  made_at BIGINT NOT NULL,
  made_by TEXT NOT NULL,
  seen_at BIGINT NOT NULL,
  members BLOB NOT NULL,
  PRIMARY KEY (tenant, group_id)
);
