//! The UDAP registry on a SQL database: registrations, spent statements, blocks, audit.
//!
//! [`SqlRegistry`] implements [`udap::registry::Registry`] on SQLite, MariaDB and MySQL. What creates the clients, for
//! example OpenEMR's `oauth_clients`, plugs in as a [`ClientTable`] and writes in the same
//! transaction. Whether a client is on or off is decided by [`switch::decide`], which touches no
//! database. What happened is kept in an audit log, which is sealed and verified by the methods of
//! [`audit::AuditLog`].

mod applicant;
pub mod audit;
mod client_table;
#[cfg(feature = "testing")]
pub mod contract;
mod error;
mod extent;
mod identity;
mod instant;
mod lease;
mod registry;
mod row_keys;
mod sql;
pub mod switch;
mod table;

pub use client_table::{Client, ClientTable, ClientTableError, SiteClients, TokenRow};
pub use extent::Extent;
pub use lease::{LONGEST_LEASE, Leases};
#[cfg(feature = "mysql")]
pub use registry::MySqlRegistry;
#[cfg(feature = "sqlite")]
pub use registry::SqliteRegistry;
pub use registry::{OpenError, SqlRegistry, TablesState};
pub use row_keys::{KeyMove, KeyRegistry, KeyedRow};
pub use sql::{Engine, is_passing};
