//! `udap testpki`: certificates and statements with one flaw each.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use udap_testkit::{Manifest, TreeOptions, write_tree};

use crate::commands::Verdict;
use crate::environment;
use crate::output::{Output, Page, Report, moment};

/// What is to be made.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Where to: a folder that is new or empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// The registration endpoint under test: statements and requests are made for it
    #[arg(long, value_name = "URL")]
    aud: Option<String>,

    /// Where the folder `published` will be served: its addresses then stand in the certificates
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
}

#[derive(Serialize)]
struct Tree {
    folder: PathBuf,
    #[serde(flatten)]
    manifest: Manifest,
}

impl Report for Tree {
    fn page(&self) -> Page {
        let manifest = &self.manifest;
        let mut page = Page::default();
        page.line(format!(
            "{} cases in {}",
            manifest.cases.len(),
            self.folder.display()
        ));
        page.blank();
        page.field(
            "trust anchor",
            self.folder.join(&manifest.anchor).to_string_lossy(),
        );
        page.field(
            "intermediate",
            self.folder.join(&manifest.intermediate).to_string_lossy(),
        );
        page.field(
            "revocation lists",
            self.folder.join(&manifest.crls).to_string_lossy(),
        );
        page.field(
            "expectations",
            self.folder.join("manifest.json").to_string_lossy(),
        );
        page.field(
            "lists lapse",
            moment(manifest.crls_lapse_at, manifest.made_at),
        );
        if let Some(at) = manifest.statements_lapse_at {
            page.field("statements lapse", moment(at, manifest.made_at));
        }
        page
    }
}

/// Writes the tree.
pub(crate) fn run(arguments: &Arguments, output: Output) -> anyhow::Result<Verdict> {
    let options = TreeOptions {
        audience: arguments.aud.clone(),
        base_url: arguments.base_url.clone(),
        ..TreeOptions::new(environment::now())
    };
    let manifest = write_tree(&arguments.out, &options)?;
    output.show(&Tree {
        folder: arguments.out.clone(),
        manifest,
    })?;
    Ok(Verdict::Good)
}
