//! What a community's operator trusts.

use std::collections::{HashMap, HashSet};

use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use super::anchor::{AnchorError, TrustAnchor};
use super::certval;
use super::name::NameKey;
use crate::certificate::{Certificate, CertificateFlaw};
use crate::key::PublicKey;

/// Verified signatures that are remembered. A community has few CAs, and 64 octets an entry.
const REMEMBERED_SIGNATURES: usize = 16 * 1024;

/// Why a store cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is no anchor.
    #[error("no trust anchor is given")]
    NoAnchor,
    /// A certificate is no trust anchor.
    #[error("{subject}: {error}")]
    Anchor {
        /// Its subject, for people.
        subject: String,
        /// Why.
        error: AnchorError,
    },
    /// A configured intermediate is malformed.
    #[error("{subject}: {flaw}")]
    Intermediate {
        /// Its subject, for people.
        subject: String,
        /// Why.
        flaw: CertificateFlaw,
    },
    /// A configured intermediate can lie on no path.
    #[error("{0}: it holds an object identifier or a date that cannot be read")]
    UnreadableIntermediate(String),
    /// A policy is no object identifier in dotted form.
    #[error("{0:?} is no object identifier")]
    Policy(String),
    /// A policy is an object identifier that the judge of paths cannot read.
    #[error(
        "{0:?} cannot be used as a policy: below 2 only 2.0 to 2.39 are read (not 2.999), and no \
         number of 2^32 or more; certificates that hold such policies are refused"
    )]
    UnreadablePolicy(String),
}

/// Anchors and configured intermediates of one community, found by name; cost does not grow with
/// their number.
pub struct TrustStore {
    anchors: Vec<TrustAnchor>,
    anchors_by_name: HashMap<NameKey, Vec<usize>>,
    anchor_keys: HashSet<[u8; 32]>,
    intermediates: Vec<Certificate>,
    intermediates_by_name: HashMap<NameKey, Vec<usize>>,
    policies: Vec<String>,
    signatures: SignatureMemo,
}

impl TrustStore {
    /// Indexes anchors and intermediates. `policies` are object identifiers in dotted form of which
    /// a path must be valid for at least one; none: any policy, or none, will do (C16).
    ///
    /// # Errors
    /// If there is no anchor, or an entry cannot be used.
    pub fn new(
        anchors: Vec<Certificate>,
        intermediates: Vec<Certificate>,
        policies: Vec<String>,
    ) -> Result<Self, StoreError> {
        let anchors = anchors
            .into_iter()
            .map(|certificate| {
                let subject = certificate.subject_text().to_owned();
                TrustAnchor::new(certificate).map_err(|error| StoreError::Anchor { subject, error })
            })
            .collect::<Result<Vec<_>, _>>()?;
        if anchors.is_empty() {
            return Err(StoreError::NoAnchor);
        }
        for intermediate in &intermediates {
            intermediate
                .well_formed()
                .map_err(|flaw| StoreError::Intermediate {
                    subject: intermediate.subject_text().to_owned(),
                    flaw,
                })?;
            if !certval::can_read(intermediate) {
                let subject = intermediate.subject_text().to_owned();
                return Err(StoreError::UnreadableIntermediate(subject));
            }
        }
        for policy in &policies {
            if !is_dotted(policy) {
                return Err(StoreError::Policy(policy.clone()));
            }
            if !certval::can_read_policy(policy) {
                return Err(StoreError::UnreadablePolicy(policy.clone()));
            }
        }
        Ok(Self {
            anchors_by_name: by_name(anchors.iter().map(TrustAnchor::certificate)),
            anchor_keys: anchors
                .iter()
                .map(|anchor| *anchor.certificate().spki_hash())
                .collect(),
            anchors,
            intermediates_by_name: by_name(intermediates.iter()),
            intermediates,
            policies,
            signatures: SignatureMemo::default(),
        })
    }

    /// The anchors and intermediates of several stores, to be searched together.
    pub(super) fn union(stores: &[&Self]) -> Self {
        let anchors: Vec<_> = stores
            .iter()
            .flat_map(|store| &store.anchors)
            .cloned()
            .collect();
        let intermediates: Vec<_> = stores
            .iter()
            .flat_map(|store| &store.intermediates)
            .cloned()
            .collect();
        Self {
            anchors_by_name: by_name(anchors.iter().map(TrustAnchor::certificate)),
            anchor_keys: stores
                .iter()
                .flat_map(|store| &store.anchor_keys)
                .copied()
                .collect(),
            anchors,
            intermediates_by_name: by_name(intermediates.iter()),
            intermediates,
            policies: Vec::new(),
            signatures: SignatureMemo::default(),
        }
    }

    /// The anchors, as configured.
    #[must_use]
    pub fn anchors(&self) -> &[TrustAnchor] {
        &self.anchors
    }

    /// The configured intermediates.
    #[must_use]
    pub fn intermediates(&self) -> &[Certificate] {
        &self.intermediates
    }

    /// The acceptable policies; empty if any is.
    #[must_use]
    pub fn policies(&self) -> &[String] {
        &self.policies
    }

    pub(crate) fn anchors_named(&self, name: &NameKey) -> impl Iterator<Item = &TrustAnchor> {
        found(&self.anchors_by_name, name).filter_map(|index| self.anchors.get(index))
    }

    pub(crate) fn intermediates_named(&self, name: &NameKey) -> impl Iterator<Item = &Certificate> {
        found(&self.intermediates_by_name, name).filter_map(|index| self.intermediates.get(index))
    }

    /// Whether an anchor has the certificate's key, under whatever name.
    pub(crate) fn is_anchor_key(&self, certificate: &Certificate) -> bool {
        self.anchor_keys.contains(certificate.spki_hash())
    }

    pub(crate) fn signatures(&self) -> &SignatureMemo {
        &self.signatures
    }
}

impl std::fmt::Debug for TrustStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("TrustStore")
            .field("anchors", &self.anchors)
            .field("intermediates", &self.intermediates)
            .field("policies", &self.policies)
            .finish_non_exhaustive()
    }
}

/// Whether a text is an object identifier in dotted form (X.660).
fn is_dotted(text: &str) -> bool {
    let arcs: Vec<&str> = text.split('.').collect();
    let is_number = |arc: &&str| {
        let digits = !arc.is_empty() && arc.bytes().all(|byte| byte.is_ascii_digit());
        digits && (*arc == "0" || !arc.starts_with('0'))
    };
    let is_rooted = match arcs.as_slice() {
        ["0" | "1", second, ..] => second.parse().is_ok_and(|second: u8| second < 40),
        ["2", _, ..] => true,
        _ => false,
    };
    is_rooted && arcs.iter().all(is_number)
}

fn by_name<'a>(
    certificates: impl Iterator<Item = &'a Certificate>,
) -> HashMap<NameKey, Vec<usize>> {
    let mut index: HashMap<NameKey, Vec<usize>> = HashMap::new();
    for (position, certificate) in certificates.enumerate() {
        index
            .entry(certificate.subject_key().clone())
            .or_default()
            .push(position);
    }
    index
}

fn found<'a>(
    index: &'a HashMap<NameKey, Vec<usize>>,
    name: &NameKey,
) -> impl Iterator<Item = usize> + use<'a> {
    index.get(name).into_iter().flatten().copied()
}

/// Certificate signatures that were verified. Only those that hold are remembered, by a hash over
/// the whole certificate and the key: whether a signature is a key's never changes.
pub(crate) struct SignatureMemo(Cache<[u8; 32], ()>);

impl Default for SignatureMemo {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED_SIGNATURES))
    }
}

impl SignatureMemo {
    pub(crate) fn entry(certificate: &Certificate, key: &PublicKey) -> [u8; 32] {
        Sha256::new()
            .chain_update(certificate.fingerprint())
            .chain_update(key.fingerprint())
            .finalize()
            .into()
    }

    pub(crate) fn holds(&self, entry: &[u8; 32]) -> bool {
        self.0.get(entry).is_some()
    }

    pub(crate) fn remember(&self, entry: [u8; 32]) {
        self.0.insert(entry, ());
    }
}
