//! Servers that come and go, and tables that are OpenEMR's.

mod clients;
mod ending;
mod schema;
mod server;
mod tables;
