//! What is asked and what is answered.

use std::time::Duration;

use udap::trust::Authority;

/// How much one request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Octets of the answer's body.
    pub bytes: usize,
    /// For everything: waiting for other requests, the name, the connection, the whole body.
    pub time: Duration,
}

/// Who chose an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Guarded,
    /// As [`Purpose::Guarded`], and nobody vouches for the host.
    Stranger,
    /// As [`Purpose::Guarded`], for an app's links: counted apart.
    Link,
    Configured,
}

/// How much of an answer's body is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    All,
    /// So many octets. The rest is read and counted, and not kept.
    Beginning(usize),
    /// It is not read.
    None,
}

/// One request, with everything that bounds it.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) url: String,
    pub(crate) purpose: Purpose,
    pub(crate) authority: Option<Authority>,
    pub(crate) bounds: Bounds,
    pub(crate) https_only: bool,
    pub(crate) any_status: bool,
    pub(crate) wanted: Wanted,
    pub(crate) accept: Option<String>,
    pub(crate) entity_tag: Option<String>,
    pub(crate) last_modified: Option<String>,
}

impl Request {
    /// To an address that a stranger chose, in a certificate or a statement: it must be public, on
    /// port 80 of http or 443 of https, unless an operator allowed the host (C08, I09).
    #[must_use]
    pub fn guarded(url: impl Into<String>, bounds: Bounds) -> Self {
        Self::new(url.into(), Purpose::Guarded, bounds)
    }

    /// As [`Request::guarded`], to a host that nobody vouches for: what such hosts take is counted
    /// apart.
    pub(crate) fn stranger(url: impl Into<String>, bounds: Bounds) -> Self {
        Self::new(url.into(), Purpose::Stranger, bounds)
    }

    /// To a link in client metadata, for which `authority` answers: https only, any status but a
    /// redirect, and as much of the body as is wanted (I09).
    pub(crate) fn link(
        url: impl Into<String>,
        bounds: Bounds,
        authority: Authority,
        wanted: Wanted,
    ) -> Self {
        let mut request = Self::new(url.into(), Purpose::Link, bounds)
            .on_behalf_of(authority)
            .https_only()
            .any_status();
        request.wanted = wanted;
        request
    }

    /// To an address that an operator configured or typed: it may be anywhere, on any port
    /// (decisions 2). Only clouds' metadata services are refused still.
    #[must_use]
    pub fn configured(url: impl Into<String>, bounds: Bounds) -> Self {
        Self::new(url.into(), Purpose::Configured, bounds)
    }

    fn new(url: String, purpose: Purpose, bounds: Bounds) -> Self {
        Self {
            url,
            purpose,
            authority: None,
            bounds,
            https_only: false,
            any_status: false,
            wanted: Wanted::All,
            accept: None,
            entity_tag: None,
            last_modified: None,
        }
    }

    /// Counts what looking the name up takes for whoever answers for the address.
    pub(crate) fn on_behalf_of(mut self, authority: Authority) -> Self {
        self.authority = Some(authority);
        self
    }

    /// Refuses http.
    #[must_use]
    pub fn https_only(mut self) -> Self {
        self.https_only = true;
        self
    }

    /// Takes an answer of every status but redirects; otherwise it must be one of success.
    #[must_use]
    pub fn any_status(mut self) -> Self {
        self.any_status = true;
        self
    }

    /// The media types that are wanted, as the header has them.
    #[must_use]
    pub fn accept(mut self, media_types: impl Into<String>) -> Self {
        self.accept = Some(media_types.into());
        self
    }

    /// Asks for an answer only if the entity tag is another by now.
    #[must_use]
    pub fn if_none_match(mut self, entity_tag: impl Into<String>) -> Self {
        self.entity_tag = Some(entity_tag.into());
        self
    }

    /// Asks for an answer only if there is a newer one than that with this `Last-Modified`.
    #[must_use]
    pub fn if_modified_since(mut self, last_modified: impl Into<String>) -> Self {
        self.last_modified = Some(last_modified.into());
        self
    }

    /// Whether 304 is an answer to it.
    pub(crate) fn is_conditional(&self) -> bool {
        self.entity_tag.is_some() || self.last_modified.is_some()
    }
}

/// An answer within the bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The HTTP status: of success, or 304 to a request with a validator, or any other if the
    /// request asked for it.
    pub status: u16,
    /// `Content-Type`. Headers that are no text, very long, or said twice count as absent.
    pub content_type: Option<String>,
    /// `ETag`, for [`Request::if_none_match`].
    pub entity_tag: Option<String>,
    /// `Last-Modified`, for [`Request::if_modified_since`].
    pub last_modified: Option<String>,
    /// `Date`: the server's clock.
    pub date: Option<String>,
    /// `Retry-After`.
    pub retry_after: Option<String>,
    /// The body, as it came: nothing is decompressed. Of a link's, no more than is wanted.
    pub body: Vec<u8>,
}

impl Answer {
    /// Whether what the asker has is still good (304).
    #[must_use]
    pub fn is_not_modified(&self) -> bool {
        self.status == 304
    }
}
