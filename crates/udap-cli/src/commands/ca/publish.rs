//! `udap ca publish`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use udap_ca::{published_files, write_public_file};

use super::folder::Folder;
use crate::output::{Output, Page, Report};

/// Where to.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    folder: Folder,

    /// The folder to copy the revocation lists and CA certificates to, for example a web server's
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Serialize)]
struct Published {
    files: Vec<PathBuf>,
}

impl Report for Published {
    fn page(&self) -> Page {
        let mut page = Page::default();
        page.list(
            "published",
            self.files.iter().map(|path| path.to_string_lossy()),
        );
        page.blank();
        page.line("A web server has to serve .crl as application/pkix-crl and .cer as application/pkix-cert.");
        page
    }
}

/// Copies them.
pub(super) fn run(arguments: &Arguments, output: Output) -> anyhow::Result<()> {
    // Refuses a folder that is no authority's.
    arguments.folder.index()?;
    let files = publish(&arguments.folder.dir, &arguments.out)?;
    output.show(&Published { files })
}

/// Copies what peers fetch, each file at once.
pub(super) fn publish(folder: &Path, out: &Path) -> anyhow::Result<Vec<PathBuf>> {
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let mut written = Vec::new();
    for name in published_files() {
        let source = folder.join(&name);
        let content =
            fs::read(&source).with_context(|| format!("cannot read {}", source.display()))?;
        let target = out.join(name);
        write_public_file(&target, &content)?;
        written.push(target);
    }
    Ok(written)
}
