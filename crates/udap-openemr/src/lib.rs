//! OpenEMR's part of a UDAP registration: its clients' rows.
//!
//! [`ClientRow`] is the one place where a row of `oauth_clients` is made. [`OpenEmrClients`] writes it
//! into OpenEMR's own table on MariaDB or MySQL. [`EmbeddedClients`] keeps
//! such rows in the store's own SQLite database, for a server without an OpenEMR behind it.
//! [`GatewayKey`] is the key that rows carry where our token endpoint stands before OpenEMR's.

mod embedded;
mod gateway_key;
mod gateway_keys;
mod openemr;
mod row;
mod secret;

pub use embedded::EmbeddedClients;
pub use gateway_key::{GatewayKey, GatewayKeyError};
pub use gateway_keys::{GatewayKeys, RowKeys, SiteKeys};
pub use openemr::{
    Account, AccountError, BrokenRow, Charset, Excess, Globals, Grant, GrantedSchema, LaterColumns,
    OpenEmrClients, OpenEmrOptions, OpenEmrVersion, PASSWORD_PLACEHOLDER, Privilege, RowFault,
    Structure, StructureError, SystemUser, VersionError, broken_rows, excess, grants, is_denial,
};
pub use row::{ClientRow, Column, ColumnValue, RowError, RowKey};
pub use secret::{ClientSecret, NoRandomness};
