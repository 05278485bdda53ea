//! `udap ca init`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use time::Duration;
use udap_ca::{CaDirectory, InitOptions, IssuerRole, KeyAlgorithm};

use super::folder::{Folder, PasswordFile, ask_for_new};
use super::value;
use crate::environment;
use crate::output::{Output, Page, Progress, Report};

/// How it is set up.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    folder: Folder,

    #[command(flatten)]
    password: PasswordFile,

    /// Encrypt both keys with the passphrase in --password-file, or one that is asked for
    #[arg(long)]
    encrypt: bool,

    /// The community's URI, as servers' discovery knows it
    #[arg(long, value_name = "URI")]
    community: Option<String>,

    /// The community's name: the CAs are called "NAME Root CA" and "NAME Issuing CA"
    #[arg(long)]
    name: String,

    /// The operator's organisation
    #[arg(long, value_name = "NAME")]
    org: Option<String>,

    /// The kind of both CAs' keys: rsa4096 or p384
    #[arg(
        long,
        alias = "key",
        value_name = "KEY",
        default_value = "rsa4096",
        value_parser = value::<KeyAlgorithm>
    )]
    key_type: KeyAlgorithm,

    /// The folder of http URLs where root.crl and intermediate.crl will be; without it no
    /// certificate can be found revoked by those who are not given the lists
    #[arg(long, value_name = "URL")]
    crl_url: Option<String>,

    /// The folder of http URLs where root.cer and intermediate.cer will be
    #[arg(long, value_name = "URL")]
    aia_url: Option<String>,

    /// How many days each revocation list is valid
    #[arg(
        long,
        value_name = "DAYS",
        default_value_t = 7,
        value_parser = clap::value_parser!(i64).range(1..=365)
    )]
    crl_days: i64,

    /// The same for the root's list, if its key is to be kept where it is seldom at hand
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(i64).range(1..=365))]
    root_crl_days: Option<i64>,
}

#[derive(Serialize)]
struct Made {
    folder: PathBuf,
    community: Option<String>,
    anchor: PathBuf,
    intermediate: PathBuf,
    crls: [PathBuf; 2],
    encrypted: bool,
    #[serde(skip)]
    has_addresses: bool,
}

impl Report for Made {
    fn page(&self) -> Page {
        let mut page = Page::default();
        page.line(format!(
            "certificate authority in {}",
            self.folder.display()
        ));
        page.blank();
        page.optional("community", self.community.as_deref());
        page.field("trust anchor", self.anchor.to_string_lossy());
        page.field("issuing CA", self.intermediate.to_string_lossy());
        page.list(
            "revocation lists",
            self.crls.iter().map(|path| path.to_string_lossy()),
        );
        let keys = if self.encrypted {
            "encrypted"
        } else {
            "not encrypted"
        };
        page.field("keys", keys);
        page.blank();
        page.line("Next: issue certificates with `udap ca issue client|server|tls`; keep root.key offline;");
        page.line(
            "publish the lists with `udap ca serve` or `udap ca publish`, and sign them anew with",
        );
        page.line("`udap ca crl` before they lapse.");
        if !self.has_addresses {
            page.line("Certificates will name no revocation list (--crl-url): give the lists to every server.");
        }
        page
    }
}

/// Sets it up.
pub(super) fn run(arguments: &Arguments, output: Output) -> anyhow::Result<()> {
    let passphrase = match arguments.password.read()? {
        None if arguments.encrypt => Some(ask_for_new()?),
        named => named,
    };
    let encrypted = passphrase.is_some();
    let options = InitOptions {
        passphrase,
        organization: arguments.org.clone(),
        community: arguments.community.clone(),
        root_key: arguments.key_type,
        intermediate_key: arguments.key_type,
        crl_base_url: arguments.crl_url.clone(),
        certificate_base_url: arguments.aia_url.clone(),
        crl_lifetime: Duration::days(arguments.crl_days),
        root_crl_lifetime: arguments.root_crl_days.map(Duration::days),
        ..InitOptions::new(&arguments.name)
    };
    let folder = &arguments.folder.dir;
    let progress = Progress::begin(output, &format!("making two {} keys", arguments.key_type));
    let made = CaDirectory::init(
        folder,
        &options,
        environment::now(),
        &mut environment::rng(),
    )?;
    progress.end();
    output.show(&Made {
        folder: folder.clone(),
        community: arguments.community.clone(),
        anchor: made.certificate_path(IssuerRole::Root),
        intermediate: made.certificate_path(IssuerRole::Intermediate),
        crls: [
            made.crl_path(IssuerRole::Root),
            made.crl_path(IssuerRole::Intermediate),
        ],
        encrypted,
        has_addresses: arguments.crl_url.is_some(),
    })
}
