-- Times are microseconds since 1970, UTC. Keys are SHA-256 over length-prefixed parts.

-- One row for each client_id that was ever given out.
CREATE TABLE registration (
    id                      INTEGER PRIMARY KEY,
    -- of site, community URI and client URI: the identity of a registration (D01)
    identity                BLOB    NOT NULL CHECK (length(identity) = 32),
    -- of the client URI alone, for blocks that hold everywhere
    client_uri_hash         BLOB    NOT NULL CHECK (length(client_uri_hash) = 32),
    site                    TEXT    NOT NULL,
    community_id            TEXT    NOT NULL,
    community_uri           TEXT    NOT NULL,
    client_uri              TEXT    NOT NULL,
    client_id               TEXT    NOT NULL,
    client_name             TEXT    NOT NULL,

    status                  TEXT    NOT NULL CHECK (status IN ('pending', 'registered', 'cancelled')),
    -- 1, or NULL once cancelled: with it an identity has at most one live registration. MariaDB
    -- has no partial indexes.
    live                    INTEGER GENERATED ALWAYS AS (CASE WHEN status <> 'cancelled' THEN 1 END) VIRTUAL,

    -- Why the last check of trust switched it off.
    trust_off               TEXT    CHECK (trust_off IN ('expired', 'revoked', 'untrusted', 'unknown')),
    -- What an administrator approved (JSON: scopes, grant types, redirect URIs).
    approved                TEXT,
    -- Whether the community's policy enabled it when its last statement was judged.
    policy_enables          INTEGER NOT NULL CHECK (policy_enables IN (0, 1)),
    -- What we last wrote into the client's row.
    written_enabled         INTEGER NOT NULL CHECK (written_enabled IN (0, 1)),

    -- What is registered: the metadata members of the answer (JSON).
    metadata                TEXT    NOT NULL,
    statement               TEXT    NOT NULL,
    jti                     TEXT    NOT NULL,

    certificate_fingerprint BLOB    NOT NULL CHECK (length(certificate_fingerprint) = 32),
    key_fingerprint         BLOB    NOT NULL CHECK (length(key_fingerprint) = 32),
    issuer_hash             BLOB    NOT NULL CHECK (length(issuer_hash) = 32),
    issuer                  TEXT    NOT NULL,
    serial                  BLOB    NOT NULL,
    not_after               INTEGER NOT NULL,
    certificate             BLOB    NOT NULL,
    -- The intermediates of its path: certificates in DER, back to back, its issuer first.
    chain                   BLOB    NOT NULL,

    request_id              TEXT    NOT NULL,
    remote_address          TEXT,
    registered_at           INTEGER NOT NULL,
    updated_at              INTEGER NOT NULL,
    cancelled_at            INTEGER,

    CHECK ((cancelled_at IS NULL) = (status <> 'cancelled'))
) STRICT;

CREATE UNIQUE INDEX registration_live ON registration (identity, live);
CREATE UNIQUE INDEX registration_client ON registration (client_id);
CREATE INDEX registration_client_uri ON registration (client_uri_hash, live);
CREATE INDEX registration_key ON registration (key_fingerprint, live);
CREATE INDEX registration_certificate ON registration (issuer_hash, serial);
CREATE INDEX registration_expiry ON registration (live, not_after);
CREATE INDEX registration_order ON registration (registered_at, id);

-- Clients whose row an administrator switched off or removed. It outlives a registration.
CREATE TABLE admin_off (
    identity BLOB    NOT NULL PRIMARY KEY CHECK (length(identity) = 32),
    since    INTEGER NOT NULL
) STRICT;

-- Whom operators blocked: a registration's identity, a client URI's hash, a key's fingerprint.
CREATE TABLE client_block (
    scope    TEXT    NOT NULL CHECK (scope IN ('registration', 'everywhere', 'key')),
    identity BLOB    NOT NULL CHECK (length(identity) = 32),
    since    INTEGER NOT NULL,
    operator TEXT    NOT NULL,
    reason   TEXT,
    PRIMARY KEY (scope, identity)
) STRICT;

-- Certificates once seen revoked: refused for good, though a later CRL omits them.
CREATE TABLE revoked_certificate (
    fingerprint BLOB    NOT NULL PRIMARY KEY CHECK (length(fingerprint) = 32),
    since       INTEGER NOT NULL
) STRICT;

-- Statements that were used, by issuer and jti (C24-C26), with what came of them.
CREATE TABLE spent_jti (
    identity   BLOB    NOT NULL PRIMARY KEY CHECK (length(identity) = 32),
    expires_at INTEGER NOT NULL,
    request_id TEXT    NOT NULL,
    outcome    TEXT    NOT NULL CHECK (outcome IN ('created', 'modified', 'cancelled', 'not_registered', 'blocked', 'refused')),
    client_id  TEXT,
    issued_at  INTEGER,
    enabled    INTEGER CHECK (enabled IN (0, 1))
) STRICT;

CREATE INDEX spent_jti_expiry ON spent_jti (expires_at);
