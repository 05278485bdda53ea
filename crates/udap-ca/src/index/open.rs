//! Making and opening the database.

use std::{fs, path::Path};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, params};
use time::Duration;
use url::Url;

use super::{Index, Settings};
use crate::{Error, IssuerRole};

/// The layout that this program writes (`PRAGMA user_version`).
const VERSION: u32 = 1;
/// So that `file` and SQLite's own tools do not take it for some other database: "UDCA".
const APPLICATION_ID: u32 = 0x5544_4341;
/// How long a statement waits for another one's moment.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// How far an authority's setting up came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetUp {
    /// To the end.
    Ready,
    /// It was interrupted: nothing was ever issued.
    Unfinished,
    /// It was interrupted before the layout was written, so before any file was.
    Empty,
}

impl Index {
    /// Makes the index of an authority that is not ready yet.
    pub(crate) fn create(
        path: &Path,
        settings: Settings,
        lifetime: impl Fn(IssuerRole) -> Duration,
    ) -> Result<Self, Error> {
        let mut connection = Connection::open(path)?;
        prepare(&connection)?;
        let transaction = connection.transaction()?;
        let has_tables: bool = transaction.query_row(
            "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'authority')",
            [],
            |row| row.get(0),
        )?;
        if has_tables {
            // An interrupted setting up: its settings give way.
            transaction.execute_batch(
                "DELETE FROM succession; DELETE FROM uri; DELETE FROM certificate;
                 DELETE FROM revocation_list; DELETE FROM authority;",
            )?;
        } else {
            transaction.execute_batch(include_str!("schema.sql"))?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
        }
        transaction.execute(
            "INSERT INTO authority VALUES (1, 0, ?, ?, ?)",
            params![
                settings.community,
                settings.crl_base_url,
                settings.certificate_base_url
            ],
        )?;
        for issuer in IssuerRole::ALL {
            transaction.execute(
                "INSERT INTO revocation_list VALUES (?, 0, 1, ?)",
                params![issuer.as_str(), lifetime(issuer).whole_seconds()],
            )?;
        }
        transaction.commit()?;
        Ok(Self {
            connection,
            settings,
        })
    }

    /// The authority is set up: from now on it counts.
    pub(crate) fn set_ready(&mut self) -> Result<(), Error> {
        self.connection
            .execute("UPDATE authority SET ready = 1", [])?;
        Ok(())
    }

    /// Opens an index for writing.
    pub(crate) fn open(path: &Path) -> Result<(Self, SetUp), Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        prepare(&connection)?;
        Self::load(connection)
    }

    /// Opens an index for reading.
    pub(crate) fn read(path: &Path) -> Result<(Self, SetUp), Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(path, flags).and_then(|connection| {
            connection.busy_timeout(PATIENCE)?;
            // The first look is what needs the log's files.
            connection.pragma_query(None, "schema_version", |_| Ok(()))?;
            Ok(connection)
        });
        match opened {
            Err(error) if needs_a_writable_folder(&error) && !has_log(path) => {
                Self::load(as_it_is(path)?)
            }
            opened => Self::load(opened?),
        }
    }

    fn load(connection: Connection) -> Result<(Self, SetUp), Error> {
        let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        // A database in which not even the layout was written yet has version 0.
        if version > VERSION {
            return Err(Error::IndexVersion {
                found: version,
                known: VERSION,
            });
        }
        let loaded = if version == 0 {
            None
        } else {
            load_settings(&connection)?
        };
        let (settings, set_up) = match loaded {
            None => (NOTHING_SET, SetUp::Empty),
            Some((settings, true)) => (settings, SetUp::Ready),
            Some((settings, false)) => (settings, SetUp::Unfinished),
        };
        let index = Self {
            connection,
            settings,
        };
        Ok((index, set_up))
    }
}

/// What an index holds whose making was interrupted.
const NOTHING_SET: Settings = Settings {
    community: None,
    crl_base_url: None,
    certificate_base_url: None,
};

fn load_settings(connection: &Connection) -> Result<Option<(Settings, bool)>, Error> {
    Ok(connection
        .query_row(
            "SELECT community, crl_base_url, certificate_base_url, ready FROM authority",
            [],
            |row| {
                let settings = Settings {
                    community: row.get(0)?,
                    crl_base_url: row.get(1)?,
                    certificate_base_url: row.get(2)?,
                };
                Ok((settings, row.get(3)?))
            },
        )
        .optional()?)
}

/// Whether reading failed because SQLite may not make the log's files, as in a folder of somebody
/// else's, or on a read-only disk.
fn needs_a_writable_folder(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen))
}

/// Whether a log holds what the database does not yet.
fn has_log(path: &Path) -> bool {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    fs::metadata(name).is_ok_and(|log| log.len() > 0)
}

/// The database without log and locks: whoever may not write waits for nobody.
fn as_it_is(path: &Path) -> Result<Connection, Error> {
    let io = Error::io(path);
    let absolute = path.canonicalize().map_err(io)?;
    let url = Url::from_file_path(&absolute).map_err(|()| Error::Unreadable {
        what: "path of the index",
    })?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    Ok(Connection::open_with_flags(
        format!("{url}?immutable=1"),
        flags,
    )?)
}

fn prepare(connection: &Connection) -> Result<(), Error> {
    connection.busy_timeout(PATIENCE)?;
    // Readers see the last committed state while a command writes.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // What is committed stays, whatever happens to the machine.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_read_as_it_is_whatever_its_folder_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("a ?b#c%20");
        fs::create_dir(&folder).unwrap();
        let path = folder.join("ca.db");
        let settings = Settings {
            community: Some("urn:a:b".to_owned()),
            ..NOTHING_SET
        };
        drop(Index::create(&path, settings.clone(), |_| Duration::DAY).unwrap());
        assert!(!has_log(&path), "whoever ends takes it away");
        let (index, set_up) = Index::load(as_it_is(&path).unwrap()).unwrap();
        assert_eq!((index.settings(), set_up), (&settings, SetUp::Unfinished));
        assert_eq!(
            fs::read_dir(&folder).unwrap().count(),
            1,
            "nothing is written"
        );
    }
}
