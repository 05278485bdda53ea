-- Pieces of a CRL are found by the digest of the whole, so that a new one can be written beside the old one, in
-- transactions of its own. What was fetched before is fetched again.
DELETE FROM crl;
DROP TABLE crl_chunk;
CREATE TABLE crl_chunk (
    digest   BLOB    NOT NULL CHECK (length(digest) = 32),
    position INTEGER NOT NULL,
    bytes    BLOB    NOT NULL CHECK (length(bytes) <= 1048576),
    PRIMARY KEY (digest, position)
) STRICT;
