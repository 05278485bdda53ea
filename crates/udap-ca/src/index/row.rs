//! Rows as values.

use std::str::FromStr;

use rusqlite::{
    Row,
    types::{FromSqlError, Type},
};
use serde::de::DeserializeOwned;
use time::OffsetDateTime;

use super::{Entry, Revocation};
use crate::{CheckedMetadata, Serial};

/// The columns that [`entry_of`] reads.
pub(super) const SELECT: &str = "SELECT serial, issuer, profile, common_name, organization, names, key, \
     not_before, not_after, fingerprint, revoked_at, revocation_reason, \
     metadata_rules, metadata_checked_at, metadata, metadata_links FROM certificate";

/// A certificate, without what it follows.
pub(super) fn entry_of(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let revoked: Option<i64> = row.get(10)?;
    let revocation = match revoked {
        None => None,
        Some(_) => Some(Revocation {
            at: instant(row, 10)?,
            reason: named(row, 11)?,
        }),
    };
    let names: String = row.get(5)?;
    Ok(Entry {
        serial: serial(row, 0)?,
        issuer: named(row, 1)?,
        profile: named(row, 2)?,
        common_name: row.get(3)?,
        organization: row.get(4)?,
        names: serde_json::from_str(&names).map_err(|error| damaged(5, error))?,
        key: named(row, 6)?,
        not_before: instant(row, 7)?,
        not_after: instant(row, 8)?,
        fingerprint: row.get(9)?,
        revocation,
        follows: Vec::new(),
        metadata: checked_metadata(row)?,
    })
}

/// What was judged of an app.
fn checked_metadata(row: &Row<'_>) -> rusqlite::Result<Option<CheckedMetadata>> {
    let Some(rules) = row.get(12)? else {
        return Ok(None);
    };
    let claims: String = row.get(14)?;
    Ok(Some(CheckedMetadata {
        rules,
        checked_at: instant(row, 13)?,
        links_visited: row.get(15)?,
        claims: serde_json::from_str(&claims).map_err(|error| damaged(14, error))?,
    }))
}

pub(super) fn serial(row: &Row<'_>, column: usize) -> rusqlite::Result<Serial> {
    let text = row.get_ref(column)?.as_str()?;
    Serial::from_str(text).map_err(|error| damaged(column, error))
}

/// A value by the name that it has in JSON too.
pub(super) fn named<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    let name = serde::de::value::StrDeserializer::<serde::de::value::Error>::new(text);
    T::deserialize(name).map_err(|error| damaged(column, error))
}

pub(super) fn instant(row: &Row<'_>, column: usize) -> rusqlite::Result<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(row.get(column)?).map_err(|error| damaged(column, error))
}

fn damaged(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    let error = FromSqlError::Other(Box::new(error));
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}
