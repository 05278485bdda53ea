//! What the client makes of one HTTP exchange, which is the guarded client's.

use std::error::Error;
use std::net::IpAddr;

use udap_fetch::{FetchError, SetupError};
use url::{Host, Url};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The address cannot be used.
    #[error("the address `{url}` cannot be used: {reason}")]
    Address {
        /// The address as given.
        url: String,
        /// Why not.
        reason: &'static str,
    },
    /// An extra root certificate cannot be read.
    #[error("the additional TLS root certificates cannot be read")]
    TlsRoots(#[source] Box<dyn Error + Send + Sync>),
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up")]
    Setup(#[source] Box<dyn Error + Send + Sync>),
    /// No connection, a TLS failure, or a broken answer.
    #[error("{url} cannot be reached")]
    Unreachable {
        /// What was asked.
        url: Url,
        /// The cause.
        source: Box<dyn Error + Send + Sync>,
    },
    /// No whole answer in time.
    #[error("{url} did not answer in time")]
    Timeout {
        /// What was asked.
        url: Url,
    },
    /// The answer is larger than any honest one.
    #[error("{url} answered with more than {limit} bytes")]
    TooLarge {
        /// What was asked.
        url: Url,
        /// The limit in bytes.
        limit: usize,
    },
    /// The answer points elsewhere; that is never followed, since a signed statement is made for
    /// one address.
    #[error("{url} redirects to {location}; redirects are not followed, use that address instead")]
    Redirect {
        /// What was asked.
        url: Url,
        /// Where it points.
        location: String,
    },
}

/// Parses an address that may be talked to: https, or http to this very machine (or anywhere, if
/// `allow_plain_http`).
pub(crate) fn address(text: &str, allow_plain_http: bool) -> Result<Url, HttpError> {
    let refused = |reason| HttpError::Address {
        url: text.to_owned(),
        reason,
    };
    let url = Url::parse(text).map_err(|_| refused("it is no absolute URL"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("it holds a user name or password"));
    }
    if url.fragment().is_some() {
        return Err(refused("it has a fragment"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if allow_plain_http || is_loopback(&url) => Ok(url),
        "http" => Err(refused(
            "it is plain http and not on this machine; use https",
        )),
        _ => Err(refused("it is no https URL")),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).to_canonical().is_loopback(),
        None => false,
    }
}

impl From<SetupError> for HttpError {
    fn from(error: SetupError) -> Self {
        match error {
            SetupError::TlsRoots(source) => Self::TlsRoots(source),
            SetupError::Client(source) => Self::Setup(source),
            other => Self::Setup(other.into()),
        }
    }
}

/// The failure of a request to an address that [`address`] let through.
pub(crate) fn failed(url: &Url, error: FetchError) -> HttpError {
    let url = url.clone();
    match error {
        FetchError::Timeout | FetchError::Busy => HttpError::Timeout { url },
        FetchError::TooLarge { limit } => HttpError::TooLarge { url, limit },
        FetchError::Redirect { location, .. } => HttpError::Redirect {
            url,
            location: location.unwrap_or_else(|| "an unnamed place".to_owned()),
        },
        FetchError::NotPublic(_) => HttpError::Address {
            url: url.into(),
            reason: "it is the metadata service of a cloud",
        },
        FetchError::BadUrl(_) => HttpError::Address {
            url: url.into(),
            reason: "it is no URL that is fetched",
        },
        FetchError::Unreachable(source) => HttpError::Unreachable { url, source },
        other => HttpError::Unreachable {
            url,
            source: other.into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Proves: B01
    #[test]
    fn plain_http_is_for_this_machine_only() {
        for good in [
            "https://emr.example.org/fhir",
            "http://localhost:8080/fhir",
            "http://emr.localhost/fhir",
            "http://127.0.0.1:1/fhir",
            "http://127.9.9.9/fhir",
            "http://[::1]:8080/fhir",
            "http://[::ffff:127.0.0.1]/fhir",
        ] {
            assert!(address(good, false).is_ok(), "{good}");
        }
        for plain in [
            "http://emr.example.org/fhir",
            "http://localhost.example.org/",
            "http://notlocalhost/",
            "http://10.0.0.1/",
            "http://0.0.0.0/",
        ] {
            assert!(address(plain, false).is_err(), "{plain}");
            assert!(address(plain, true).is_ok(), "{plain}");
        }
        for bad in [
            "emr.example.org",
            "",
            "ftp://localhost/",
            "file:///etc/passwd",
            "https://user@emr.example.org/",
            "https://:secret@emr.example.org/",
            "https://emr.example.org/#x",
        ] {
            assert!(address(bad, true).is_err(), "{bad}");
        }
    }
}
