-- Which process does a job that only one at a time may do.
CREATE TABLE lease (
    name       TEXT    NOT NULL PRIMARY KEY,
    -- random, one for each process
    holder     TEXT    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- The seals again, with the digest of their events, so that the seal of a batch whose events were
-- purged can still be checked. Nothing has made a seal before this version: the table is empty.
DROP TABLE audit_seal;
CREATE TABLE audit_seal (
    batch     INTEGER PRIMARY KEY,
    sealed_at INTEGER NOT NULL,
    events    INTEGER NOT NULL CHECK (events > 0),
    -- Whether the seal is an HMAC; otherwise a plain hash.
    keyed     INTEGER NOT NULL CHECK (keyed IN (0, 1)),
    -- SHA-256 over the events
    digest    BLOB    NOT NULL CHECK (length(digest) = 32),
    previous  BLOB    NOT NULL CHECK (length(previous) = 32),
    seal      BLOB    NOT NULL CHECK (length(seal) = 32)
) STRICT;
