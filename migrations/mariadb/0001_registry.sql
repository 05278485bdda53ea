-- The registry's own tables, in a schema of their own beside OpenEMR's. What they mean is said in sqlite/.
--
-- Times are microseconds since 1970, UTC. Keys are SHA-256 over length-prefixed parts, in BINARY: a collation would
-- fold letter case and trailing spaces. Every statement bears being run again after an interruption.

CREATE TABLE IF NOT EXISTS registration (
    id                      BIGINT        NOT NULL AUTO_INCREMENT PRIMARY KEY,
    identity                BINARY(32)    NOT NULL,
    client_uri_hash         BINARY(32)    NOT NULL,
    site                    VARCHAR(255)  NOT NULL,
    community_id            VARCHAR(255)  NOT NULL,
    community_uri           VARCHAR(512)  NOT NULL,
    client_uri              VARCHAR(2048) NOT NULL,
    client_id               VARCHAR(80)   CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    client_name             VARCHAR(255)  NOT NULL,

    status                  VARCHAR(16)   CHARACTER SET ascii COLLATE ascii_bin NOT NULL
                            CHECK (status IN ('pending', 'registered', 'cancelled')),
    live                    TINYINT       GENERATED ALWAYS AS (CASE WHEN status <> 'cancelled' THEN 1 END) STORED,

    trust_off               VARCHAR(16)   CHARACTER SET ascii COLLATE ascii_bin
                            CHECK (trust_off IN ('expired', 'revoked', 'untrusted', 'unknown')),
    approved                MEDIUMTEXT,
    policy_enables          TINYINT       NOT NULL CHECK (policy_enables IN (0, 1)),
    written_enabled         TINYINT       NOT NULL CHECK (written_enabled IN (0, 1)),

    metadata                MEDIUMTEXT    NOT NULL,
    statement               MEDIUMTEXT    NOT NULL,
    jti                     VARCHAR(256)  NOT NULL,

    certificate_fingerprint BINARY(32)    NOT NULL,
    key_fingerprint         BINARY(32)    NOT NULL,
    issuer_hash             BINARY(32)    NOT NULL,
    issuer                  MEDIUMTEXT    NOT NULL,
    serial                  BLOB          NOT NULL,
    not_after               BIGINT        NOT NULL,
    certificate             BLOB          NOT NULL,
    chain                   MEDIUMBLOB    NOT NULL,
    chain_hash              BINARY(32),

    request_id              VARCHAR(64)   CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    remote_address          VARCHAR(64)   CHARACTER SET ascii COLLATE ascii_bin,
    registered_at           BIGINT        NOT NULL,
    updated_at              BIGINT        NOT NULL,
    cancelled_at            BIGINT,
    good_at                 BIGINT        NOT NULL,
    checked_at              BIGINT        NOT NULL,

    CHECK ((cancelled_at IS NULL) = (status <> 'cancelled')),
    UNIQUE KEY registration_live (identity, live),
    UNIQUE KEY registration_client (client_id),
    KEY registration_client_uri (client_uri_hash, live),
    KEY registration_key (key_fingerprint, live),
    KEY registration_certificate (issuer_hash, serial(64)),
    KEY registration_expiry (live, trust_off, not_after),
    KEY registration_order (registered_at, id),
    KEY registration_chain (live, chain_hash)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS admin_off (
    identity BINARY(32) NOT NULL PRIMARY KEY,
    since    BIGINT     NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS client_block (
    scope    VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL
             CHECK (scope IN ('registration', 'everywhere', 'key')),
    identity BINARY(32)   NOT NULL,
    since    BIGINT       NOT NULL,
    operator VARCHAR(255) NOT NULL,
    reason   TEXT,
    PRIMARY KEY (scope, identity)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS revoked_certificate (
    identity   BINARY(32) NOT NULL PRIMARY KEY,
    since      BIGINT     NOT NULL,
    expires_at BIGINT     NOT NULL,
    KEY revoked_certificate_expiry (expires_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS spent_jti (
    identity   BINARY(32)  NOT NULL PRIMARY KEY,
    expires_at BIGINT      NOT NULL,
    request_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    outcome    VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
               CHECK (outcome IN ('created', 'modified', 'cancelled', 'not_registered', 'blocked', 'refused')),
    client_id  VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin,
    issued_at  BIGINT,
    enabled    TINYINT     CHECK (enabled IN (0, 1)),
    KEY spent_jti_expiry (expires_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS audit_event (
    id          BINARY(16)  NOT NULL PRIMARY KEY,
    occurred_at BIGINT      NOT NULL,
    kind        VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    request_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    client_id   VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin,
    detail      MEDIUMTEXT  NOT NULL,
    batch       BIGINT,
    position    BIGINT,
    CHECK ((batch IS NULL) = (position IS NULL)),
    UNIQUE KEY audit_event_order (batch, position),
    KEY audit_event_time (occurred_at),
    KEY audit_event_client (client_id, occurred_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS audit_seal (
    batch     BIGINT     NOT NULL PRIMARY KEY,
    sealed_at BIGINT     NOT NULL,
    events    BIGINT     NOT NULL CHECK (events > 0),
    keyed     TINYINT    NOT NULL CHECK (keyed IN (0, 1)),
    digest    BINARY(32) NOT NULL,
    previous  BINARY(32) NOT NULL,
    seal      BINARY(32) NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS crl (
    url_hash      BINARY(32) NOT NULL PRIMARY KEY,
    url           TEXT       NOT NULL,
    issuer        MEDIUMBLOB NOT NULL,
    issuer_key    BINARY(32) NOT NULL,
    this_update   BIGINT     NOT NULL,
    next_update   BIGINT,
    number        BLOB,
    entity_tag    TEXT,
    last_modified TEXT,
    fetched_at    BIGINT     NOT NULL,
    length        BIGINT     NOT NULL CHECK (length > 0),
    digest        BINARY(32) NOT NULL,
    KEY crl_digest (digest)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS crl_chunk (
    digest   BINARY(32) NOT NULL,
    position BIGINT     NOT NULL,
    bytes    MEDIUMBLOB NOT NULL,
    PRIMARY KEY (digest, position)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS lease (
    name       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    holder     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    expires_at BIGINT      NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Rows to lock, where what is looked for is not there to be locked. 'blocks': statements share it, operators who
-- block and unblock have it alone. 'crls': for whoever changes which lists are known. Each start adds what is missing.
CREATE TABLE IF NOT EXISTS gate (
    name VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
