//! Each anchor vouches for one community (C09, C10, decisions 24).

use crate::community::Community;
use crate::trust::TrustStore;
use crate::trust::kinship::{Kinship, kinship};

/// anyPolicy (RFC 5280 §4.2.1.4).
const ANY_POLICY: &str = "2.5.29.32.0";

/// Why two communities' anchors do not go together: a certificate below them would belong to both.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnchorConflict {
    /// The same anchor, by name and key, without policies that tell the communities apart.
    #[error(
        "communities \"{0}\" and \"{1}\" share a trust anchor: give each its own, or give both \
         certificate policies of which none is common"
    )]
    Shared(String, String),
    /// An anchor of the second community was issued by one of the first, or through intermediates
    /// of any.
    #[error(
        "a trust anchor of community \"{1}\" chains to one of community \"{0}\", directly or \
         through configured intermediates, so the first would vouch for the second's apps: remove \
         one of the two, or the intermediate between them"
    )]
    Chained(String, String),
    /// Too many certificates of one name to tell.
    #[error(
        "whether a trust anchor of community \"{0}\" chains to another community's cannot be told: \
         too many anchors or intermediates have one name"
    )]
    Unclear(String),
}

/// Checks how the anchors of all communities are related.
pub(super) fn check(communities: &[Community]) -> Result<(), AnchorConflict> {
    let stores: Vec<_> = communities.iter().map(|one| &one.trust.store).collect();
    let id = |number: usize| {
        let community = communities.get(number);
        community.map(|one| one.id.clone()).unwrap_or_default()
    };
    let may_share = |one: usize, other: usize| match (stores.get(one), stores.get(other)) {
        (Some(one), Some(other)) => told_apart_by_policies(one, other),
        _ => false,
    };
    match kinship(&stores, may_share) {
        None => Ok(()),
        Some(Kinship::Shared(one, other)) => Err(AnchorConflict::Shared(id(one), id(other))),
        Some(Kinship::Chained(above, below)) => Err(AnchorConflict::Chained(id(above), id(below))),
        Some(Kinship::Unclear(one)) => Err(AnchorConflict::Unclear(id(one))),
    }
}

fn told_apart_by_policies(one: &TrustStore, other: &TrustStore) -> bool {
    let (one, other) = (one.policies(), other.policies());
    let is_any = |policies: &[String]| {
        policies.is_empty() || policies.iter().any(|policy| policy == ANY_POLICY)
    };
    !is_any(one) && !is_any(other) && !one.iter().any(|policy| other.contains(policy))
}
