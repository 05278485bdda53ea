//! OpenEMR's own table of clients, in its own schema of the same MariaDB or MySQL server.
//!
//! Nothing of OpenEMR's structure is assumed: its columns differ from version to version, and are
//! found out at the start, and again when a statement meets others. Rows are written as OpenEMR would
//! write them, and read back.

mod broken_row;
mod clients;
mod drift;
mod errors;
mod excess;
mod globals;
mod grants;
mod statements;
mod structure;
mod system_user;
mod version;
mod wall_clock;

pub use broken_row::{BrokenRow, RowFault, broken_rows};
pub use clients::{OpenEmrClients, OpenEmrOptions};
pub use errors::is_denial;
pub use excess::{Excess, excess};
pub use globals::Globals;
pub use grants::{
    Account, AccountError, Grant, GrantedSchema, LaterColumns, PASSWORD_PLACEHOLDER, grants,
};
pub use statements::Privilege;
pub use structure::{Charset, Structure, StructureError};
pub use system_user::SystemUser;
pub use version::{OpenEmrVersion, VersionError};
