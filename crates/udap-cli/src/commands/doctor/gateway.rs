//! Token requests: whether OpenEMR answers the gateway, and whether its own token endpoint is guarded, as
//! seen from outside (decisions 28).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use udap::registry::{RegistrationStatus, Registry};
use udap::token::TokenRefusal;
use udap_client::Client;
use udap_store::{MySqlRegistry, TablesState};
use url::Url;
use url::form_urlencoded::Serializer;

use super::finding::{Subject, told};
use crate::config::Config;
use crate::config::settings::{Backend, Site};
use crate::environment;
use crate::serve::operator_client;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

const BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What an app that is none of ours may be called: nothing at all, for all that anybody can read.
const UNREADABLE: &str = "\u{e9}";

pub(super) async fn check(
    config: &Config,
    registry: Option<&MySqlRegistry>,
    site: &Site,
    about: &mut Subject<'_>,
) {
    if !site.is_gateway() && site.guarded_path.is_none() {
        return;
    }
    let client = match operator_client(config, PATIENCE) {
        Ok(client) => client,
        Err(error) => {
            about.unknown("gateway", format!("{error:#}"), "correct [fetch] tls_roots");
            return;
        }
    };
    if site.is_gateway() {
        if matches!(config.database, Backend::Sqlite(_)) {
            about.ok(
                "gateway",
                "the embedded store: OpenEMR is not asked for tokens",
            );
        } else {
            check_upstream(&client, site, about).await;
        }
        if site.authorization_endpoint.is_some() && !site.require_pkce {
            about.note(
                "pkce",
                "codes are redeemed without a code_verifier, too: OpenEMR does not ask confidential apps for PKCE",
                "set require_pkce = true, unless apps of before UDAP Security 2.0 have to be served",
            );
        }
    }
    if site.guarded_path.is_some() {
        let ours = match registry {
            Some(registry) => one_of_ours(registry, &site.id).await,
            None => None,
        };
        check_guard(&client, site, ours.as_deref(), about).await;
    }
}

/// The id of an app that is registered at the site, if there is any.
async fn one_of_ours(registry: &MySqlRegistry, site: &str) -> Option<String> {
    if registry.tables().await.ok()? != TablesState::Current {
        return None;
    }
    let list = registry.list().await.ok()?;
    let mut ours = (list.into_iter())
        .filter(|one| one.site == site && one.status == RegistrationStatus::Active);
    Some(ours.next()?.client_id)
}

/// Asks for a token for nobody.
async fn check_upstream(client: &Client, site: &Site, about: &mut Subject<'_>) {
    let check = "gateway";
    let url = &site.upstream_token_url;
    let answer = client
        .post_form(url, form(&assertion(&environment::random_id())))
        .await;
    match answer {
        Err(error) => about.error(
            check,
            format!("OpenEMR's token endpoint cannot be asked: {}", told(&error)),
            "start OpenEMR, or correct upstream_token_url; for a private certificate authority set [fetch] \
             tls_roots",
        ),
        Ok((_, body)) if error_of(&body).is_some() => about.ok(
            check,
            format!("OpenEMR answers token requests at {url}"),
        ),
        Ok((status, _)) => about.error(
            check,
            format!("{url} answers a token request with status {status}, and with no error of OAuth's"),
            "correct upstream_token_url, or switch OpenEMR's API on",
        ),
    }
}

/// Asks where apps would ask OpenEMR itself.
async fn check_guard(client: &Client, site: &Site, ours: Option<&str>, about: &mut Subject<'_>) {
    let check = "guard";
    let advice = "let the proxy route every path of OpenEMR's token endpoint to this server, as the documentation \
                  of the gateway shows, and start the server";
    let Ok(endpoint) = site.token_endpoint.parse::<Url>() else {
        about.unknown(
            check,
            "there is no address for it",
            "correct token_endpoint",
        );
        return;
    };
    let (form, expected) = match ours {
        Some(client_id) => (form(&assertion(client_id)), TokenRefusal::guarded()),
        None => (
            Serializer::new(String::new())
                .append_pair("grant_type", "client_credentials")
                .append_pair("client_id", UNREADABLE)
                .finish(),
            TokenRefusal::unreadable_client(),
        ),
    };
    let expected = Value::from(expected.to_answer());
    match client.post_form(&endpoint, form.clone()).await {
        Err(error) => {
            about.error(
                check,
                format!("{endpoint} cannot be asked: {}", told(&error)),
                advice,
            );
            return;
        }
        Ok((_, body)) if serde_json::from_slice::<Value>(&body).ok() == Some(expected) => {}
        Ok((status, _)) => {
            about.error(
                check,
                format!(
                    "token_guard is on, but {endpoint} is not answered by this server (status {status}): apps can \
                     ask OpenEMR for tokens around the gateway"
                ),
                advice,
            );
            return;
        }
    }
    let mut open = Vec::new();
    let spelt = spellings(&endpoint)
        .into_iter()
        .map(|spelling| (spelling, form.clone()));
    for (spelling, form) in spelt.chain(rewritten(&endpoint, &form).into_iter().flatten()) {
        let answer = client.post_form(&spelling, form).await;
        // Where nobody answers, nobody gets a token.
        if let Ok((_, body)) = answer
            && error_of(&body).is_some_and(|error| error != "not_found")
            && !is_guards(&body)
        {
            open.push(spelling.path().to_owned());
        }
    }
    if open.is_empty() {
        about.ok(
            check,
            format!("{endpoint} is guarded: our apps get tokens at the gateway alone"),
        );
    } else {
        about.error(
            check,
            format!(
                "token_guard is on, but OpenEMR answers token requests at {}, too: apps can ask it around the \
                 gateway",
                open.join(" ")
            ),
            advice,
        );
    }
}

/// Other paths that OpenEMR takes for its token endpoint's.
fn spellings(endpoint: &Url) -> Vec<Url> {
    let path = endpoint.path();
    let Some((folder, name)) = path.rsplit_once('/') else {
        return Vec::new();
    };
    let mut encoded = String::new();
    for (index, octet) in name.bytes().enumerate() {
        if index == 0 {
            encoded = format!("%{octet:02X}");
        } else {
            encoded.push(char::from(octet));
        }
    }
    [
        format!("{path}/"),
        format!("{path}/more"),
        format!("{folder}//{name}"),
        format!("{folder}/{}", name.to_ascii_uppercase()),
        format!("{folder}/{encoded}"),
    ]
    .into_iter()
    .map(|path| {
        let mut url = endpoint.clone();
        url.set_path(&path);
        url
    })
    .collect()
}

/// Another path of OpenEMR's, and a form that has old versions take it for their token endpoint's: before the request's
/// own path they look at what the web server's rewriting says, which the caller can say, too.
fn rewritten(endpoint: &Url, form: &str) -> Option<[(Url, String); 2]> {
    let (folder, name) = endpoint.path().rsplit_once('/')?;
    let (_, site) = folder.rsplit_once('/')?;
    let said = ("_REWRITE_COMMAND", &format!("{site}/{name}"));
    let mut url = endpoint.clone();
    url.set_path(&format!("{folder}/jwk"));
    let with = Serializer::new(form.to_owned())
        .append_pair(said.0, said.1)
        .finish();
    let mut by_query = url.clone();
    by_query.query_pairs_mut().append_pair(said.0, said.1);
    Some([(url, with), (by_query, form.to_owned())])
}

/// An assertion for an app, with a signature that nobody could have made.
fn assertion(client_id: &str) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!(
        "{}.{}.{}",
        part(json!({"alg": "RS384", "typ": "JWT"})),
        part(json!({"iss": client_id, "sub": client_id, "jti": environment::random_id()})),
        URL_SAFE_NO_PAD.encode("no signature")
    )
}

fn form(assertion: &str) -> String {
    Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_assertion_type", BEARER)
        .append_pair("client_assertion", assertion)
        .finish()
}

/// The error in an answer of a token endpoint.
fn error_of(body: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    Some(answer.get("error")?.as_str()?.to_owned())
}

fn is_guards(body: &[u8]) -> bool {
    let answer = serde_json::from_slice::<Value>(body).ok();
    [TokenRefusal::guarded(), TokenRefusal::unreadable_client()]
        .iter()
        .any(|refusal| Some(Value::from(refusal.to_answer())) == answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_are_not_the_endpoint_itself() {
        let endpoint: Url = "https://emr.example.org/oauth2/default/token"
            .parse()
            .unwrap();
        let paths: Vec<String> = spellings(&endpoint)
            .iter()
            .map(|url| url.path().to_owned())
            .collect();
        assert_eq!(
            paths,
            [
                "/oauth2/default/token/",
                "/oauth2/default/token/more",
                "/oauth2/default//token",
                "/oauth2/default/TOKEN",
                "/oauth2/default/%74oken",
            ]
        );
    }

    #[test]
    fn a_rewritten_request_is_not_to_the_endpoints_path() {
        let endpoint = "https://emr.example.org/openemr/oauth2/default/token"
            .parse()
            .unwrap();
        let [(url, form), (by_query, plain)] = rewritten(&endpoint, "grant_type=x").unwrap();
        assert_eq!(url.path(), "/openemr/oauth2/default/jwk");
        assert_eq!(form, "grant_type=x&_REWRITE_COMMAND=default%2Ftoken");
        assert_eq!(by_query.query(), Some("_REWRITE_COMMAND=default%2Ftoken"));
        assert_eq!(
            (by_query.path(), plain.as_str()),
            (url.path(), "grant_type=x")
        );
    }

    #[test]
    fn an_answer_of_the_guard_is_told_from_openemrs() {
        let guards = Value::from(TokenRefusal::guarded().to_answer()).to_string();
        assert!(is_guards(guards.as_bytes()));
        let openemrs = br#"{"error": "invalid_client"}"#;
        assert!(!is_guards(openemrs) && !is_guards(b"<html>"));
        assert_eq!(error_of(openemrs).unwrap(), "invalid_client");
        assert_eq!(error_of(b"<html>"), None);
        assert_eq!(error_of(b"{}"), None);
    }
}
