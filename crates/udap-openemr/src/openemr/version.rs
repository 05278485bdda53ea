//! Which OpenEMR it is: its code decides what no column shows (decisions 29).

use std::fmt;
use std::str::FromStr;

use sqlx::{AssertSqlSafe, MySqlConnection};

/// A version of OpenEMR, such as 7.0.3.4. Compared by its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpenEmrVersion([u32; 4]);

/// Not a version: numbers and dots were expected, four numbers at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a version: write numbers and dots, such as 8.1.1")]
pub struct VersionError;

impl OpenEmrVersion {
    /// The first whose token endpoint verifies client assertions when codes are exchanged.
    pub const VERIFIES_CODE_ASSERTIONS: Self = Self([7, 0, 4, 0]);
    /// The first whose token endpoint takes no code or refresh token of a confidential client without
    /// its credential.
    pub const REQUIRES_CREDENTIALS: Self = Self([8, 5, 0, 0]);
    /// The first that knows SMART v2 scopes.
    pub const KNOWS_SMART_V2: Self = Self([7, 0, 4, 0]);

    /// Reads the version from the table in which OpenEMR keeps it.
    ///
    /// # Errors
    /// If the table cannot be read, or is empty.
    pub async fn read(connection: &mut MySqlConnection, schema: &str) -> Result<Self, sqlx::Error> {
        let sql = format!(
            "SELECT CAST(v_major AS SIGNED), CAST(v_minor AS SIGNED), CAST(v_patch AS SIGNED), \
             CAST(v_realpatch AS SIGNED) FROM {}.version LIMIT 1",
            super::statements::quoted(schema)
        );
        let numbers: (i64, i64, i64, i64) = sqlx::query_as(AssertSqlSafe(sql))
            .fetch_one(connection)
            .await?;
        let number = |number: i64| u32::try_from(number).unwrap_or(0);
        Ok(Self([
            number(numbers.0),
            number(numbers.1),
            number(numbers.2),
            number(numbers.3),
        ]))
    }
}

impl FromStr for OpenEmrVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let mut version = [0; 4];
        let mut parts = text.split('.');
        for (index, number) in version.iter_mut().enumerate() {
            match parts.next() {
                Some(part) if part.bytes().all(|octet| octet.is_ascii_digit()) => {
                    *number = part.parse().map_err(|_| VersionError)?;
                }
                None if index > 0 => break,
                _ => return Err(VersionError),
            }
        }
        match parts.next() {
            None => Ok(Self(version)),
            Some(_) => Err(VersionError),
        }
    }
}

impl fmt::Display for OpenEmrVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch, real_patch] = self.0;
        write!(formatter, "{major}.{minor}.{patch}")?;
        if real_patch > 0 {
            write!(formatter, ".{real_patch}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        let version = |text: &str| text.parse::<OpenEmrVersion>().unwrap();
        assert!(version("7.0.3.4") < OpenEmrVersion::VERIFIES_CODE_ASSERTIONS);
        assert!(version("7.0.4") >= OpenEmrVersion::VERIFIES_CODE_ASSERTIONS);
        assert!(version("10") > OpenEmrVersion::REQUIRES_CREDENTIALS);
        assert_eq!(version("8.5"), OpenEmrVersion::REQUIRES_CREDENTIALS);
        assert_eq!(version("7.0.3.4").to_string(), "7.0.3.4");
        assert_eq!(version("8.1").to_string(), "8.1.0");
        for wrong in [
            "",
            ".",
            "8.",
            "8..1",
            "8.1.1-dev",
            "+8",
            "8.1.1.1.1",
            "99999999999",
        ] {
            assert!(wrong.parse::<OpenEmrVersion>().is_err(), "{wrong}");
        }
    }
}
