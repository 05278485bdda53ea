-- Client assertions that were used in token requests, by site, client_id and jti (G08). They come far more often than
-- statements, and nothing is answered from them: a table of their own, with rows as small as can be.
CREATE TABLE spent_assertion (
    identity   BLOB    NOT NULL PRIMARY KEY CHECK (length(identity) = 32),
    expires_at INTEGER NOT NULL,
    request_id TEXT    NOT NULL,
    -- whether the request could be forwarded
    accepted   INTEGER NOT NULL CHECK (accepted IN (0, 1))
) STRICT;

CREATE INDEX spent_assertion_expiry ON spent_assertion (expires_at);
