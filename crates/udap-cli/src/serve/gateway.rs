//! From the configuration to the gateway: the OpenEMRs behind it, its keys, and the guards.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Context;
use udap_axum::{Guard, Tokens};
use udap_gateway::{Gateway, GatewaySite, KeyError, SigningKey, SigningKeys};
use udap_openemr::GatewayKeys;

use super::store::Store;
use crate::config::Config;
use crate::config::settings::Site;
use crate::{environment, material};

/// What token endpoints need; `None`: no site is in gateway mode, and none is guarded.
///
/// # Errors
/// If a root certificate of `[fetch] tls_roots` cannot be read.
pub(super) fn tokens(config: &Config, store: &Store) -> anyhow::Result<Option<Tokens>> {
    let is_behind = |site: &&Site| site.is_gateway() || site.guarded_path.is_some();
    let behind: Vec<&Site> = config.sites.iter().filter(is_behind).collect();
    if behind.is_empty() {
        return Ok(None);
    }
    let sites = behind.iter().map(|site| GatewaySite {
        id: site.id.clone(),
        token_endpoint: site.token_endpoint.clone(),
        upstream: site.upstream_token_url.clone(),
    });
    let roots = material::certificates(&config.fetch.tls_roots).context("[fetch] tls_roots")?;
    let gateway = Gateway::new(
        sites.collect(),
        Arc::new(Keys::of(Arc::clone(&store.gateway_keys))),
        environment::ENVIRONMENT,
        roots.iter().map(|root| root.der().to_vec()).collect(),
    );
    let guards = behind.iter().filter_map(|site| {
        Some(Guard {
            site: site.id.clone(),
            path: site.guarded_path.clone()?,
        })
    });
    Ok(Some(Tokens {
        registry: Arc::clone(&store.tokens),
        forwarder: Arc::new(gateway.context("upstream_token_url")?),
        guards: guards.collect(),
    }))
}

/// The keys in the sites' folders, ready to sign.
struct Keys {
    files: Arc<GatewayKeys>,
    ready: RwLock<HashMap<(String, String), Arc<SigningKey>>>,
}

impl Keys {
    fn of(files: Arc<GatewayKeys>) -> Self {
        Self {
            files,
            ready: RwLock::default(),
        }
    }
}

impl SigningKeys for Keys {
    fn key(&self, site: &str, kid: &str) -> Result<Option<Arc<SigningKey>>, KeyError> {
        let name = (site.to_owned(), kid.to_owned());
        let Some(site) = self.files.site(site) else {
            return Ok(None);
        };
        let found = site.key(kid).map_err(|error| KeyError(error.into()))?;
        let Some(found) = found else {
            return Ok(None);
        };
        let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = ready.get(&name) {
            return Ok(Some(Arc::clone(key)));
        }
        drop(ready);
        let key = SigningKey::from_pem(found.private_pem().as_bytes(), kid);
        let key = Arc::new(key.map_err(|error| KeyError(error.into()))?);
        (self.ready.write().unwrap_or_else(PoisonError::into_inner)).insert(name, Arc::clone(&key));
        Ok(Some(key))
    }
}

#[cfg(test)]
mod tests {
    use udap_openemr::GatewayKey;

    use super::*;

    #[test]
    fn a_key_is_found_once_it_is_there_and_only_under_its_own_name() {
        let folder = tempfile::tempdir().unwrap();
        let files = GatewayKeys::new([("default", folder.path())]);
        let keys = Keys::of(Arc::new(files));
        let other = "x".repeat(43);
        assert!(keys.key("default", &other).unwrap().is_none());
        let made = GatewayKey::load_or_create(folder.path(), "default").unwrap();
        assert!(keys.key("default", &other).unwrap().is_none());
        assert!(keys.key("other", made.kid()).unwrap().is_none());
        let found = keys.key("default", made.kid()).unwrap().unwrap();
        // It is made ready once.
        let again = keys.key("default", made.kid()).unwrap().unwrap();
        assert!(Arc::ptr_eq(&found, &again));
    }
}
