//! The project's behaviour over HTTP, against the built binary.

mod canaries;
mod certifications;
mod database_faults;
mod discovery;
mod dry_run;
mod gateway_keys;
mod http_errors;
mod issuers;
mod links;
mod modification;
mod openemr;
mod operators;
mod peers;
mod profiles;
mod races;
mod refusals;
mod registration;
mod reload;
mod restart;
mod revalidation;
mod revocation;
mod serving;
mod statements;
mod tls;
mod tokens;
mod trust;
