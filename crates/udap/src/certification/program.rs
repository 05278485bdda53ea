//! The certifications that a community recognises, and whose word counts for them.

use std::sync::Arc;

use crate::trust::TrustPolicy;

/// A certification that a community recognises (F02, F03, decisions 20).
#[derive(Clone, Debug)]
pub struct RecognisedCertification {
    /// Its URI, as it stands in `certification_uris`; compared octet by octet.
    pub uri: String,
    /// Whether an app without it is refused (F03, F11).
    pub required: bool,
    /// Who may attest it.
    pub certifiers: Certifiers,
}

/// Who may attest a certification (decisions 20).
#[derive(Clone, Debug)]
pub enum Certifiers {
    /// The app itself: it declares that it conforms, with a certificate of its own community.
    App,
    /// Others.
    Recognised {
        /// Their URIs, exact.
        issuers: Vec<String>,
        /// Their anchors (F07).
        trust: Arc<TrustPolicy>,
    },
}
