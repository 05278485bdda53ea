//! A current statement whose certificate is trusted by exactly one community (C05–C23, C27,
//! decisions 21–25).

use std::sync::Arc;

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::certificate::Certificate;
use crate::community::Community;
use crate::site::Site;
use crate::statement::CurrentStatement;
use crate::trust::{Authority, TrustedPath};

/// A statement whose signature, claims, certificate path and revocation status hold, and whose
/// community is known. From here on its `jti` is spent, whatever follows (decisions 3).
#[derive(Clone, Debug)]
pub struct TrustedStatement {
    current: CurrentStatement,
    site: Arc<Site>,
    community: Arc<Community>,
    path: TrustedPath,
}

impl TrustedStatement {
    /// Only the registrar, which has evaluated the path, makes one.
    pub(crate) fn new(
        current: CurrentStatement,
        site: Arc<Site>,
        community: Arc<Community>,
        path: TrustedPath,
    ) -> Self {
        Self {
            current,
            site,
            community,
            path,
        }
    }

    /// The site it was posted to.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// The community that trusts its certificate.
    #[must_use]
    pub fn community(&self) -> &Community {
        &self.community
    }

    /// The client URI (`iss`): with site and community the identity of a registration (D01).
    #[must_use]
    pub fn client_uri(&self) -> &str {
        self.current.client_uri()
    }

    /// All claims, still to be checked against the rules on metadata.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        self.current.claims()
    }

    /// `jti`: spent with this statement, under its issuer (C25, C26).
    #[must_use]
    pub fn jti(&self) -> &str {
        self.current.jti()
    }

    /// `exp`: until then, and for the clock skew after it, the `jti` must be remembered.
    #[must_use]
    pub fn expires_at(&self) -> OffsetDateTime {
        self.current.expires_at()
    }

    /// The app's certificate (C28).
    #[must_use]
    pub fn leaf(&self) -> &Certificate {
        self.current.leaf()
    }

    /// The path to the anchor.
    #[must_use]
    pub fn path(&self) -> &TrustedPath {
        &self.path
    }

    /// Who answers for addresses that the app chose itself: it, by its key, and the anchor that it was
    /// trusted by.
    pub(crate) fn authority(&self) -> Authority {
        Authority {
            anchor: *self.path.anchor().key().fingerprint(),
            ca: *self.path.leaf().spki_hash(),
        }
    }

    /// The compact JWS as it was sent (E02).
    #[must_use]
    pub fn software_statement(&self) -> &str {
        self.current.software_statement()
    }

    /// The certifications as they were sent.
    #[must_use]
    pub fn certifications(&self) -> &[String] {
        self.current.certifications()
    }
}
