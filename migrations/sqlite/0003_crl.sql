-- CRLs that were fetched, by the hash of their URL.
CREATE TABLE crl (
    url_hash      BLOB    NOT NULL PRIMARY KEY CHECK (length(url_hash) = 32),
    url           TEXT    NOT NULL,
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

-- Their bytes, in rows small enough for every server's packet size.
CREATE TABLE crl_chunk (
    url_hash BLOB    NOT NULL,
    position INTEGER NOT NULL,
    bytes    BLOB    NOT NULL CHECK (length(bytes) <= 1048576),
    PRIMARY KEY (url_hash, position)
) STRICT;
