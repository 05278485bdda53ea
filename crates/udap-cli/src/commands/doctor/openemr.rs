//! A site's OpenEMR: its tables, its version, its settings, and what we may do there.

use sqlx::{MySql, Transaction};
use udap_openemr::{
    Charset, OpenEmrVersion, Structure, StructureError, SystemUser, broken_rows, excess, is_denial,
};
use udap_store::MySqlRegistry;

use super::database::{Looked, Sites};
use super::finding::{Subject, told};
use super::settings::{self, Wanted};
use super::version::{self, Offered};
use crate::config::settings::{Scopes, Site};

const GRANTS: &str = "let the database's administrator run what `udap db grants` prints";

/// Broken rows that are named.
const NAMED: usize = 20;

pub(super) async fn check(
    registry: &MySqlRegistry,
    sites: &Sites,
    site: &Site,
    about: &mut Subject<'_>,
) {
    let (Some(schema), Some(looked)) = (&site.openemr_schema, sites.get(&site.id)) else {
        about.unknown(
            "openemr",
            "openemr_schema is missing",
            "name OpenEMR's schema",
        );
        return;
    };
    let mut transaction = match registry.transaction().await {
        Ok(transaction) => transaction,
        Err(error) => {
            about.unknown("openemr", told(&error), "see to the database first");
            return;
        }
    };
    read_version(&mut transaction, schema, site, about).await;
    let structure = match Structure::read(&mut transaction, schema).await {
        Ok(structure) => structure,
        Err(error) => {
            let advice = match error {
                StructureError::Short(_) => "restore OpenEMR's own definition of the table",
                StructureError::Sql(_) => "look at the database's log",
                _ => GRANTS,
            };
            about.error("structure", told(&error), advice);
            return;
        }
    };
    judge_structure(about, &structure);
    privileges(&mut transaction, looked, schema, about).await;
    read_settings(&mut transaction, &structure, schema, site, about).await;
    system_user(&mut transaction, schema, site, about).await;
    look_for_broken_rows(&mut transaction, &structure, schema, about).await;
    // Nothing was changed; nothing shall be.
    if let Err(error) = transaction.rollback().await {
        about.unknown("openemr", told(&error), "look again");
    }
}

async fn read_version(
    transaction: &mut Transaction<'_, MySql>,
    schema: &str,
    site: &Site,
    about: &mut Subject<'_>,
) {
    let configured = (site.openemr_version.as_ref()).and_then(|version| version.parse().ok());
    let read = match OpenEmrVersion::read(transaction, schema).await {
        Ok(version) => Some(version),
        Err(error) => {
            let why = format!("OpenEMR's version cannot be read: {}", told(&error));
            if configured.is_some() {
                about.warn("version", why, GRANTS);
            } else {
                about.error("version", why, format!("{GRANTS}, or set openemr_version"));
            }
            None
        }
    };
    let offered = Offered {
        codes: site.authorization_endpoint.is_some(),
        is_gateway: site.is_gateway(),
        is_guarded: site.guarded_path.is_some(),
        scopes: match &site.scopes {
            Scopes::List(scopes) => scopes,
            Scopes::Discover => &[],
        },
    };
    version::judge(about, offered, read, configured);
}

fn judge_structure(about: &mut Subject<'_>, structure: &Structure) {
    let columns = structure.columns().len();
    let charset = structure.charset_name();
    about.ok(
        "structure",
        format!("oauth_clients has {columns} columns, in {charset}"),
    );
    match structure.charset() {
        Charset::Utf8mb4 => {}
        Charset::Utf8mb3 => about.note(
            "charset",
            format!("{charset} holds no emoji and few historic scripts: apps with such names are refused"),
            "convert OpenEMR's database to utf8mb4, if you need them",
        ),
        Charset::Latin1 => about.warn(
            "charset",
            format!("{charset} holds western European names only: apps with others are refused"),
            "convert OpenEMR's database to utf8mb4",
        ),
        Charset::Ascii => about.warn(
            "charset",
            format!("of {charset} only ASCII is taken for granted: apps with other names are refused"),
            "convert OpenEMR's database to utf8mb4",
        ),
    }
}

async fn privileges(
    transaction: &mut Transaction<'_, MySql>,
    looked: &Looked,
    schema: &str,
    about: &mut Subject<'_>,
) {
    match looked.clients.missing_privileges(transaction).await {
        Ok(missing) if missing.is_empty() => {
            about.ok(
                "privileges",
                "the account may do all that registrations need",
            );
        }
        Ok(missing) => {
            let mut names: Vec<_> = missing.iter().map(|one| one.as_str()).collect();
            names.dedup();
            about.error(
                "privileges",
                format!("the account lacks {}", names.join(", ")),
                GRANTS,
            );
        }
        Err(error) => about.error(
            "privileges",
            format!("what registrations do fails: {}", told(&error)),
            "look at the database's log",
        ),
    }
    match excess(transaction, schema).await {
        Ok(excess) if excess.is_empty() => {
            about.ok(
                "excess_privileges",
                "the account may do nothing that would be too much",
            );
        }
        Ok(excess) => {
            for one in excess {
                about.warn(
                    "excess_privileges",
                    format!("the account may {one}"),
                    "take it away: `udap db grants` prints all that is needed",
                );
            }
        }
        Err(error) => about.unknown("excess_privileges", told(&error), "look at SHOW GRANTS"),
    }
}

async fn read_settings(
    transaction: &mut Transaction<'_, MySql>,
    structure: &Structure,
    schema: &str,
    site: &Site,
    about: &mut Subject<'_>,
) {
    match structure.read_globals(transaction, schema).await {
        Ok(Some(globals)) => {
            let has_system_scopes = match &site.scopes {
                Scopes::List(scopes) => scopes.iter().any(|scope| scope.starts_with("system/")),
                Scopes::Discover => true,
            };
            settings::judge(
                about,
                &globals,
                Wanted {
                    token_endpoint: &site.token_endpoint,
                    has_system_scopes,
                    honours_manual_approval: site.honour_manual_approval,
                },
            );
        }
        // Then the server does not start.
        Ok(None) if site.honour_manual_approval => about.error(
            "settings",
            "OpenEMR's settings cannot be read: whether it asks for manual approval is not known",
            format!("{GRANTS}, or set honour_manual_approval = false"),
        ),
        Ok(None) => about.unknown("settings", "the account may not read them", GRANTS),
        Err(error) => about.unknown("settings", told(&error), GRANTS),
    }
}

async fn system_user(
    transaction: &mut Transaction<'_, MySql>,
    schema: &str,
    site: &Site,
    about: &mut Subject<'_>,
) {
    let check = "system_user";
    match SystemUser::read(transaction, schema).await {
        Ok(SystemUser::Ready) => about.ok(check, "OpenEMR's user oe-system is there"),
        Ok(SystemUser::WithoutUuid) => about.warn(
            check,
            "OpenEMR's user oe-system has no UUID: the first token request of an app that acts for itself is \
             answered with 500, those after it work",
            format!("request one token of site {} before apps do", site.id),
        ),
        Ok(SystemUser::Missing) => about.error(
            check,
            "OpenEMR's user oe-system is missing: apps that act for themselves get no token",
            "run OpenEMR's sql/official_additional_users.sql in its schema",
        ),
        Err(error) if is_denial(&error) => about.unknown(
            check,
            "the account may not read username and uuid of users",
            GRANTS,
        ),
        Err(error) => about.unknown(check, told(&error), GRANTS),
    }
}

async fn look_for_broken_rows(
    transaction: &mut Transaction<'_, MySql>,
    structure: &Structure,
    schema: &str,
    about: &mut Subject<'_>,
) {
    let check = "rows";
    let broken = match broken_rows(transaction, schema, structure).await {
        Ok(broken) => broken,
        Err(error) => {
            about.unknown(check, told(&error), GRANTS);
            return;
        }
    };
    if broken.is_empty() {
        about.ok(check, "no client's row breaks OpenEMR");
        return;
    }
    for row in broken.iter().take(NAMED) {
        let faults: Vec<_> = row.faults.iter().map(ToString::to_string).collect();
        let effect = if row.faults.iter().any(|fault| fault.breaks_page()) {
            "breaks OpenEMR's page of API clients, for all of them"
        } else {
            "breaks every token request of this client"
        };
        about.warn(
            check,
            format!("client {}: {}; that {effect}", row.client_id, faults.join(", ")),
            "correct the row: redirect_uri '' at least, dsi_type 0 to 2, scopes with single spaces, jwks a \
             JSON object",
        );
    }
    if broken.len() > NAMED {
        let more = broken.len() - NAMED;
        about.warn(
            check,
            format!("{more} more rows break OpenEMR"),
            "correct these first, and look again",
        );
    }
}
