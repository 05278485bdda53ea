//! The built binary, as people use it: what it prints, what it writes, how it exits.

mod audit;
mod authority;
mod client;
mod inspect;
mod ran;
mod server;
mod statement;
mod verify;
