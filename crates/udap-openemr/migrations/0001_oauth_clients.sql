-- OpenEMR's table of clients and those of its tokens, as far as registration touches them, for a
-- server without an OpenEMR behind it. Names, types and defaults are OpenEMR's, letter case of
-- client_id is ignored as there, and lengths are enforced.

CREATE TABLE oauth_clients (
    client_id                          varchar(80) COLLATE NOCASE NOT NULL PRIMARY KEY CHECK (length(client_id) <= 80),
    client_role                        varchar(20) DEFAULT NULL CHECK (length(client_role) <= 20),
    client_name                        varchar(80) NOT NULL CHECK (length(client_name) <= 80),
    client_secret                      text DEFAULT NULL,
    registration_token                 varchar(80) DEFAULT NULL CHECK (length(registration_token) <= 80),
    registration_uri_path              varchar(40) DEFAULT NULL CHECK (length(registration_uri_path) <= 40),
    register_date                      datetime DEFAULT NULL,
    revoke_date                        datetime DEFAULT NULL,
    contacts                           text DEFAULT NULL,
    redirect_uri                       text DEFAULT NULL,
    grant_types                        varchar(80) DEFAULT NULL CHECK (length(grant_types) <= 80),
    scope                              text DEFAULT NULL,
    user_id                            varchar(40) DEFAULT NULL CHECK (length(user_id) <= 40),
    site_id                            varchar(64) DEFAULT NULL CHECK (length(site_id) <= 64),
    is_confidential                    tinyint(1) NOT NULL DEFAULT 1,
    logout_redirect_uris               text DEFAULT NULL,
    jwks_uri                           text DEFAULT NULL,
    jwks                               text DEFAULT NULL,
    initiate_login_uri                 text DEFAULT NULL,
    endorsements                       text DEFAULT NULL,
    policy_uri                         text DEFAULT NULL,
    tos_uri                            text DEFAULT NULL,
    is_enabled                         tinyint(1) NOT NULL DEFAULT 0,
    skip_ehr_launch_authorization_flow tinyint(1) NOT NULL DEFAULT 0,
    dsi_type                           tinyint unsigned NOT NULL DEFAULT 1
);

CREATE TABLE oauth_trusted_user (
    id            INTEGER PRIMARY KEY,
    user_id       varchar(80) DEFAULT NULL,
    client_id     varchar(80) COLLATE NOCASE DEFAULT NULL,
    scope         text DEFAULT NULL,
    persist_login tinyint(1) DEFAULT 0,
    time          timestamp DEFAULT NULL,
    code          text DEFAULT NULL,
    session_cache text DEFAULT NULL,
    grant_type    varchar(32) DEFAULT NULL
);
CREATE INDEX oauth_trusted_user_client ON oauth_trusted_user (client_id);

CREATE TABLE api_token (
    id        INTEGER PRIMARY KEY,
    user_id   varchar(40) DEFAULT NULL,
    token     varchar(128) DEFAULT NULL UNIQUE,
    expiry    datetime DEFAULT NULL,
    client_id varchar(80) COLLATE NOCASE DEFAULT NULL,
    scope     text DEFAULT NULL,
    revoked   tinyint(1) NOT NULL DEFAULT 0,
    context   text DEFAULT NULL
);
CREATE INDEX api_token_client ON api_token (client_id);

CREATE TABLE api_refresh_token (
    id        INTEGER PRIMARY KEY,
    user_id   varchar(40) DEFAULT NULL,
    client_id varchar(80) COLLATE NOCASE DEFAULT NULL,
    token     varchar(128) NOT NULL UNIQUE,
    expiry    datetime DEFAULT NULL,
    revoked   tinyint(1) NOT NULL DEFAULT 0
);
CREATE INDEX api_refresh_token_client ON api_refresh_token (client_id, user_id);
