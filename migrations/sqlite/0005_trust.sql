-- When a registration's trust was last established, and when it was last looked at. Never before this version: a
-- statement did it.
ALTER TABLE registration ADD COLUMN good_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE registration ADD COLUMN checked_at INTEGER NOT NULL DEFAULT 0;
UPDATE registration SET good_at = updated_at, checked_at = updated_at;

-- SHA-256 of chain. Few chains lead to many apps: a revoked intermediate is found by it. NULL in rows of earlier
-- versions, which are looked at in their turn.
ALTER TABLE registration ADD COLUMN chain_hash BLOB;
CREATE INDEX registration_chain ON registration (live, chain_hash);

-- Certificates once seen revoked, by issuer's name and key and serial number: an ECDSA signature can be changed
-- without its key, and a fingerprint with it. No version has written one yet.
DROP TABLE revoked_certificate;
CREATE TABLE revoked_certificate (
    identity   BLOB    NOT NULL PRIMARY KEY CHECK (length(identity) = 32),
    since      INTEGER NOT NULL,
    -- notAfter: from then on it is refused for that
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX revoked_certificate_expiry ON revoked_certificate (expires_at);

-- CRLs again, with the certificate whose key signed them. No version has stored one yet.
DROP TABLE crl;
DROP TABLE crl_chunk;
CREATE TABLE crl (
    -- SHA-256 of url and issuer_key: a CA that names another's address must not get in its way
    url_hash      BLOB    NOT NULL PRIMARY KEY CHECK (length(url_hash) = 32),
    url           TEXT    NOT NULL,
    issuer        BLOB    NOT NULL,
    issuer_key    BLOB    NOT NULL CHECK (length(issuer_key) = 32),
    this_update   INTEGER NOT NULL,
    next_update   INTEGER,
    -- cRLNumber: big-endian, without leading zeros
    number        BLOB,
    entity_tag    TEXT,
    last_modified TEXT,
    fetched_at    INTEGER NOT NULL,
    length        INTEGER NOT NULL CHECK (length > 0),
    digest        BLOB    NOT NULL CHECK (length(digest) = 32)
) STRICT;

-- Their bytes, in rows small enough for every server's packet size. They are found by the digest of the whole, so
-- that a new list can be written beside the old one, in transactions of its own.
CREATE TABLE crl_chunk (
    digest   BLOB    NOT NULL CHECK (length(digest) = 32),
    position INTEGER NOT NULL,
    bytes    BLOB    NOT NULL CHECK (length(bytes) <= 1048576),
    PRIMARY KEY (digest, position)
) STRICT;
