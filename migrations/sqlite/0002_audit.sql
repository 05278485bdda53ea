-- What happened. Written unchained, in the transaction that it tells of; numbered and sealed later.
CREATE TABLE audit_event (
    id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    occurred_at INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    request_id  TEXT,
    client_id   TEXT,
    -- JSON
    detail      TEXT    NOT NULL,
    -- Where it stands in the sealed order; NULL until it is sealed.
    batch       INTEGER,
    position    INTEGER,
    CHECK ((batch IS NULL) = (position IS NULL))
) STRICT;

CREATE UNIQUE INDEX audit_event_order ON audit_event (batch, position);
CREATE INDEX audit_event_time ON audit_event (occurred_at);
CREATE INDEX audit_event_client ON audit_event (client_id, occurred_at);

-- A seal over a batch of events and the seal before it. Kept when its events are purged.
CREATE TABLE audit_seal (
    batch     INTEGER PRIMARY KEY,
    sealed_at INTEGER NOT NULL,
    events    INTEGER NOT NULL CHECK (events > 0),
    -- Whether the seal is an HMAC; otherwise a plain hash.
    keyed     INTEGER NOT NULL CHECK (keyed IN (0, 1)),
    previous  BLOB    NOT NULL CHECK (length(previous) = 32),
    seal      BLOB    NOT NULL CHECK (length(seal) = 32)
) STRICT;
