//! Whether a URL may be asked at all, by what can be seen without looking its name up.

use std::net::IpAddr;

use url::{Host, Url};

use crate::address::{is_metadata, is_public};
use crate::allow_host::AllowHost;
use crate::error::{FetchError, NotPublic, UrlFault};
use crate::limits;
use crate::request::{Purpose, Request};

/// The ports of a guarded address. Tests have others, since those below 1024 are not for everyone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) http: u16,
    pub(crate) https: u16,
}

impl Ports {
    pub(crate) const USUAL: Self = Self {
        http: 80,
        https: 443,
    };
}

/// What a host's addresses must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// All of them public.
    Public,
    /// None of them a metadata service.
    Anywhere,
}

impl Rule {
    pub(crate) fn admits(self, address: IpAddr) -> bool {
        match self {
            Self::Public => is_public(address),
            Self::Anywhere => !is_metadata(address),
        }
    }

    /// # Errors
    /// The first address that it does not admit.
    pub(crate) fn check(
        self,
        host: &str,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) -> Result<(), NotPublic> {
        match addresses.into_iter().find(|address| !self.admits(*address)) {
            None => Ok(()),
            Some(address) => Err(NotPublic::Address {
                host: host.to_owned(),
                address,
            }),
        }
    }
}

/// A URL that may be asked, if its name's addresses keep the rule.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) url: Url,
    pub(crate) rule: Rule,
}

impl Target {
    /// Judges a request's URL. What is judged here is what the HTTP client gets: it parses nothing
    /// again but the normal form.
    pub(crate) fn judge(
        request: &Request,
        allow_hosts: &[AllowHost],
        ports: Ports,
    ) -> Result<Self, FetchError> {
        let url = parse(&request.url).map_err(FetchError::BadUrl)?;
        if url.scheme() != "https" && request.https_only {
            return Err(FetchError::BadUrl(UrlFault::Scheme));
        }
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(FetchError::BadUrl(UrlFault::Malformed));
        };
        let allowed = allow_hosts.iter().any(|entry| entry.admits(&host, port));
        let rule = match request.purpose {
            Purpose::Guarded | Purpose::Stranger | Purpose::Link if !allowed => Rule::Public,
            _ => Rule::Anywhere,
        };
        // The resolver never sees an address, and one that was allowed in so many words is good.
        let literal = match host {
            _ if allowed => None,
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
        };
        rule.check(&host.to_string(), literal)
            .map_err(FetchError::NotPublic)?;
        let usual = match url.scheme() {
            "https" => ports.https,
            _ => ports.http,
        };
        if rule == Rule::Public && port != usual {
            return Err(FetchError::NotPublic(NotPublic::Port {
                host: host.to_string(),
                port,
            }));
        }
        Ok(Self { url, rule })
    }
}

/// Reads a URL into its normal form: the host decoded and in lower case, numbers of every spelling
/// an address. The fragment, which is never sent, is taken off.
pub(crate) fn parse(text: &str) -> Result<Url, UrlFault> {
    if text.len() > limits::URL_BYTES {
        return Err(UrlFault::TooLong);
    }
    // The parser would take them off or turn them round, unlike others.
    if text
        .chars()
        .any(|character| character.is_control() || character.is_whitespace() || character == '\\')
    {
        return Err(UrlFault::Character);
    }
    let mut url = Url::parse(text).map_err(|_| UrlFault::Malformed)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(UrlFault::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlFault::Credentials);
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(UrlFault::Malformed);
    }
    url.set_fragment(None);
    Ok(url)
}

/// A URL out of a certificate, for logs: nothing in it that a terminal or a log's reader may take for
/// something else.
pub(crate) fn shown(text: &str) -> String {
    match parse(text) {
        Ok(url) => url.into(),
        Err(_) => "(no URL)".to_owned(),
    }
}

#[cfg(test)]
mod tests;
