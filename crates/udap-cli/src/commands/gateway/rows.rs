//! Apps' rows, and moving them.

use anyhow::{Context, bail};
use serde::Serialize;
use udap::registry::{OperatorAction, Position};
use udap_store::{KeyMove, KeyRegistry, KeyedRow};

use crate::environment;
use crate::output::{Counter, Output, Page};

/// Rows that are read at once.
const PAGE_ROWS: u32 = 200;

/// Times that rows are looked for which hold another key: a server with another configuration could go
/// on writing them.
const PASSES: usize = 10;

const CODES: &str = "authorization_code";

/// All rows of a site's live registrations.
///
/// # Errors
/// If the store fails.
pub(super) async fn all(rows: &dyn KeyRegistry, site: &str) -> anyhow::Result<Vec<KeyedRow>> {
    let mut all = Vec::new();
    let mut after: Option<Position> = None;
    loop {
        let (page, next) = rows
            .keyed_rows(site, after, PAGE_ROWS)
            .await
            .with_context(|| format!("the rows of site \"{site}\" cannot be read"))?;
        all.extend(page);
        after = next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

/// Gives every row that can hold it the key that the site wants. Returns how many got it, and all rows
/// as they are then.
///
/// # Errors
/// If the store fails. What was moved until then stays moved.
pub(super) async fn move_all(
    rows: &dyn KeyRegistry,
    site: &str,
    output: Output,
) -> anyhow::Result<(usize, Vec<KeyedRow>)> {
    let mut moved = 0;
    for _ in 0..PASSES {
        let all = all(rows, site).await?;
        let astray: Vec<_> = all
            .iter()
            .filter(|row| row.is_astray() && row.wanted.is_some())
            .map(|row| row.client_id.clone())
            .collect();
        if astray.is_empty() {
            return Ok((moved, all));
        }
        let what = format!("site \"{site}\": rows that have their new key");
        let mut counter = Counter::begin(output, &what, astray.len());
        for client_id in astray {
            let action = OperatorAction {
                client_id,
                operator: environment::operator(),
                reason: None,
                now: environment::now(),
            };
            let outcome = rows.move_key(&action).await.with_context(|| {
                format!(
                    "the row of client {} cannot be moved: rows before it have been; run the command \
                     again",
                    action.client_id
                )
            })?;
            if outcome == KeyMove::Moved {
                moved += 1;
            }
            counter.step();
        }
    }
    bail!(
        "site \"{site}\": somebody goes on writing rows with another key: is a server running with an \
         older configuration?"
    )
}

/// An app that is named to the operator.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct App {
    client_id: String,
    client_uri: String,
}

impl App {
    fn of(row: &KeyedRow) -> Self {
        Self {
            client_id: row.client_id.clone(),
            client_uri: row.client_uri.clone(),
        }
    }
}

/// Apps that a site does not serve in its mode, though they are registered.
#[derive(Debug, Default, Serialize)]
pub(super) struct Unserved {
    /// Their keys cannot be in a row: OpenEMR takes RSA keys only.
    key: Vec<App>,
    /// They use codes, which this OpenEMR would let go around what checks them.
    authorization_code: Vec<App>,
}

impl Unserved {
    pub(super) fn among(rows: &[KeyedRow], admits_codes: bool) -> Self {
        let those = |is_one: &dyn Fn(&KeyedRow) -> bool| {
            let those = rows.iter().filter(|row| is_one(row));
            those.map(App::of).collect()
        };
        let uses_codes = |row: &KeyedRow| row.grant_types.iter().any(|grant| grant == CODES);
        Self {
            key: those(&|row| row.wanted.is_none()),
            authorization_code: those(&|row| !admits_codes && uses_codes(row)),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.key.is_empty() && self.authorization_code.is_empty()
    }

    pub(super) fn tell(&self, page: &mut Page) {
        for (apps, why) in [
            (
                &self.key,
                "These apps have keys on elliptic curves, which OpenEMR cannot verify with: with token_mode \
                 = \"direct\" they get no token. Their rows are left as they are, so that nothing is lost \
                 if the gateway comes back; `udap clients disable` switches one off.",
            ),
            (
                &self.authorization_code,
                "These apps use authorization_code, which this OpenEMR does not protect in the site's mode \
                 (see docs/openemr.md): set token_guard, update OpenEMR, or switch them off with `udap \
                 clients disable`.",
            ),
        ] {
            if apps.is_empty() {
                continue;
            }
            page.blank();
            page.line(why);
            for app in apps {
                page.field(&app.client_id, &app.client_uri);
            }
        }
    }
}
