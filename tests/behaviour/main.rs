//! The project's behaviour over HTTP, against the built binary.

mod discovery;
mod http_errors;
mod modification;
mod operators;
mod peers;
mod races;
mod refusals;
mod registration;
mod restart;
mod serving;
mod statements;
mod tls;
mod trust;
