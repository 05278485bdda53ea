-- What it means is said in sqlite/. It bears being run again after an interruption.

CREATE TABLE IF NOT EXISTS spent_assertion (
    identity   BINARY(32)  NOT NULL PRIMARY KEY,
    expires_at BIGINT      NOT NULL,
    request_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    accepted   TINYINT     NOT NULL CHECK (accepted IN (0, 1)),
    KEY spent_assertion_expiry (expires_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
