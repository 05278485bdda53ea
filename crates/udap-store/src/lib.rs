//! The UDAP registry on a SQL database: registrations, spent statements, blocks, audit.
//!
//! [`SqliteRegistry`] implements [`udap::registry::Registry`]. What creates the clients, for
//! example OpenEMR's `oauth_clients`, plugs in as a [`ClientTable`] and writes in the same
//! transaction. Whether a client is on or off is decided by [`switch::decide`], which touches no
//! database. What happened is kept in an audit log, which is sealed and verified by the methods of
//! [`audit::AuditLog`].

mod applicant;
pub mod audit;
mod client_table;
#[cfg(feature = "testing")]
pub mod contract;
mod crl;
mod error;
mod extent;
mod identity;
mod instant;
mod lease;
mod sqlite;
pub mod switch;
mod table;

pub use client_table::{Client, ClientTable, ClientTableError, SiteClients};
pub use extent::Extent;
pub use lease::{LONGEST_LEASE, Leases};
pub use sqlite::{OpenError, SqliteRegistry};
