//! What a site's OpenEMR says of itself: its version, and with `scopes = "discover"` what it supports.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;
use udap::scope::Scope;
use udap_client::{Client, ClientOptions};
use udap_openemr::OpenEmrVersion;
use url::Url;

use super::store::{openemr_version, openemr_version_now};
use crate::config::Config;
use crate::config::settings::{Scopes, Site};
use crate::material;

/// What the OpenEMR of each site says of itself, by site id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Discovered {
    scopes: HashMap<String, Vec<String>>,
    versions: HashMap<String, OpenEmrVersion>,
}

impl Discovered {
    /// The scopes of a site that has them discovered.
    pub(super) fn scopes(&self, site: &Site) -> Vec<String> {
        self.scopes.get(&site.id).cloned().unwrap_or_default()
    }

    /// The version of a site's OpenEMR, if there is one and it is known.
    pub(super) fn version(&self, site: &Site) -> Option<OpenEmrVersion> {
        self.versions.get(&site.id).copied()
    }

    /// What the configuration alone says.
    pub(super) fn configured(config: &Config) -> anyhow::Result<Self> {
        let mut discovered = Self::default();
        for site in &config.sites {
            if let Some(version) = &site.openemr_version {
                discovered
                    .versions
                    .insert(site.id.clone(), version.parse()?);
            }
        }
        Ok(discovered)
    }
}

/// Where OpenEMR's discovery document lies below its OAuth base, whose token endpoint is known.
pub(crate) const DISCOVERY_DOCUMENT: &str = ".well-known/openid-configuration";

/// The same list stands here, below the FHIR base URL.
const SMART_DOCUMENT: &str = "/.well-known/smart-configuration";

/// Asks each site's OpenEMR for its version, and for its scopes where they are wanted.
///
/// # Errors
/// If an OpenEMR does not answer, or with something else, or its database does not.
pub(crate) async fn discover(config: &Config) -> anyhow::Result<Discovered> {
    let mut discovered = Discovered::default();
    for site in &config.sites {
        if let Some(version) = openemr_version(config, site).await? {
            discovered.versions.insert(site.id.clone(), version);
        }
        if matches!(site.scopes, Scopes::Discover) {
            let scopes = ask(config, site).await.with_context(|| {
                format!(
                    "site \"{}\": scopes = \"discover\": OpenEMR must be running, or list the scopes",
                    site.id
                )
            })?;
            tracing::info!(site = %site.id, count = scopes.len(), "scopes discovered");
            discovered.scopes.insert(site.id.clone(), scopes);
        }
    }
    Ok(discovered)
}

/// Asks the OpenEMR of one site, once: for somebody who only looks. What keeps its version from being
/// known is given back, for the rest can be judged without.
///
/// # Errors
/// If the site's scopes are discovered and OpenEMR does not list them, or `offline` forbids to ask.
pub(crate) async fn discover_now(
    config: &Config,
    site: &Site,
    offline: bool,
) -> anyhow::Result<(Discovered, Option<anyhow::Error>)> {
    let mut discovered = Discovered::configured(config)?;
    let unknown = match openemr_version_now(config, site).await {
        Ok(version) => {
            let version = version.map(|version| (site.id.clone(), version));
            discovered.versions.extend(version);
            None
        }
        Err(error) => Some(error),
    };
    if matches!(site.scopes, Scopes::Discover) {
        if offline {
            bail!(
                "site \"{}\": scopes = \"discover\": without the network it is not known which \
                 there are; leave --offline out, or list the scopes",
                site.id
            );
        }
        let scopes = ask(config, site).await.with_context(|| {
            format!(
                "site \"{}\": scopes = \"discover\": OpenEMR must be running, or list the scopes",
                site.id
            )
        })?;
        discovered.scopes.insert(site.id.clone(), scopes);
    }
    Ok((discovered, unknown))
}

/// Asks for the scopes of a site, in either of two documents.
///
/// # Errors
/// If neither lists any.
async fn ask(config: &Config, site: &Site) -> anyhow::Result<Vec<String>> {
    let openid = site.upstream_token_url.join(DISCOVERY_DOCUMENT)?;
    let smart = format!("{}{SMART_DOCUMENT}", site.fhir_base_url).parse()?;
    let client = operator_client(config, ClientOptions::default().timeout)?;
    match ask_at(&client, &openid).await {
        Ok(scopes) => Ok(scopes),
        Err(error) => match ask_at(&client, &smart).await {
            Ok(scopes) => Ok(scopes),
            // The first is the one that every version has.
            Err(_) => Err(error),
        },
    }
}

/// What asks addresses that the operator configured.
///
/// # Errors
/// If a root certificate of `[fetch] tls_roots` cannot be read.
pub(crate) fn operator_client(config: &Config, timeout: Duration) -> anyhow::Result<Client> {
    let roots = material::certificates(&config.fetch.tls_roots).context("[fetch] tls_roots")?;
    let roots = roots.iter();
    Ok(Client::new(&ClientOptions {
        timeout,
        tls_roots: roots
            .map(|root| pem::encode(&pem::Pem::new("CERTIFICATE", root.der())).into_bytes())
            .collect(),
        ..ClientOptions::default()
    })?)
}

async fn ask_at(client: &Client, url: &Url) -> anyhow::Result<Vec<String>> {
    let (status, body) = client.get(url).await?;
    if status != 200 {
        bail!("{url} answers with status {status}");
    }
    let document: Value =
        serde_json::from_slice(&body).with_context(|| format!("{url} is not JSON"))?;
    let scopes = concrete_scopes(&document);
    if scopes.is_empty() {
        bail!("{url} lists no scopes_supported");
    }
    Ok(scopes)
}

/// The concrete scopes of a discovery document, whose list some OpenEMRs nest one array too deep.
/// Entries that are no scopes are passed over: OpenEMR's own catalogue has some.
pub(crate) fn concrete_scopes(document: &Value) -> Vec<String> {
    let listed = match document.get("scopes_supported") {
        Some(Value::Array(outer)) => match outer.as_slice() {
            [Value::Array(inner)] => inner.as_slice(),
            flat => flat,
        },
        _ => &[],
    };
    listed
        .iter()
        .filter_map(Value::as_str)
        .filter(|text| text.parse::<Scope>().is_ok())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_shapes_of_openemrs_list_are_read() {
        let flat =
            json!({"scopes_supported": ["openid", "system/Patient.read", "system/Patient.sr", 7]});
        let nested = json!({"scopes_supported": [["openid", "system/Patient.read"]]});
        for document in [flat, nested] {
            assert_eq!(
                concrete_scopes(&document),
                ["openid", "system/Patient.read"]
            );
        }
        assert!(concrete_scopes(&json!({})).is_empty());
        assert!(concrete_scopes(&json!({"scopes_supported": "openid"})).is_empty());
    }
}
