-- What Qlik made for a row, such as the id of a new group, as JSON; empty where it made nothing.
ALTER TABLE journal ADD COLUMN made TEXT NOT NULL DEFAULT '';
-- By which version of their form changes, plans and the rules of lists were written; 1 is the first.
ALTER TABLE journal ADD COLUMN form BIGINT NOT NULL DEFAULT 1;
ALTER TABLE plans ADD COLUMN form BIGINT NOT NULL DEFAULT 1;
ALTER TABLE lists ADD COLUMN form BIGINT NOT NULL DEFAULT 1;
