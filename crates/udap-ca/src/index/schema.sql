-- The index of a certificate authority. Times are seconds since 1970 in UTC.

CREATE TABLE authority (
  id                   INTEGER PRIMARY KEY CHECK (id = 1),
  -- 0 until `udap ca init` is through: only then is there an authority at all.
  ready                INTEGER NOT NULL CHECK (ready IN (0, 1)),
  community            TEXT,
  crl_base_url         TEXT,
  certificate_base_url TEXT
) STRICT;

CREATE TABLE revocation_list (
  issuer TEXT PRIMARY KEY CHECK (issuer IN ('root', 'intermediate')),
  -- Of the latest list; taken before the list is signed, so that none is used twice.
  number INTEGER NOT NULL CHECK (number >= 0),
  -- 1 while a revocation waits for the list that carries it.
  due    INTEGER NOT NULL CHECK (due IN (0, 1)),
  -- How long each list is valid.
  lifetime_seconds INTEGER NOT NULL CHECK (lifetime_seconds > 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE certificate (
  id                INTEGER PRIMARY KEY, -- the order of issuing
  serial            TEXT NOT NULL UNIQUE,
  issuer            TEXT NOT NULL CHECK (issuer IN ('root', 'intermediate')),
  profile           TEXT NOT NULL,
  common_name       TEXT NOT NULL,
  organization      TEXT,
  names             TEXT NOT NULL,       -- a JSON array
  key               TEXT NOT NULL,
  key_hash          BLOB NOT NULL,       -- SHA-256 of the SubjectPublicKeyInfo
  not_before        INTEGER NOT NULL,
  not_after         INTEGER NOT NULL,
  fingerprint       TEXT NOT NULL,
  der               BLOB NOT NULL,
  filed             INTEGER NOT NULL CHECK (filed IN (0, 1)), -- 1 once issued/SERIAL.pem is written
  revoked_at        INTEGER,
  revocation_reason TEXT,
  -- The app's metadata that were judged before issuing, if any: by which rules, when, and a JSON object.
  metadata_rules      TEXT,
  metadata_checked_at INTEGER,
  metadata            TEXT,
  metadata_links      INTEGER CHECK (metadata_links IN (0, 1)), -- 1: its links were visited, too
  CHECK ((metadata IS NULL) = (metadata_rules IS NULL) AND (metadata IS NULL) = (metadata_checked_at IS NULL)
    AND (metadata IS NULL) = (metadata_links IS NULL)),
  CHECK ((revoked_at IS NULL) = (revocation_reason IS NULL))
) STRICT;

CREATE INDEX certificate_key ON certificate (key_hash);
CREATE INDEX certificate_end ON certificate (not_after);
CREATE INDEX certificate_revoked ON certificate (issuer, id) WHERE revoked_at IS NOT NULL;
CREATE INDEX certificate_unfiled ON certificate (id) WHERE filed = 0;

-- Every URI ever issued, by what two URIs have in common that some server takes for one (J03).
CREATE TABLE uri (
  likeness    TEXT NOT NULL,
  certificate INTEGER NOT NULL REFERENCES certificate (id),
  uri         TEXT NOT NULL,
  PRIMARY KEY (likeness, certificate, uri)
) STRICT, WITHOUT ROWID;

-- Which earlier certificates say that a certificate's URIs are its holder's (J03).
CREATE TABLE succession (
  certificate INTEGER NOT NULL REFERENCES certificate (id),
  earlier     INTEGER NOT NULL REFERENCES certificate (id),
  kind        TEXT NOT NULL CHECK (kind IN ('renewal', 'rekey', 'same-holder')),
  PRIMARY KEY (certificate, earlier)
) STRICT, WITHOUT ROWID;

CREATE INDEX succession_earlier ON succession (earlier);
