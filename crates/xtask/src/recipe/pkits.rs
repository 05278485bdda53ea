//! `cargo xtask pkits`: NIST's suite of certification paths, judged by the library.
//!
//! Its certificates are fetched with pip, of one version by hash, into the target directory, and never committed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    arguments::Arguments, failure::Failure, openssl::OpenSsl, step::Step, workspace::Workspace,
};

/// Where the wheel has PKITS.
const DATA: &str = "cryptography_vectors/x509/PKITS_data";

pub(crate) fn run(workspace: &Workspace, mut arguments: Arguments) -> Result<(), Failure> {
    let vendored = arguments.flag("--vendored");
    arguments.finish_without_passing_on()?;
    let openssl = OpenSsl::set_up(workspace, vendored)?;
    let data = fetched(workspace)?;
    Step::cargo(workspace)
        .args(["run", "--quiet", "--package", "udap"])
        .args(openssl.features("udap"))
        .args(["--example", "pkits", "--"])
        .arg(data)
        .run()
}

/// The folder that holds PKITS. What was fetched before is there still.
fn fetched(workspace: &Workspace) -> Result<PathBuf, Failure> {
    let folder = workspace.target().join("pkits");
    let data = folder.join("unpacked").join(DATA);
    if !data.join("crls").is_dir() {
        Step::new(workspace, "python3")
            .args([
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "--only-binary",
                ":all:",
            ])
            .args(["--disable-pip-version-check", "--require-hashes"])
            .args(["--requirement", "crates/xtask/pkits.txt", "--dest"])
            .arg(&folder)
            .run()?;
        // Moved into place once whole, so that a recipe that was broken off is not taken for done.
        let partial = folder.join("partial");
        let moved = |error| Failure::new(format!("{}: {error}", folder.display()));
        if partial.exists() {
            fs::remove_dir_all(&partial).map_err(moved)?;
        }
        Step::new(workspace, "python3")
            .args(["-m", "zipfile", "--extract"])
            .arg(wheel(&folder)?)
            .arg(&partial)
            .run()?;
        fs::rename(&partial, folder.join("unpacked")).map_err(moved)?;
    }
    Ok(data)
}

/// The one wheel in the folder.
fn wheel(folder: &Path) -> Result<PathBuf, Failure> {
    let unreadable = |error| Failure::new(format!("{} cannot be read: {error}", folder.display()));
    let mut wheels = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "whl") {
            wheels.push(path);
        }
    }
    match wheels.as_slice() {
        [wheel] => Ok(wheel.clone()),
        _ => Err(Failure::new(format!(
            "{} should hold one wheel; empty it and run this again",
            folder.display()
        ))),
    }
}
