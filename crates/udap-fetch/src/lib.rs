//! Everything that goes out goes through here: one HTTP client with guards that no caller can
//! forget (C08, C20, I09, N14).
//!
//! * [`Fetcher`]: one request, one answer. TLS is verified, redirects are never followed, no proxy
//!   is used, nothing is decompressed, time and size are bounded, and so is the number of requests
//!   under way.
//! * [`Request`]: what is asked, and who chose the address. An address that a stranger chose
//!   ([`Request::guarded`]) must be public, and so must everything its name resolves to; one that
//!   an operator typed ([`Request::configured`]) may be anywhere.
//! * [`Upstream`]: one server that an operator configured, over connections that are kept.
//! * [`AllowHost`]: hosts that an operator exempts from that rule.
//! * [`aia`]: the certificates of issuers, remembered and rationed.
//! * [`Links`]: whether the links in an app's metadata are live.
//!
//! ```no_run
//! use std::time::Duration;
//! use udap_fetch::{Bounds, FetchError, FetchOptions, Fetcher, Request};
//!
//! # async fn fetch() -> Result<(), Box<dyn std::error::Error>> {
//! let fetcher = Fetcher::new(&FetchOptions::default())?;
//! let bounds = Bounds { bytes: 64 * 1024, time: Duration::from_secs(5) };
//! match fetcher.get(&Request::guarded("http://169.254.169.254/", bounds)).await {
//!     Err(FetchError::NotPublic(_)) => {}
//!     _ => unreachable!("it is never asked"),
//! }
//! # Ok(())
//! # }
//! ```

pub mod address;
pub mod aia;
mod allow_host;
pub mod crls;
mod error;
mod fetcher;
pub mod limits;
mod links;
mod network;
mod places;
mod request;
mod resolver;
mod responders;
mod statuses;
#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod support;
mod target;
mod upstream;

pub use allow_host::{AllowHost, AllowHostError};
pub use error::{FetchError, NotPublic, SetupError, UrlFault};
pub use fetcher::{FetchOptions, Fetcher};
pub use links::Links;
pub use network::Network;
pub use request::{Answer, Bounds, Request};
pub use resolver::{Resolver, SystemResolver};
pub use responders::Responders;
pub use statuses::Statuses;
pub use upstream::Upstream;
