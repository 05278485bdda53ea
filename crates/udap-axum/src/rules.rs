//! What a reload replaces as a whole: the registrar, and the keys that sign metadata.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use time::OffsetDateTime;
use udap::community::Community;
use udap::discovery::{MetadataError, MetadataSigner, SignedMetadata};
use udap::registrar::Registrar;
use udap::site::Site;

/// The key that signs a site's metadata for a community.
#[derive(Debug)]
pub struct SiteSigner {
    /// The site's id.
    pub site: String,
    /// The community's id.
    pub community: String,
    /// The server certificate and its key.
    pub signer: Arc<MetadataSigner>,
}

/// Why rules cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// A community serves a site that no server certificate of its speaks for (decisions 24).
    #[error(
        "community \"{community}\": the server certificate names no base URL of a site that the \
         community serves; site \"{site}\" needs a certificate with its fhir_base_url as a URI name"
    )]
    NoSigner {
        /// The site.
        site: String,
        /// The community.
        community: String,
    },
    /// Sites differ from those that are served: their routes are laid once.
    #[error("sites cannot be changed while the server runs")]
    SitesChanged,
}

/// One configuration of communities, immutable. A request uses one from beginning to end.
pub struct Rules {
    registrar: Arc<Registrar>,
    signers: HashMap<(String, String), Arc<MetadataSigner>>,
    metadata: RwLock<HashMap<(String, String), Arc<SignedMetadata>>>,
}

impl fmt::Debug for Rules {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Rules")
            .field("registrar", &self.registrar)
            .field("signers", &self.signers.keys())
            .finish_non_exhaustive()
    }
}

impl Rules {
    /// Rules with the keys that speak for them.
    ///
    /// # Errors
    /// If a community serves a site that none of its certificates names (A28, decisions 24).
    pub fn new(
        registrar: impl Into<Arc<Registrar>>,
        signers: Vec<SiteSigner>,
    ) -> Result<Self, RulesError> {
        let registrar = registrar.into();
        for site in registrar.sites() {
            for community in registrar.communities_of(site) {
                let spoken_for = signers.iter().any(|one| {
                    one.site == site.id && one.community == community.id && one.signer.names(site)
                });
                if !spoken_for {
                    return Err(RulesError::NoSigner {
                        site: site.id.clone(),
                        community: community.id.clone(),
                    });
                }
            }
        }
        Ok(Self {
            registrar,
            signers: signers
                .into_iter()
                .map(|one| ((one.site, one.community), one.signer))
                .collect(),
            metadata: RwLock::default(),
        })
    }

    /// The registrar.
    #[must_use]
    pub fn registrar(&self) -> &Registrar {
        &self.registrar
    }

    /// The server certificates, by site and community.
    pub fn signers(&self) -> impl Iterator<Item = (&str, &str, &MetadataSigner)> {
        self.signers
            .iter()
            .map(|((site, community), signer)| (site.as_str(), community.as_str(), &**signer))
    }

    /// A site's metadata for a community: signed once, kept until half its life, and as long as it
    /// is valid if signing anew fails (A31, A32). `new_jti` is used only if it is signed.
    pub(crate) fn metadata(
        &self,
        site: &Arc<Site>,
        community: &Arc<Community>,
        now: OffsetDateTime,
        new_jti: fn() -> String,
    ) -> Result<Arc<SignedMetadata>, MetadataError> {
        let key = (site.id.clone(), community.id.clone());
        let kept = self
            .metadata
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .cloned();
        if let Some(kept) = &kept
            && now < kept.renew_at
        {
            return Ok(Arc::clone(kept));
        }
        let signer = self.signers.get(&key).ok_or(MetadataError::NotServed)?;
        match signer.sign(&self.registrar, site, community, &new_jti(), now) {
            Ok(signed) => {
                let signed = Arc::new(signed);
                self.metadata
                    .write()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(key, Arc::clone(&signed));
                Ok(signed)
            }
            Err(error) => match kept {
                Some(kept) if now < kept.expires_at => {
                    tracing::error!(site = %site.id, community = %community.id, %error,
                        "metadata could not be signed anew; the old one still serves");
                    Ok(kept)
                }
                _ => Err(error),
            },
        }
    }
}
