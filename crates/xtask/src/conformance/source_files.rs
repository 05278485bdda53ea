//! The Rust files of the repository.

use std::{fs, path::Path};

use crate::failure::Failure;

/// All `.rs` files under the folders, relative to the root, with `/` between the parts, sorted.
pub(super) fn under(root: &Path, folders: &[&str]) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    for folder in folders {
        collect(root, folder, &mut found)?;
    }
    found.sort();
    Ok(found)
}

fn collect(root: &Path, folder: &str, found: &mut Vec<String>) -> Result<(), Failure> {
    let unreadable = |error| Failure::new(format!("{folder} cannot be read: {error}"));
    for entry in fs::read_dir(root.join(folder)).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{folder}/{name}");
        let kind = entry.file_type().map_err(unreadable)?;
        if kind.is_dir() && name != "target" && !name.starts_with('.') {
            collect(root, &path, found)?;
        } else if kind.is_file() && name.ends_with(".rs") {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    #[test]
    fn this_file_is_found_by_its_path_from_the_root() {
        let files = under(Workspace::find().root(), &["crates"]).unwrap();
        assert!(
            files.contains(&"crates/xtask/src/conformance/source_files.rs".to_owned()),
            "{files:?}"
        );
        assert!(files.is_sorted());
    }

    #[test]
    fn a_folder_that_is_missing_is_a_failure() {
        assert!(under(Workspace::find().root(), &["no-such-folder"]).is_err());
    }
}
