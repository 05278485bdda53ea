//! What a community asks beyond the protocol: the two profiles as data.

use serde::{Deserialize, Serialize};

use super::grant_types::GrantsOffered;
use crate::limits;

/// A set of rules on client metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// HL7 "Security for Scalable Registration", STU2, alone.
    Hl7,
    /// Besides, EMR Direct's "Requirements for Client Registration" (I01–I21).
    EmrDirect,
}

/// How an e-mail contact's domain is compared with the hosts of redirect and client URIs (I17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContactMatch {
    /// By registrable domain: public suffix and one label.
    Registrable,
    /// By the whole host.
    Host,
}

/// What the rules need to know of community and site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetadataPolicy {
    /// The community's profile.
    pub profile: Profile,
    /// How contacts are matched where the profile asks for it.
    pub contact_match: ContactMatch,
    /// Whether the community admits `client_credentials` (decisions 18).
    pub allow_client_credentials: bool,
    /// Whether `emr-direct` takes `client_uri`, `tos_uri` and `policy_uri` over plain HTTP
    /// (decisions 18).
    pub allow_http_pages: bool,
    /// The grants that discovery lists (B24; decisions 10, 29).
    pub grants: GrantsOffered,
}

/// A profile's rules as data.
#[derive(Debug)]
pub(super) struct ProfileRules {
    /// `client_uri`, `tos_uri`, `policy_uri` and `logo_uri` are required whatever the grant (I01,
    /// I02).
    pub(super) pages_required: bool,
    /// Hosts are public DNS names, never loopback or IP literals (I06, I08, I14).
    pub(super) public_hosts: bool,
    /// A contact's domain belongs to the app (I16).
    pub(super) contact_domain: bool,
    /// Entries of `redirect_uris`.
    pub(super) redirect_uris: usize,
}

const HL7: ProfileRules = ProfileRules {
    pages_required: false,
    public_hosts: false,
    contact_domain: false,
    redirect_uris: limits::REDIRECT_URIS,
};

const EMR_DIRECT: ProfileRules = ProfileRules {
    pages_required: true,
    public_hosts: true,
    contact_domain: true,
    redirect_uris: limits::REDIRECT_URIS_CHECKED,
};

impl Profile {
    pub(super) fn rules(self) -> &'static ProfileRules {
        match self {
            Self::Hl7 => &HL7,
            Self::EmrDirect => &EMR_DIRECT,
        }
    }
}
