//! The shapes that OpenEMR's tables have had.

/// What OpenEMR's tables look like, named by the columns of `oauth_clients`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Generation {
    /// 6.1.0: without `api_token.context`, without the global `oauth_app_manual_approval`.
    Columns23,
    /// 7.0.2: with `skip_ehr_launch_authorization_flow`.
    Columns24,
    /// 8.1.1-dev: with `dsi_type`. So it has been since 7.0.3.
    Columns25,
}

/// The row of table `version`.
#[derive(Clone, Debug)]
pub(super) struct Version {
    /// Major, minor, patch.
    pub(super) numbers: [u32; 3],
    pub(super) tag: String,
    pub(super) database: u32,
}

const CONTEXT: &str = "ALTER TABLE api_token ADD COLUMN context text";
const SKIP: &str = "ALTER TABLE oauth_clients \
    ADD COLUMN skip_ehr_launch_authorization_flow tinyint(1) NOT NULL DEFAULT 0";
const DSI_TYPE: &str =
    "ALTER TABLE oauth_clients ADD COLUMN dsi_type tinyint(3) unsigned NOT NULL DEFAULT 1";

impl Generation {
    /// All, oldest first.
    pub const ALL: [Self; 3] = [Self::Columns23, Self::Columns24, Self::Columns25];

    /// How many columns `oauth_clients` has.
    #[must_use]
    pub fn columns(self) -> usize {
        match self {
            Self::Columns23 => 23,
            Self::Columns24 => 24,
            Self::Columns25 => 25,
        }
    }

    /// The statements that make its tables.
    pub(super) fn statements(self) -> String {
        let later: &[&str] = match self {
            Self::Columns23 => &[],
            Self::Columns24 => &[CONTEXT, SKIP],
            Self::Columns25 => &[CONTEXT, SKIP, DSI_TYPE],
        };
        format!("{}{}", include_str!("tables.sql"), later.join(";"))
    }

    pub(super) fn version(self) -> Version {
        let (numbers, tag, database) = match self {
            Self::Columns23 => ([6, 1, 0], "", 436),
            Self::Columns24 => ([7, 0, 2], "", 498),
            Self::Columns25 => ([8, 1, 1], "-dev", 538),
        };
        Version {
            numbers,
            tag: tag.to_owned(),
            database,
        }
    }

    /// Globals and their values, such that the registrar can work.
    pub(super) fn globals(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let approval = (self != Self::Columns23).then_some(("oauth_app_manual_approval", "0"));
        [
            ("rest_api", "1"),
            ("rest_fhir_api", "1"),
            ("rest_system_scopes_api", "1"),
            ("site_addr_oath", "https://emr.example.org"),
            ("gbl_time_zone", ""),
        ]
        .into_iter()
        .chain(approval)
    }
}
