//! Our own clients: whether their rows are as they were written. What an administrator did with them
//! is no fault, but good to know.

use udap::registry::{RegistrationDetails, RegistrationStatus, Registry};
use udap_store::{Client, ClientTable as _, ClientTableError, MySqlRegistry, TablesState};

use super::database::{Looked, Sites};
use super::finding::{Findings, Subject, told};
use crate::environment;

/// Clients that are named.
const NAMED: usize = 20;

const CHECK: &str = "registrations";

/// Columns that hold a client's key. What is wrong with them is told by itself.
const KEYS: [&str; 2] = ["jwks_uri", "jwks"];

/// What became of clients' rows, by site.
#[derive(Default)]
struct Differences {
    compared: usize,
    /// Clients whose rows hold a gateway key that is missing.
    keyless: usize,
    /// Clients whose rows hold another key than the site's mode wants.
    astray: Vec<String>,
    /// Clients whose key no row can hold in the site's mode.
    unfit: Vec<String>,
    told: Vec<String>,
}

pub(super) async fn check(registry: &MySqlRegistry, sites: &Sites, findings: &mut Findings) {
    let about = &mut findings.about("registrations");
    // Anything else was told of.
    match registry.tables().await {
        Ok(TablesState::Current) => {}
        Ok(TablesState::Pending { missing, of }) if missing == of => {
            about.ok(CHECK, "no app has registered yet");
            return;
        }
        Ok(_) | Err(_) => {
            about.unknown(
                CHECK,
                "the registrar's own tables are not up to date",
                "look again when the server has been started",
            );
            return;
        }
    }
    match compare_all(registry, sites).await {
        Ok(differences) => tell(about, &differences),
        Err(error) => about.unknown(
            CHECK,
            error,
            "see to the findings about the sites first, then look again",
        ),
    }
}

async fn compare_all(registry: &MySqlRegistry, sites: &Sites) -> Result<Differences, String> {
    let list = registry.list().await.map_err(|error| told(&error))?;
    let mut differences = Differences::default();
    for one in list {
        if one.status == RegistrationStatus::Cancelled {
            continue;
        }
        let details = registry.details(&one.client_id).await;
        // One that was removed since is no longer of interest.
        let Some(details) = details.map_err(|error| told(&error))? else {
            continue;
        };
        differences.compared += 1;
        match sites.get(&one.site) {
            Some(looked) if looked.has_key => {
                let id = &details.summary.client_id;
                match key(registry, looked, &details).await? {
                    Key::AsWanted => {}
                    Key::Astray => differences.astray.push(id.clone()),
                    Key::Unfit => {
                        differences.unfit.push(id.clone());
                        continue;
                    }
                }
            }
            Some(_) => differences.keyless += 1,
            None => {}
        }
        if let Some(difference) = compare(registry, sites, &details).await? {
            let name = &details.summary.client_id;
            differences
                .told
                .push(format!("client {name}: {difference}"));
        }
    }
    Ok(differences)
}

/// What is to be said about the key in a row.
enum Key {
    AsWanted,
    Astray,
    Unfit,
}

async fn key(
    registry: &MySqlRegistry,
    looked: &Looked,
    details: &RegistrationDetails,
) -> Result<Key, String> {
    let leaf = details.certificate.key().map_err(|error| told(&error))?;
    let wanted = match looked.clients.wanted_kid(leaf) {
        Ok(wanted) => wanted,
        Err(ClientTableError::Unfit(_)) => return Ok(Key::Unfit),
        Err(error) => return Err(told(&error)),
    };
    let mut transaction = (registry.transaction().await).map_err(|error| told(&error))?;
    let client_id = &details.summary.client_id;
    let row = looked
        .clients
        .seen_token_row(&mut transaction, client_id)
        .await;
    transaction.rollback().await.map_err(|error| told(&error))?;
    Ok(match row.map_err(|error| told(&error))? {
        Some(row) if row.kid.as_ref() != Some(&wanted) => Key::Astray,
        _ => Key::AsWanted,
    })
}

async fn compare(
    registry: &MySqlRegistry,
    sites: &Sites,
    details: &RegistrationDetails,
) -> Result<Option<String>, String> {
    let summary = &details.summary;
    let Some(looked) = sites.get(&summary.site) else {
        return Ok(Some(format!(
            "its site, {}, is not configured any more",
            summary.site
        )));
    };
    match details.row {
        None => return Ok(Some("its row in oauth_clients is gone".to_owned())),
        Some(is) if is != details.written => {
            let was = if is { "on" } else { "off" };
            return Ok(Some(format!("its row was switched {was} by hand")));
        }
        Some(_) => {}
    }
    if !looked.has_key {
        return Ok(None);
    }
    let key = details.certificate.key().map_err(|error| told(&error))?;
    let client = Client {
        client_id: summary.client_id.clone(),
        site: summary.site.clone(),
        client_uri: summary.client_uri.clone(),
        metadata: details.metadata.clone(),
        key: key.clone(),
        enabled: details.written,
        now: environment::now(),
    };
    let mut transaction = (registry.transaction().await).map_err(|error| told(&error))?;
    let drift = looked.clients.drift(&mut transaction, &client).await;
    transaction.rollback().await.map_err(|error| told(&error))?;
    Ok(match drift {
        Ok(None) => Some("its row in oauth_clients is gone".to_owned()),
        Ok(Some(mut columns)) => {
            columns.retain(|column| !KEYS.contains(column));
            (!columns.is_empty()).then(|| format!("changed by hand: {}", columns.join(", ")))
        }
        Err(error) => Some(format!("its row cannot be compared: {}", told(&error))),
    })
}

fn tell(about: &mut Subject<'_>, differences: &Differences) {
    let Differences {
        compared,
        keyless,
        astray,
        unfit,
        told,
    } = differences;
    if *keyless > 0 {
        about.error(
            "gateway_key",
            format!("the rows of {keyless} registered apps hold a gateway key whose file is missing"),
            "restore the site's file in gateway_keys before the next start, which would make another key",
        );
    }
    for (clients, found, advice) in [
        (
            astray,
            "hold another key than the site's token_mode wants: these apps get no token",
            "`udap gateway switch-rows` gives them the right one, and ends a switch or rotation that was \
             ended early",
        ),
        (
            unfit,
            "hold no key of the app, since OpenEMR cannot verify with it: these apps get no token",
            "set token_mode = \"gateway\", or switch them off: `udap clients disable`",
        ),
    ] {
        if !clients.is_empty() {
            let named: Vec<_> = clients.iter().take(NAMED).map(String::as_str).collect();
            about.warn(
                "row_keys",
                format!("{} rows {found}: {}", clients.len(), named.join(", ")),
                advice,
            );
        }
    }
    if *compared == 0 {
        about.ok(CHECK, "no app is registered");
        return;
    }
    if told.is_empty() {
        about.ok(
            CHECK,
            format!("the rows of all {compared} registered apps are as they were written"),
        );
        return;
    }
    let of = told.len();
    about.ok(
        CHECK,
        format!("of {compared} registered apps, {of} have rows that somebody changed"),
    );
    for difference in told.iter().take(NAMED) {
        about.note(
            CHECK,
            difference.as_str(),
            "the next statement of the app writes all columns anew; `udap clients show` tells more, `udap \
             clients enable` switches it on",
        );
    }
}
