//! UDAP trusted dynamic client registration, without I/O.
//!
//! A health app signs a *software statement* with a certificate from a *trust community* and posts
//! it to a registration endpoint. This crate decides what becomes of it: it knows no network, no
//! database, no clock and no source of random numbers. Where it needs something from outside it
//! says so ([`registrar::Step`]), and a driver of any kind brings it.

pub mod algorithm;
pub mod b2b;
pub mod catalogue;
pub mod certificate;
pub mod certification;
pub mod community;
pub mod discovery;
pub mod enable;
pub mod error;
pub mod json;
pub mod jws;
mod jwt;
pub mod key;
pub mod limits;
pub mod registrar;
pub mod registry;
pub mod response;
pub mod rules;
pub mod scope;
pub mod site;
pub mod statement;
pub mod token;
pub mod trust;
pub mod x5c;
