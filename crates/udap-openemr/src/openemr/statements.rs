//! The statements on OpenEMR's tables, made for one structure.

use std::sync::Arc;

use super::structure::Structure;
use super::wall_clock::WallClock;

/// The columns that a modification replaces (D02).
pub(super) const REPLACED: [&str; 13] = [
    "client_name",
    "revoke_date",
    "contacts",
    "redirect_uri",
    "grant_types",
    "scope",
    "logout_redirect_uris",
    "jwks_uri",
    "jwks",
    "initiate_login_uri",
    "policy_uri",
    "tos_uri",
    "is_enabled",
];

/// The columns whose time is OpenEMR's local one.
const TIMES: [&str; 2] = ["register_date", "revoke_date"];

/// The statements for one schema.
#[derive(Clone, Debug)]
pub(super) struct Statements {
    pub(super) insert: Arc<str>,
    pub(super) update: Arc<str>,
    pub(super) read: Arc<str>,
    pub(super) lock: Arc<str>,
    pub(super) see: Arc<str>,
    pub(super) find: Arc<str>,
    pub(super) lock_key: Arc<str>,
    pub(super) see_key: Arc<str>,
    pub(super) set_key: Arc<str>,
    pub(super) switch: Arc<str>,
    pub(super) cancel: Arc<str>,
    pub(super) manual_approval: Option<Arc<str>>,
    /// The newest access token that expired long ago.
    pub(super) oldest: Arc<str>,
    /// In this order: without what users granted, no token is accepted any more.
    pub(super) revoke: [Arc<str>; 2],
    /// Access tokens that were given out after one.
    pub(super) revoke_access: Arc<str>,
}

impl Statements {
    pub(super) fn new(schema: &str, structure: &Structure) -> Self {
        let schema = quoted(schema);
        let clients = format!("{schema}.oauth_clients");
        let place = |column: &str| place(column, structure.clock());
        let columns = structure.columns();
        let places: Vec<_> = columns.iter().map(|column| place(column)).collect();
        let replaced: Vec<_> = REPLACED
            .iter()
            .map(|column| format!("{column} = {}", place(column)))
            .collect();
        let this = "client_id = ?";
        let read: Vec<_> = (structure.readable().iter())
            .map(|column| match TIMES.contains(column) {
                true => format!("CAST({column} AS CHAR) AS {column}"),
                false => (*column).to_owned(),
            })
            .collect();
        let read = read.join(", ");
        Self {
            insert: format!(
                "INSERT INTO {clients} ({}) VALUES ({})",
                columns.join(", "),
                places.join(", ")
            )
            .into(),
            update: format!("UPDATE {clients} SET {} WHERE {this}", replaced.join(", ")).into(),
            read: format!("SELECT {read} FROM {clients} WHERE {this}").into(),
            // As OpenEMR reads it: 1 is on, everything else is off.
            lock: format!("SELECT is_enabled = 1 FROM {clients} WHERE {this} FOR UPDATE").into(),
            see: format!("SELECT is_enabled = 1 FROM {clients} WHERE {this}").into(),
            find: format!("SELECT client_id FROM {clients} WHERE {this}").into(),
            lock_key: format!(
                "SELECT is_enabled = 1 AS is_on, jwks_uri, jwks FROM {clients} WHERE {this} \
                 FOR UPDATE"
            )
            .into(),
            see_key: format!(
                "SELECT is_enabled = 1 AS is_on, jwks_uri, jwks FROM {clients} WHERE {this}"
            )
            .into(),
            set_key: format!("UPDATE {clients} SET jwks_uri = NULL, jwks = ? WHERE {this}").into(),
            switch: format!("UPDATE {clients} SET is_enabled = ? WHERE {this}").into(),
            cancel: format!(
                "UPDATE {clients} SET is_enabled = 0, revoke_date = {} WHERE {this}",
                place("revoke_date")
            )
            .into(),
            manual_approval: structure.globals().map(|source| {
                format!(
                    "SELECT gl_value FROM {schema}.{} \
                     WHERE gl_name = 'oauth_app_manual_approval' AND gl_index = 0",
                    source.name()
                )
                .into()
            }),
            // OpenEMR keeps expired ones, and has no index to find a client's: what was given out before one
            // that expired two days ago has expired, too, whatever zone its times are in.
            oldest: format!(
                "SELECT CAST(id AS SIGNED) FROM {schema}.api_token \
                 WHERE expiry < NOW() - INTERVAL 2 DAY ORDER BY id DESC LIMIT 1"
            )
            .into(),
            revoke_access: format!(
                "UPDATE {schema}.api_token SET revoked = 1 WHERE id > ? AND {this} AND revoked = 0"
            )
            .into(),
            revoke: [
                format!("DELETE FROM {schema}.oauth_trusted_user WHERE {this}").into(),
                format!(
                    "UPDATE {schema}.api_refresh_token SET revoked = 1 WHERE {this} AND revoked = 0"
                )
                .into(),
            ],
        }
    }

    /// What the account must be able to do, each with a statement that does it to no row.
    pub(super) fn privileges(&self) -> Vec<(Privilege, String)> {
        let nobody = |statement: &str| statement.replace('?', "NULL");
        // Tried with no row: who may do it to none may do it to all.
        let insert = self
            .insert
            .replace(" VALUES (", " SELECT ")
            .trim_end_matches(')')
            .replace('?', "NULL")
            + " FROM DUAL WHERE 1 = 0";
        let [trusted, refresh] = &self.revoke;
        vec![
            (Privilege::ReadClients, nobody(&self.read)),
            (Privilege::InsertClients, insert),
            (Privilege::UpdateClients, nobody(&self.update)),
            (Privilege::LockClients, nobody(&self.lock_key)),
            (Privilege::DeleteTrustedUsers, nobody(trusted)),
            (Privilege::ReadAccessTokens, nobody(&self.oldest)),
            (Privilege::RevokeAccessTokens, nobody(&self.revoke_access)),
            (Privilege::RevokeRefreshTokens, nobody(refresh)),
        ]
    }
}

/// Something that the account must be able to do in OpenEMR's schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Privilege {
    /// Read clients' rows back.
    ReadClients,
    /// Create clients.
    InsertClients,
    /// Modify clients, and switch them.
    UpdateClients,
    /// Lock a client's row.
    LockClients,
    /// Take back what users granted to a client.
    DeleteTrustedUsers,
    /// See when access tokens expired.
    ReadAccessTokens,
    /// Revoke access tokens.
    RevokeAccessTokens,
    /// Revoke refresh tokens.
    RevokeRefreshTokens,
}

impl Privilege {
    /// What is granted for it: on which table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadClients => "SELECT on oauth_clients",
            Self::InsertClients => "INSERT on oauth_clients",
            Self::UpdateClients | Self::LockClients => "UPDATE on oauth_clients",
            Self::DeleteTrustedUsers => "DELETE on oauth_trusted_user",
            Self::ReadAccessTokens => "SELECT (id, expiry) on api_token",
            Self::RevokeAccessTokens => "UPDATE (revoked) on api_token",
            Self::RevokeRefreshTokens => "UPDATE (revoked) on api_refresh_token",
        }
    }
}

/// A name between the servers' quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// The place of a column's value. A Unix time becomes local time on the server, unless we know the
/// zone ourselves.
fn place(column: &str, clock: &WallClock) -> &'static str {
    match clock {
        WallClock::Server if TIMES.contains(&column) => "FROM_UNIXTIME(?)",
        _ => "?",
    }
}
