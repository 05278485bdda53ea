//! `scopes = "discover"`: what OpenEMR itself says that it supports.

use std::collections::HashMap;

use anyhow::{Context, bail};
use serde_json::Value;
use udap::scope::Scope;
use udap_client::{Client, ClientOptions};
use url::Url;

use crate::config::Config;
use crate::config::settings::{Scopes, Site};

/// The scopes of each site that has them discovered, by site id.
pub(crate) type Discovered = HashMap<String, Vec<String>>;

/// Where OpenEMR's discovery document lies below its OAuth base, whose token endpoint is known.
const DOCUMENT: &str = ".well-known/openid-configuration";

/// Asks OpenEMR for the scopes of each site that wants it.
///
/// # Errors
/// If an OpenEMR does not answer, or with something else.
pub(crate) async fn discover(config: &Config) -> anyhow::Result<Discovered> {
    let mut discovered = Discovered::new();
    for site in &config.sites {
        if matches!(site.scopes, Scopes::Discover) {
            let scopes = ask(site).await.with_context(|| {
                format!(
                    "site \"{}\": scopes = \"discover\": OpenEMR must be running, or list the scopes",
                    site.id
                )
            })?;
            tracing::info!(site = %site.id, count = scopes.len(), "scopes discovered");
            discovered.insert(site.id.clone(), scopes);
        }
    }
    Ok(discovered)
}

async fn ask(site: &Site) -> anyhow::Result<Vec<String>> {
    let token_endpoint = &site.upstream_token_url;
    let url: Url = token_endpoint.join(DOCUMENT)?;
    let (status, body) = Client::new(&ClientOptions::default())?.get(&url).await?;
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
fn concrete_scopes(document: &Value) -> Vec<String> {
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
