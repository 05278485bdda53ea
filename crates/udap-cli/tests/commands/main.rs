//! The built binary, as people use it: what it prints, what it writes, how it exits.

mod app_file;
mod audit;
mod authority;
mod certification;
mod client;
mod db;
mod doctor;
mod exports;
mod generated;
mod guide;
mod inspect;
mod inspect_files;
mod issuing;
mod lint;
mod openemr;
mod openssl;
mod publishing;
mod ran;
mod requirements;
mod server;
mod statement;
mod token;
mod verify;
