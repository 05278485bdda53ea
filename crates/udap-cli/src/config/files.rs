//! Paths in the configuration: resolved, there, and secret where they must be.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
};

use super::problem::Fault;

/// What a path may lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    FileOrFolder,
}

/// A URL with a password is a line, a token a few hundred bytes; more is a wrong path.
const LONGEST_SECRET: u64 = 64 * 1024;

/// `path` from `folder`.
pub(crate) fn resolve(folder: &Path, path: &Path) -> Result<PathBuf, Fault> {
    if path.as_os_str().is_empty() {
        return Err(Fault::new("is empty", "write a path or leave the key out"));
    }
    // Not repeated in the fault: it may be a database URL, with its password, in the wrong key.
    if path.to_string_lossy().contains("://") {
        return Err(Fault::new(
            "is a URL, not a path",
            "write the path of a file",
        ));
    }
    Ok(folder.join(path))
}

/// `path` from `folder`, if it is there and we may read it.
pub(crate) fn existing(folder: &Path, path: &Path, kind: Kind) -> Result<PathBuf, Fault> {
    let path = resolve(folder, path)?;
    let unusable = |error: &std::io::Error| match error.kind() {
        ErrorKind::NotFound => Fault::new(
            format!("names a path that does not exist, {}", path.display()),
            "put it there or correct the path; relative ones start at the configuration file's folder",
        ),
        _ => Fault::new(
            format!("names {}, which cannot be read ({error})", path.display()),
            "let the user that runs udap read it",
        ),
    };
    let metadata = fs::metadata(&path).map_err(|error| unusable(&error))?;
    if metadata.is_dir() {
        if kind == Kind::File {
            return Err(Fault::new(
                format!("names a folder, {}", path.display()),
                "name a file",
            ));
        }
        fs::read_dir(&path).map_err(|error| unusable(&error))?;
    } else if metadata.is_file() {
        File::open(&path).map_err(|error| unusable(&error))?;
    } else {
        return Err(Fault::new(
            format!("names {}, which is neither file nor folder", path.display()),
            "name an ordinary file",
        ));
    }
    Ok(path)
}

/// A key: a file that nobody else may read.
pub(crate) fn key_file(folder: &Path, path: &Path) -> Result<PathBuf, Fault> {
    let path = existing(folder, path, Kind::File)?;
    if readable_by_others(&path) {
        return Err(Fault::new(
            format!("names a file that others may read, {}", path.display()),
            format!("run: chmod 600 {}", quoted(&path)),
        ));
    }
    Ok(path)
}

/// The text in a secret's file, without the line's end.
pub(crate) fn secret(path: &Path) -> Result<String, Fault> {
    let unusable = |why: &str| {
        Fault::new(
            format!("names {}, which {why}", path.display()),
            "write the value alone into it, on one line",
        )
    };
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(LONGEST_SECRET).read_to_string(&mut text))
        .map_err(|error| unusable(&format!("cannot be read ({error})")))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() || text.contains('\n') {
        return Err(unusable("is not one line of text"));
    }
    Ok(text.to_owned())
}

/// Whether group or others have any right to a file.
#[cfg(unix)]
pub(crate) fn readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

/// Elsewhere rights are lists that have no such bits.
#[cfg(not(unix))]
pub(crate) fn readable_by_others(_path: &Path) -> bool {
    false
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_loses_one_line_end_only() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (written, read) in [
            ("token", Some("token")),
            ("token\n", Some("token")),
            ("token\r\n", Some("token")),
            (" token ", Some(" token ")),
            ("", None),
            ("\n", None),
            ("two\nlines\n", None),
        ] {
            fs::write(file.path(), written).unwrap();
            assert_eq!(secret(file.path()).ok().as_deref(), read, "{written:?}");
        }
    }

    #[test]
    fn a_folder_is_no_file_and_a_missing_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(existing(folder.path(), Path::new("."), Kind::FileOrFolder).is_ok());
        assert!(existing(folder.path(), Path::new("."), Kind::File).is_err());
        let fault = existing(folder.path(), Path::new("gone.pem"), Kind::File);
        assert!(format!("{fault:?}").contains("gone.pem"));
        assert!(existing(folder.path(), Path::new(""), Kind::FileOrFolder).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_may_read_is_refused_with_the_command() {
        use std::os::unix::fs::PermissionsExt;
        let file = tempfile::NamedTempFile::new().unwrap();
        for (mode, accepted) in [
            (0o600, true),
            (0o400, true),
            (0o640, false),
            (0o604, false),
            (0o620, false),
        ] {
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
            let checked = key_file(Path::new("/"), file.path());
            assert_eq!(checked.is_ok(), accepted, "{mode:o}");
            if !accepted {
                assert!(format!("{checked:?}").contains("chmod 600"));
            }
        }
    }

    #[test]
    fn a_quote_in_a_path_cannot_end_the_command() {
        assert_eq!(quoted(Path::new("/a'; x")), r"'/a'\''; x'");
    }
}
