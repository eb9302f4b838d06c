-- The end of a trail also says how many checkpoints were signed, and which was the last: none can be taken away unnoticed.
-- −1 for ends that were written before they said it.
ALTER TABLE audit_heads ADD COLUMN signed BIGINT NOT NULL DEFAULT -1;
ALTER TABLE audit_heads ADD COLUMN checkpoint BYTEA;
