//! One HTTP exchange: to an address that may be used, with bounds on time and size.

use std::net::IpAddr;

use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{RequestBuilder, Response, StatusCode};
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
    TlsRoots(#[source] reqwest::Error),
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up")]
    Setup(#[source] reqwest::Error),
    /// No connection, a TLS failure, or a broken answer.
    #[error("{url} cannot be reached")]
    Unreachable {
        /// What was asked.
        url: Url,
        /// The cause.
        source: reqwest::Error,
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

/// An answer within the bounds.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
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

/// Sends a request and reads an answer of at most `limit` bytes.
pub(crate) async fn exchange(
    request: RequestBuilder,
    url: &Url,
    limit: usize,
) -> Result<Answer, HttpError> {
    let failed = |error: reqwest::Error| {
        if error.is_timeout() {
            HttpError::Timeout { url: url.clone() }
        } else {
            HttpError::Unreachable {
                url: url.clone(),
                // The address is in our own sentence already.
                source: error.without_url(),
            }
        }
    };
    let response = request.send().await.map_err(failed)?;
    if response.status().is_redirection() {
        return Err(HttpError::Redirect {
            url: url.clone(),
            location: location(&response),
        });
    }
    let too_large = || HttpError::TooLarge {
        url: url.clone(),
        limit,
    };
    let announced = response.content_length().unwrap_or(0);
    if usize::try_from(announced).map_or(true, |length| length > limit) {
        return Err(too_large());
    }
    let (status, headers) = (response.status(), response.headers().clone());
    let mut response = response;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > limit {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status,
        headers,
        body,
    })
}

fn location(response: &Response) -> String {
    response
        .headers()
        .get(LOCATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("an unnamed place")
        .to_owned()
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
