//! The store on MariaDB, with OpenEMR's own tables as its versions have them.

mod contract;
mod granted;
mod grants;
mod harness;
