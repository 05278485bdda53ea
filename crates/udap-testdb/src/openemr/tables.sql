-- OpenEMR 6.1.0's tables, as far as a registrar meets them. Of `users` only four columns.
CREATE TABLE oauth_clients (
    client_id varchar(80) NOT NULL,
    client_role varchar(20) DEFAULT NULL,
    client_name varchar(80) NOT NULL,
    client_secret text,
    registration_token varchar(80) DEFAULT NULL,
    registration_uri_path varchar(40) DEFAULT NULL,
    register_date datetime DEFAULT NULL,
    revoke_date datetime DEFAULT NULL,
    contacts text,
    redirect_uri text,
    grant_types varchar(80) DEFAULT NULL,
    scope text,
    user_id varchar(40) DEFAULT NULL,
    site_id varchar(64) DEFAULT NULL,
    is_confidential tinyint(1) NOT NULL DEFAULT 1,
    logout_redirect_uris text,
    jwks_uri text,
    jwks text,
    initiate_login_uri text,
    endorsements text,
    policy_uri text,
    tos_uri text,
    is_enabled tinyint(1) NOT NULL DEFAULT 0,
    PRIMARY KEY (client_id)
) ENGINE=InnoDB;

CREATE TABLE oauth_trusted_user (
    id bigint(20) NOT NULL AUTO_INCREMENT,
    user_id varchar(80) DEFAULT NULL,
    client_id varchar(80) DEFAULT NULL,
    scope text,
    persist_login tinyint(1) DEFAULT 0,
    time timestamp NULL DEFAULT NULL,
    code text,
    session_cache text,
    grant_type varchar(32) DEFAULT NULL,
    PRIMARY KEY (id),
    KEY accounts_id (user_id),
    KEY clients_id (client_id)
) ENGINE=InnoDB;

CREATE TABLE api_token (
    id bigint(20) NOT NULL AUTO_INCREMENT,
    user_id varchar(40) DEFAULT NULL,
    token varchar(128) DEFAULT NULL,
    expiry datetime DEFAULT NULL,
    client_id varchar(80) DEFAULT NULL,
    scope text,
    revoked tinyint(1) NOT NULL DEFAULT 0,
    PRIMARY KEY (id),
    UNIQUE KEY token (token)
) ENGINE=InnoDB;

CREATE TABLE api_refresh_token (
    id bigint(20) NOT NULL AUTO_INCREMENT,
    user_id varchar(40) DEFAULT NULL,
    client_id varchar(80) DEFAULT NULL,
    token varchar(128) NOT NULL,
    expiry datetime DEFAULT NULL,
    revoked tinyint(1) NOT NULL DEFAULT 0,
    PRIMARY KEY (id),
    UNIQUE KEY token (token),
    KEY api_refresh_token_usr_client_idx (client_id, user_id)
) ENGINE=InnoDB;

CREATE TABLE jwt_grant_history (
    id int(11) NOT NULL AUTO_INCREMENT,
    jti varchar(100) NOT NULL,
    client_id varchar(80) NOT NULL,
    jti_exp timestamp NULL DEFAULT NULL,
    creation_date datetime NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (id),
    KEY jti (jti)
) ENGINE=InnoDB;

CREATE TABLE globals (
    gl_name varchar(63) NOT NULL,
    gl_index int(11) NOT NULL DEFAULT 0,
    gl_value varchar(255) NOT NULL DEFAULT '',
    PRIMARY KEY (gl_name, gl_index)
) ENGINE=InnoDB;

CREATE TABLE version (
    v_major int(11) NOT NULL DEFAULT 0,
    v_minor int(11) NOT NULL DEFAULT 0,
    v_patch int(11) NOT NULL DEFAULT 0,
    v_realpatch int(11) NOT NULL DEFAULT 0,
    v_tag varchar(31) NOT NULL DEFAULT '',
    v_database int(11) NOT NULL DEFAULT 0,
    v_acl int(11) NOT NULL DEFAULT 0
) ENGINE=InnoDB;

CREATE TABLE users (
    id bigint(20) NOT NULL AUTO_INCREMENT,
    uuid binary(16) DEFAULT NULL,
    username varchar(255) DEFAULT NULL,
    active tinyint(1) NOT NULL DEFAULT 1,
    PRIMARY KEY (id),
    UNIQUE KEY uuid (uuid)
) ENGINE=InnoDB;

CREATE TABLE `keys` (
    id bigint(20) NOT NULL AUTO_INCREMENT,
    name varchar(20) NOT NULL DEFAULT '',
    value text,
    PRIMARY KEY (id),
    UNIQUE KEY name (name)
) ENGINE=InnoDB;

INSERT INTO users (uuid, username, active) VALUES (UNHEX(REPLACE(UUID(), '-', '')), 'oe-system', 0);

-- Nothing that a registrar may read; no real keys.
INSERT INTO `keys` (name, value) VALUES ('oauth2key', 'not a key'), ('oauth2passphrase', 'no passphrase');
