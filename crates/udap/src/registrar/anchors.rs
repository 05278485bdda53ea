//! Each anchor vouches for one community (C09, C10, decisions 24).

use crate::community::Community;
use crate::trust::{TrustAnchor, anchors_chain};

/// Why two communities' anchors do not go together: a certificate below them would belong to both.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnchorConflict {
    /// The same anchor, by name and key, without policies that tell the communities apart.
    #[error(
        "communities \"{0}\" and \"{1}\" share a trust anchor: give each its own, or give both \
         certificate policies of which none is common"
    )]
    Shared(String, String),
    /// An anchor of the second community was issued by one of the first.
    #[error(
        "a trust anchor of community \"{1}\" was issued by one of community \"{0}\", so the first \
         would vouch for the second's apps: remove one of the two"
    )]
    Chained(String, String),
}

/// Checks the anchors of all pairs of communities.
pub(super) fn check(communities: &[Community]) -> Result<(), AnchorConflict> {
    for (index, one) in communities.iter().enumerate() {
        for other in communities.iter().skip(index + 1) {
            check_pair(one, other)?;
        }
    }
    Ok(())
}

fn check_pair(one: &Community, other: &Community) -> Result<(), AnchorConflict> {
    let names = || (one.id.clone(), other.id.clone());
    let told_apart = told_apart_by_policies(one, other);
    for (a, b) in pairs(one, other) {
        if a.same_name_and_key(b) {
            if !told_apart {
                let (one, other) = names();
                return Err(AnchorConflict::Shared(one, other));
            }
        } else if anchors_chain(a, b) {
            let (one, other) = names();
            return Err(AnchorConflict::Chained(one, other));
        } else if anchors_chain(b, a) {
            let (one, other) = names();
            return Err(AnchorConflict::Chained(other, one));
        }
    }
    Ok(())
}

fn pairs<'a>(
    one: &'a Community,
    other: &'a Community,
) -> impl Iterator<Item = (&'a TrustAnchor, &'a TrustAnchor)> {
    one.trust
        .store
        .anchors()
        .iter()
        .flat_map(|a| other.trust.store.anchors().iter().map(move |b| (a, b)))
}

fn told_apart_by_policies(one: &Community, other: &Community) -> bool {
    let (one, other) = (one.trust.store.policies(), other.trust.store.policies());
    !one.is_empty() && !other.is_empty() && !one.iter().any(|policy| other.contains(policy))
}
