-- Every table has views of its own; those kept until now are of the assignments.
CREATE TABLE views_of_rooms (
  tenant TEXT NOT NULL,
  principal TEXT NOT NULL,
  room TEXT NOT NULL,
  name TEXT NOT NULL,
  query TEXT NOT NULL,
  PRIMARY KEY (tenant, principal, room, name)
);
INSERT INTO views_of_rooms (tenant, principal, room, name, query) SELECT tenant, principal, 'assignments', name, query FROM views;
DROP TABLE views;
ALTER TABLE views_of_rooms RENAME TO views;
