//! What OpenEMR's own discovery says.

use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use udap::scope::Scope;

use super::clock;
use super::finding::{Subject, told};
use crate::config::Config;
use crate::config::settings::{Backend, Scopes, Site};
use crate::environment;
use crate::serve::{DISCOVERY_DOCUMENT, concrete_scopes, operator_client};

/// How long OpenEMR may take. It answers in less than a second, or a little more after a pause.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) async fn check(config: &Config, site: &Site, about: &mut Subject<'_>) {
    let name = "discovery";
    let is_embedded = matches!(config.database, Backend::Sqlite(_));
    if is_embedded && site.scopes != Scopes::Discover {
        about.ok(name, "the embedded store: OpenEMR's discovery is not asked");
        return;
    }
    let Ok(url) = site.upstream_token_url.join(DISCOVERY_DOCUMENT) else {
        about.unknown(name, "there is no address for it", "correct token_endpoint");
        return;
    };
    let client = match operator_client(config, PATIENCE) {
        Ok(client) => client,
        Err(error) => {
            about.unknown(name, format!("{error:#}"), "correct [fetch] tls_roots");
            return;
        }
    };
    let asked = environment::now();
    let answer = client.get_with_date(&url).await;
    let answered = environment::now();
    let (status, body, date) = match answer {
        Ok(answer) => answer,
        Err(error) => {
            about.error(
                name,
                format!("OpenEMR's discovery cannot be read: {}", told(&error)),
                "start OpenEMR, or correct token_endpoint or upstream_token_url; for a private certificate \
                 authority set [fetch] tls_roots",
            );
            return;
        }
    };
    let date = date.and_then(|date| OffsetDateTime::parse(&date, &Rfc2822).ok());
    match date {
        Some(date) => clock::compare(about, "OpenEMR's web server", asked, answered, date),
        None => about.unknown(
            "clock",
            "OpenEMR's web server does not tell its time",
            "see to it that OpenEMR's machine keeps time by NTP",
        ),
    }
    if status != 200 {
        about.error(
            name,
            format!("{url} answers with status {status}"),
            "correct token_endpoint, or switch OpenEMR's API on",
        );
        return;
    }
    match serde_json::from_slice(&body) {
        Ok(document) => judge(about, &document, site),
        Err(_) => about.error(
            name,
            format!("{url} is not JSON"),
            "something else than OpenEMR answers there: correct token_endpoint or upstream_token_url",
        ),
    }
}

/// Compares the document with what is configured.
fn judge(about: &mut Subject<'_>, document: &Value, site: &Site) {
    let told = document.get("token_endpoint").and_then(Value::as_str);
    let configured = &site.token_endpoint;
    match told {
        Some(told) if told == configured => about.ok(
            "token_endpoint",
            format!("OpenEMR's token endpoint is the configured one, {told}"),
        ),
        Some(told) => about.error(
            "token_endpoint",
            format!(
                "OpenEMR calls its token endpoint {told}, while token_endpoint is {configured}: no \
                 assertion would have the audience that OpenEMR expects"
            ),
            "set token_endpoint to OpenEMR's, letter by letter; or correct site_addr_oath in OpenEMR",
        ),
        None => about.error(
            "token_endpoint",
            "OpenEMR's discovery names no token endpoint",
            "something else than OpenEMR answers there: correct token_endpoint or upstream_token_url",
        ),
    }
    let supported: Vec<Scope> = concrete_scopes(document)
        .iter()
        .filter_map(|text| text.parse().ok())
        .collect();
    if supported.is_empty() {
        about.error(
            "scopes",
            "OpenEMR's discovery lists no scopes",
            "switch OpenEMR's FHIR API on",
        );
        return;
    }
    let Scopes::List(scopes) = &site.scopes else {
        about.ok(
            "scopes",
            format!("OpenEMR offers {} scopes", supported.len()),
        );
        return;
    };
    let missing: Vec<_> = (scopes.iter())
        .filter(|text| {
            let scope = text.parse::<Scope>();
            !scope.is_ok_and(|scope| supported.iter().any(|known| known.is_equivalent(&scope)))
        })
        .map(String::as_str)
        .collect();
    if missing.is_empty() {
        about.ok("scopes", "OpenEMR supports all scopes of the site");
    } else {
        about.warn(
            "scopes",
            format!(
                "OpenEMR does not support {}: a token request that names one is refused",
                missing.join(" ")
            ),
            "take them out of the site's scopes, or switch on in OpenEMR what provides them",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_web_servers_are_read() {
        let date = OffsetDateTime::parse("Sun, 06 Nov 1994 08:49:37 GMT", &Rfc2822).unwrap();
        assert_eq!(date.unix_timestamp(), 784_111_777);
    }
}
