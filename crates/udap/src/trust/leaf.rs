//! The rules for a leaf, which need nothing but the leaf and the anchors.

use time::OffsetDateTime;

use super::anchor::dates;
use super::distrust::{Distrust, Place};
use super::store::TrustStore;
use crate::certificate::Certificate;

/// Judges the leaf by itself (C11, C13–C15, decisions 25). Where it fails nothing is fetched.
pub(super) fn check(
    leaf: &Certificate,
    store: &TrustStore,
    at: OffsetDateTime,
) -> Result<(), Distrust> {
    let place = Place::Leaf;
    // In the order of `Distrust`'s ranks, so that the first is the most specific.
    if leaf.is_ca() {
        return Err(Distrust::LeafIsCa);
    }
    if leaf.is_self_signed() {
        return Err(Distrust::LeafSelfSigned);
    }
    if store.is_anchor_key(leaf) {
        return Err(Distrust::LeafHasAnchorKey);
    }
    if leaf
        .key_usage()
        .is_some_and(|usage| !usage.digital_signature())
    {
        return Err(Distrust::LeafKeyUsage);
    }
    dates(leaf, place, at)?;
    leaf.key().map_err(|error| Distrust::Key { place, error })?;
    if leaf.signature_scheme().is_none() {
        return Err(Distrust::SignatureAlgorithm(place));
    }
    leaf.well_formed()
        .map_err(|flaw| Distrust::Flaw { place, flaw })
}
