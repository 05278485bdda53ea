//! Rows of clients, whoever made them, that OpenEMR stumbles over.

use std::fmt;

use serde_json::Value;
use sqlx::{AssertSqlSafe, MySqlConnection};
use udap::scope::{Scope, ScopeError};

use super::statements::quoted;
use super::structure::Structure;

/// Rows that are read at once.
const PAGE: i64 = 500;

/// The largest `dsi_type` that OpenEMR knows.
const LAST_DSI_TYPE: i64 = 2;

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RowFault {
    /// `redirect_uri` is NULL.
    NoRedirectUri,
    /// `dsi_type` is none that OpenEMR knows.
    DsiType(i64),
    /// A scope outside OpenEMR's grammar.
    Scope(String),
    /// `jwks` is no JSON object.
    Jwks,
}

impl RowFault {
    /// Whether it breaks OpenEMR's page of API clients, for all of them. Others break the client's own
    /// token requests.
    #[must_use]
    pub fn breaks_page(&self) -> bool {
        matches!(self, Self::NoRedirectUri | Self::DsiType(_))
    }
}

impl fmt::Display for RowFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRedirectUri => formatter.write_str("redirect_uri is NULL"),
            Self::DsiType(number) => write!(formatter, "dsi_type is {number}"),
            Self::Scope(scope) if scope.is_empty() => {
                formatter.write_str("scope has a space too many")
            }
            Self::Scope(scope) => write!(formatter, "scope holds \"{scope}\""),
            Self::Jwks => formatter.write_str("jwks is no JSON object"),
        }
    }
}

/// A row that breaks something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenRow {
    /// Its client.
    pub client_id: String,
    /// What is wrong with it.
    pub faults: Vec<RowFault>,
}

#[derive(sqlx::FromRow)]
struct Row {
    client_id: String,
    redirects: bool,
    dsi: Option<i64>,
    scope: Option<String>,
    jwks: Option<String>,
}

/// Looks at all clients of an OpenEMR, page by page.
///
/// # Errors
/// If the database fails.
pub async fn broken_rows(
    connection: &mut MySqlConnection,
    schema: &str,
    structure: &Structure,
) -> Result<Vec<BrokenRow>, sqlx::Error> {
    let dsi = if structure.readable().contains(&"dsi_type") {
        "CAST(dsi_type AS SIGNED)"
    } else {
        "CAST(NULL AS SIGNED)"
    };
    let sql = format!(
        "SELECT client_id, redirect_uri IS NOT NULL AS redirects, {dsi} AS dsi, scope, jwks \
         FROM {}.oauth_clients WHERE client_id > ? ORDER BY client_id LIMIT {PAGE}",
        quoted(schema)
    );
    let mut broken = Vec::new();
    let mut after = String::new();
    loop {
        let rows: Vec<Row> = sqlx::query_as(AssertSqlSafe(sql.clone()))
            .bind(&after)
            .fetch_all(&mut *connection)
            .await?;
        let Some(last) = rows.last() else {
            return Ok(broken);
        };
        after.clone_from(&last.client_id);
        broken.extend(rows.into_iter().filter_map(|row| {
            let faults = faults(&row);
            (!faults.is_empty()).then_some(BrokenRow {
                client_id: row.client_id,
                faults,
            })
        }));
    }
}

fn faults(row: &Row) -> Vec<RowFault> {
    let mut faults = Vec::new();
    if !row.redirects {
        faults.push(RowFault::NoRedirectUri);
    }
    if let Some(number) = row.dsi
        && !(0..=LAST_DSI_TYPE).contains(&number)
    {
        faults.push(RowFault::DsiType(number));
    }
    let scopes = row.scope.as_deref().filter(|scopes| !scopes.is_empty());
    let malformed = scopes.and_then(|scopes| scopes.split(' ').find(|scope| is_malformed(scope)));
    if let Some(scope) = malformed {
        faults.push(RowFault::Scope(scope.to_owned()));
    }
    let jwks = row.jwks.as_deref().filter(|jwks| !jwks.is_empty());
    if jwks.is_some_and(|jwks| !matches!(serde_json::from_str(jwks), Ok(Value::Object(_)))) {
        faults.push(RowFault::Jwks);
    }
    faults
}

fn is_malformed(scope: &str) -> bool {
    match scope.parse::<Scope>() {
        Ok(_) => false,
        // OpenEMR never grants it, but stumbles only where the permission is the wildcard.
        Err(ScopeError::Wildcard) => scope
            .rsplit_once('.')
            .is_some_and(|(_, permission)| permission.starts_with('*')),
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(change: impl FnOnce(&mut Row)) -> Vec<RowFault> {
        let mut row = Row {
            client_id: "client".to_owned(),
            redirects: true,
            dsi: Some(0),
            scope: Some("openid system/Patient.read system/*.$export site:default".to_owned()),
            jwks: Some("{\"keys\": []}".to_owned()),
        };
        change(&mut row);
        faults(&row)
    }

    #[test]
    fn rows_that_openemr_bears_are_no_finding() {
        assert_eq!(row(|_| {}), []);
        for dsi in [None, Some(1), Some(2)] {
            assert_eq!(row(|row| row.dsi = dsi), []);
        }
        for empty in [None, Some(String::new())] {
            assert_eq!(row(|row| row.scope = empty.clone()), []);
            assert_eq!(row(|row| row.jwks = empty.clone()), []);
        }
        assert_eq!(row(|row| row.scope = Some("system/*.read".to_owned())), []);
    }

    #[test]
    fn what_breaks_openemr_is_found() {
        assert_eq!(row(|row| row.redirects = false), [RowFault::NoRedirectUri]);
        assert_eq!(row(|row| row.dsi = Some(3)), [RowFault::DsiType(3)]);
        for (scopes, at_fault) in [
            ("openid  profile", ""),
            (" openid", ""),
            ("openid ", ""),
            ("system/*.*", "system/*.*"),
            ("openid system/Patient.*", "system/Patient.*"),
            ("system/Patient.foo", "system/Patient.foo"),
            ("é", "é"),
        ] {
            let found = row(|row| row.scope = Some(scopes.to_owned()));
            assert_eq!(found, [RowFault::Scope(at_fault.to_owned())], "{scopes}");
        }
        for jwks in ["not json", "null", "[]", "\u{feff}{}"] {
            let found = row(|row| row.jwks = Some(jwks.to_owned()));
            assert_eq!(found, [RowFault::Jwks], "{jwks}");
        }
    }
}
