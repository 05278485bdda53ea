//! Why there is no answer.
//!
//! The text of an error is short and tells a stranger nothing about the inside of a network; what
//! an operator needs is in its source, for the log.

use std::error::Error;
use std::net::IpAddr;

/// Why a [`Fetcher`](crate::Fetcher) cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// An additional root certificate is none.
    #[error("the additional TLS root certificates cannot be read")]
    TlsRoots(#[source] Box<dyn Error + Send + Sync>),
    /// The address is none that can be asked.
    #[error("the address cannot be used")]
    Address(#[source] Box<dyn Error + Send + Sync>),
    /// The TLS library refuses, for example one of the root certificates.
    #[error("the HTTP client cannot be set up")]
    Client(#[source] Box<dyn Error + Send + Sync>),
}

/// Why there is no answer, or not one that is of use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The URL is none that is fetched; nothing was sent.
    #[error("the URL cannot be used")]
    BadUrl(#[source] UrlFault),
    /// The address is not one that a stranger may name; no connection was made.
    #[error("the address is not public")]
    NotPublic(#[source] NotPublic),
    /// It points elsewhere, which is never followed.
    #[error("it redirects")]
    Redirect {
        /// The HTTP status.
        status: u16,
        /// Where to; whatever the other side says, unchecked.
        location: Option<String>,
    },
    /// No such name, no connection, a TLS failure, or a broken answer.
    #[error("it cannot be reached")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),
    /// No whole answer in time.
    #[error("there was no answer in time")]
    Timeout,
    /// Too many other requests were under way for all of the time; nothing was sent, and nothing
    /// is known about the address.
    #[error("too many requests are under way")]
    Busy,
    /// The answer is larger than the bound.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The bound.
        limit: usize,
    },
    /// The answer's status is not one of success.
    #[error("the answer has status {status}")]
    Status {
        /// The HTTP status.
        status: u16,
    },
}

impl FetchError {
    /// A word for metrics and logs.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::BadUrl(_) => "bad_url",
            Self::NotPublic(_) => "not_public",
            Self::Redirect { .. } => "redirect",
            Self::Unreachable(_) => "unreachable",
            Self::Timeout => "timeout",
            Self::Busy => "busy",
            Self::TooLarge { .. } => "too_large",
            Self::Status { .. } => "status",
        }
    }
}

/// What is wrong with a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlFault {
    /// Longer than [`URL_BYTES`](crate::limits::URL_BYTES).
    #[error("the URL is too long")]
    TooLong,
    /// A space, a control character or a backslash: parsers differ about them.
    #[error("the URL holds a character that does not belong there")]
    Character,
    /// Not an absolute URL with a host.
    #[error("it is no absolute URL with a host")]
    Malformed,
    /// Neither http nor https, or http where https is asked for.
    #[error("its scheme is not the right one")]
    Scheme,
    /// A user name or password.
    #[error("it holds a user name or password")]
    Credentials,
}

/// What is not public about an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotPublic {
    /// The host's address is not a public one, or that of a cloud's metadata service.
    #[error("`{host}` has the address {address}")]
    Address {
        /// The host.
        host: String,
        /// The address, or the first bad one of several.
        address: IpAddr,
    },
    /// Another port than that of the scheme.
    #[error("port {port} of `{host}` is not the usual one")]
    Port {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
}

/// What a resolver said, out of the errors that the HTTP client wrapped around it.
pub(crate) fn within<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}
