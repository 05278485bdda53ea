//! `udap inspect`: what a file, an address or a token holds. Nothing is judged trusted here.

mod algorithms;
mod certificate;
mod chain;
mod document;
mod extensions;
mod key_store;
mod recognise;
mod request;
mod revocation_list;
mod token;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use url::Url;

pub(super) use self::document::members;

use self::certificate::CertificateReport;
use self::chain::ChainReport;
use self::document::MetadataReport;
use self::key_store::{KeyStoreReport, Password};
use self::request::RequestReport;
use self::revocation_list::CrlReport;
use self::token::TokenReport;
use super::server_options::ServerOptions;
use crate::commands::Verdict;
use crate::output::{Output, Page, Report};
use crate::{environment, material};

/// What to look at.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 it was shown, however bad it is, 1 it cannot be read, 2 wrong usage."
)]
pub(crate) struct Arguments {
    /// A file (certificates, revocation lists, signing requests, PKCS#12, JWTs, JSON), - for standard
    /// input, a URL, or a JWT
    #[arg(value_name = "FILE|URL|JWT|-")]
    subject: String,

    /// With a URL: the trust community as whose member you ask for metadata
    #[arg(long, value_name = "URI")]
    community: Option<String>,

    /// For PKCS#12: the file with its password; without it a terminal is asked
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,

    #[command(flatten)]
    server: ServerOptions,
}

impl Arguments {
    fn password(&self) -> Password<'_> {
        match &self.password_file {
            Some(path) => Password::File(path),
            None => Password::Ask,
        }
    }
}

/// One thing that was found.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Item {
    Certificate(Box<CertificateReport>),
    Chain(ChainReport),
    Request(Box<RequestReport>),
    KeyStore(KeyStoreReport),
    RevocationList(CrlReport),
    Token(Box<TokenReport>),
    Metadata(Box<MetadataReport>),
    /// A private key, of which nothing is shown.
    PrivateKey {
        label: String,
    },
    /// A JSON document in which a statement was found.
    Document {
        members: Value,
    },
    /// A PEM block that has no part in UDAP.
    Other {
        label: String,
    },
}

#[derive(Serialize)]
struct Found {
    source: String,
    items: Vec<Item>,
    #[serde(skip)]
    now: OffsetDateTime,
}

impl Report for Found {
    fn page(&self) -> Page {
        let mut page = Page::default();
        for item in &self.items {
            page.blank();
            match item {
                Item::Certificate(certificate) => certificate.write(&mut page, self.now),
                Item::Chain(chain) => chain.write(&mut page),
                Item::Request(request) => request.write(&mut page),
                Item::KeyStore(store) => store.write(&mut page),
                Item::RevocationList(list) => list.write(&mut page, self.now),
                Item::Token(token) => token.write(&mut page, self.now),
                Item::Metadata(metadata) => metadata.write(&mut page, self.now),
                Item::PrivateKey { label } => {
                    page.line(format!("{label} (not shown)"));
                }
                Item::Document { members } => document::write_members(members, &mut page),
                Item::Other { label } => {
                    page.line(format!("{label}: not known here"));
                }
            }
        }
        page
    }
}

/// Looks and shows.
pub(crate) async fn run(arguments: Arguments, output: Output) -> anyhow::Result<Verdict> {
    let now = environment::now();
    let subject = arguments.subject.trim();
    let path = Path::new(&arguments.subject);
    let items = if subject != "-" && !path.exists() && is_url(subject) {
        fetched(&arguments, subject, now).await?
    } else if subject != "-" && !path.exists() && udap::jws::peek(subject).is_ok() {
        vec![Item::Token(Box::new(TokenReport::new(subject, now)?))]
    } else if subject == "-" || path.exists() {
        recognise::items(&material::read(path)?, arguments.password(), now)?
    } else {
        bail!("`{subject}` is no file, no http or https URL and no JWT");
    };
    output.show(&Found {
        source: match subject {
            "-" => "standard input".to_owned(),
            subject if udap::jws::peek(subject).is_ok() => "argument".to_owned(),
            subject => subject.to_owned(),
        },
        items,
        now,
    })?;
    Ok(Verdict::Good)
}

fn is_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

/// What is at an address: a file, a metadata document, or a FHIR base URL whose metadata is below.
async fn fetched(
    arguments: &Arguments,
    url: &str,
    now: OffsetDateTime,
) -> anyhow::Result<Vec<Item>> {
    let client = arguments.server.client()?;
    let is_metadata = url.ends_with("/.well-known/udap") || arguments.community.is_some();
    if !is_metadata {
        let (status, content) = client.get(&Url::parse(url)?).await?;
        if status == 200
            && let Ok(items) = recognise::items(&content, Password::None, now)
        {
            return Ok(items);
        }
    }
    let discovery = client
        .discover(url, arguments.community.as_deref())
        .await
        .with_context(|| format!("{url} is no known kind of file, and no FHIR base URL either"))?;
    let report = MetadataReport::new(&discovery, now).judged(&discovery, now);
    Ok(vec![Item::Metadata(Box::new(report))])
}
