//! `udap ca crl`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use time::OffsetDateTime;
use udap::trust::Crl;
use udap_ca::IssuerRole;

use super::folder::SigningFolder;
use super::publish::publish;
use crate::environment;
use crate::output::{Output, Page, Progress, Report, moment};

/// What to sign.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    folder: SigningFolder,

    /// A folder to copy the lists and CA certificates to, for example a web server's
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Serialize)]
struct Signed {
    lists: Vec<List>,
    #[serde(skip)]
    now: OffsetDateTime,
}

#[derive(Serialize)]
struct List {
    file: PathBuf,
    issuer: String,
    revoked: usize,
    #[serde(with = "time::serde::rfc3339::option")]
    next_update: Option<OffsetDateTime>,
}

impl Report for Signed {
    fn page(&self) -> Page {
        let mut page = Page::default();
        for list in &self.lists {
            page.blank();
            page.field("revocation list", list.file.to_string_lossy());
            page.field("issuer", &list.issuer);
            page.field("revoked", list.revoked.to_string());
            page.optional("lapses", list.next_update.map(|at| moment(at, self.now)));
        }
        page
    }
}

/// Signs the lists.
pub(super) fn run(arguments: &Arguments, output: Output) -> anyhow::Result<()> {
    let now = environment::now();
    let mut ca = arguments.folder.open()?;
    let progress = Progress::begin(output, "signing the revocation lists");
    ca.sign_crls(now)?;
    progress.end();
    let mut roles = vec![IssuerRole::Intermediate];
    match ca.has_root_key() {
        true => roles.insert(0, IssuerRole::Root),
        false => output.warn(
            "the root's key is not in the folder, so the root's own list is as it was; sign it where the key is",
        ),
    }
    let mut lists = Vec::new();
    for role in roles {
        lists.push(describe(&ca.crl_path(role))?);
    }
    if let Some(out) = &arguments.out {
        publish(ca.path(), out)?;
    }
    output.show(&Signed { lists, now })
}

fn describe(file: &Path) -> anyhow::Result<List> {
    let content = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let list = Crl::from_der(&content)?;
    Ok(List {
        file: file.to_owned(),
        issuer: list.issuer_text().to_owned(),
        revoked: list.len(),
        next_update: list.next_update(),
    })
}
