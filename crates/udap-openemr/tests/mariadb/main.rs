//! The store on MariaDB, with OpenEMR's own tables as its versions have them.

mod administrator;
mod contract;
mod gate;
mod granted;
mod grants;
mod harness;
mod rows;
mod structure;
mod tokens;
mod unavailable;
