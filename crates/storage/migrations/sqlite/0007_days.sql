-- Seats by day and license type, as read last on that day: how the use of a tenant went.
CREATE TABLE seat_days (
  tenant TEXT NOT NULL,
  day INTEGER NOT NULL,
  allotment TEXT NOT NULL,
  at INTEGER NOT NULL,
  used INTEGER NOT NULL,
  units INTEGER NOT NULL,
  overage INTEGER NOT NULL,
  PRIMARY KEY (tenant, day, allotment)
);

-- When somebody looked at a tenant last, and when their visit before this one ended.
CREATE TABLE visits (
  tenant TEXT NOT NULL,
  principal TEXT NOT NULL,
  seen_at INTEGER NOT NULL,
  before_at INTEGER NOT NULL,
  PRIMARY KEY (tenant, principal)
);
