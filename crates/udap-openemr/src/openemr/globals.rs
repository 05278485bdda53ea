//! OpenEMR's settings, as far as they matter here: through the view that shows no others, or its
//! table.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, MySqlConnection};

use super::statements::quoted;

/// The names of the settings.
const NAMES: [&str; 8] = [
    "rest_api",
    "rest_fhir_api",
    "rest_portal_api",
    "rest_system_scopes_api",
    "oauth_app_manual_approval",
    "site_addr_oath",
    "gbl_time_zone",
    "oauth_password_grant",
];

/// The view that an administrator makes for us, so that we need not see everything.
pub(crate) const VIEW: &str = "udap_globals";

/// OpenEMR's own table.
const TABLE: &str = "globals";

/// Where settings are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    View,
    Table,
}

impl Source {
    /// The better of what an account can see.
    pub(super) fn among(tables: &[String]) -> Option<Self> {
        let sees = |name: &str| tables.iter().any(|table| table.eq_ignore_ascii_case(name));
        if sees(VIEW) {
            Some(Self::View)
        } else {
            sees(TABLE).then_some(Self::Table)
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::View => VIEW,
            Self::Table => TABLE,
        }
    }
}

/// What could be read of OpenEMR's settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Globals(BTreeMap<String, String>);

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Globals {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(settings: I) -> Self {
        let settings = settings.into_iter();
        Self(
            settings
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

impl Globals {
    /// The names of the settings that are looked at.
    #[must_use]
    pub fn names() -> &'static [&'static str] {
        &NAMES
    }

    /// A setting; `None` if it has no row, which means OpenEMR's default.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether a setting is `1`.
    #[must_use]
    pub fn is_on(&self, name: &str) -> bool {
        self.get(name) == Some("1")
    }

    /// Whether OpenEMR's time zone is one that is known here; the database server's own if it is
    /// empty.
    #[must_use]
    pub fn has_known_time_zone(&self) -> bool {
        let zone = self.get("gbl_time_zone").unwrap_or_default();
        zone.is_empty() || jiff::tz::TimeZone::get(zone).is_ok()
    }

    pub(super) async fn read(
        connection: &mut MySqlConnection,
        schema: &str,
        source: Source,
    ) -> Result<Self, sqlx::Error> {
        let places = vec!["?"; NAMES.len()].join(", ");
        let sql = format!(
            "SELECT gl_name, gl_value FROM {}.{} WHERE gl_index = 0 AND gl_name IN ({places})",
            quoted(schema),
            source.name(),
        );
        let mut query = sqlx::query_as(AssertSqlSafe(sql));
        for name in NAMES {
            query = query.bind(name);
        }
        let rows: Vec<(String, String)> = query.fetch_all(connection).await?;
        Ok(Self(rows.into_iter().collect()))
    }
}
