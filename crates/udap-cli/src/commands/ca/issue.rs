//! `udap ca issue`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use time::Duration;
use udap_ca::{
    CaDirectory, CheckedMetadata, IssuedCertificate, KeyAlgorithm, LeafProfile, LeafRequest,
    PolicyOid, PublicKey, SanHost, SanUri, Serial, Subject,
};

use super::folder::SigningFolder;
use super::issued::{Issued, NewKey, next};
use super::requirements::{Judged, Requirements};
use super::target::refuse_existing;
use super::value;
use crate::commands::Verdict;
use crate::environment;
use crate::output::Output;

/// What the certificate is for.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// For an app: signs software statements and authentication tokens
    Client(ForClient),
    /// For a FHIR server: signs its metadata
    Server(WithUris),
    /// For TLS inside the community
    Tls(WithHosts),
}

#[derive(Args, Debug)]
pub(crate) struct ForClient {
    #[command(flatten)]
    app: WithUris,

    #[command(flatten)]
    requirements: Requirements,
}

#[derive(Args, Debug)]
pub(crate) struct WithUris {
    /// The URIs that it names: the app's, or the FHIR base URLs that the server serves, character
    /// for character
    #[arg(long, value_name = "URI", num_args = 1.., required = true, value_parser = value::<SanUri>)]
    uri: Vec<SanUri>,

    #[command(flatten)]
    common: Common,
}

#[derive(Args, Debug)]
pub(crate) struct WithHosts {
    /// Host names and IP addresses
    #[arg(long, value_name = "HOST", num_args = 1.., required = true, value_parser = value::<SanHost>)]
    dns: Vec<SanHost>,

    #[command(flatten)]
    common: Common,
}

#[derive(Args, Debug)]
struct Common {
    #[command(flatten)]
    folder: SigningFolder,

    /// The holder's name
    #[arg(long)]
    name: String,

    /// The holder's organisation: it says who holds a URI for good (without it, the name does)
    #[arg(long, value_name = "NAME")]
    org: Option<String>,

    /// The kind of key: rsa2048, rsa3072, rsa4096, p256, p384 (servers need RSA)
    #[arg(long, value_name = "KEY", default_value = "rsa2048", value_parser = value::<KeyAlgorithm>)]
    key_type: KeyAlgorithm,

    /// How many days it is valid, at most 731
    #[arg(
        long,
        default_value_t = 365,
        value_parser = clap::value_parser!(i64).range(1..=731)
    )]
    days: i64,

    /// Certificate policies (object identifiers)
    #[arg(long, value_name = "OID", num_args = 1.., value_parser = value::<PolicyOid>)]
    policy: Vec<PolicyOid>,

    /// Says that the holder is that of these earlier certificates, which name the URIs: a URI that
    /// was issued is issued again only so, or by renewing and rekeying
    #[arg(long, value_name = "SERIAL", num_args = 1.., value_parser = value::<Serial>)]
    same_holder: Vec<Serial>,

    #[command(flatten)]
    out: Out,

    /// With --out: the file for the private key (PEM), if not the same with the ending .key
    #[arg(long, value_name = "FILE.key", requires = "out")]
    key_out: Option<PathBuf>,
}

/// Where to.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Out {
    /// A folder: client.pem and client.key (or server, tls) are written into it
    #[arg(long, value_name = "DIR")]
    out_dir: Option<PathBuf>,

    /// The file for the certificate and its issuer's (PEM)
    #[arg(long, value_name = "FILE.pem")]
    out: Option<PathBuf>,
}

impl Common {
    /// The certificate's and the key's file.
    fn files(&self, profile: &str) -> (PathBuf, PathBuf) {
        let chain = match (&self.out.out, &self.out.out_dir) {
            (Some(file), _) => file.clone(),
            (None, folder) => folder
                .as_deref()
                .unwrap_or(Path::new("."))
                .join(format!("{profile}.pem")),
        };
        let key = self
            .key_out
            .clone()
            .unwrap_or_else(|| chain.with_extension("key"));
        (chain, key)
    }
}

impl Command {
    /// Issues it.
    pub(crate) fn run(self, output: Output) -> anyhow::Result<Verdict> {
        let mut metadata = None;
        let (profile, common) = match self {
            Self::Client(ForClient { app, requirements }) => {
                let WithUris { uri: uris, common } = app;
                metadata = match requirements.judge(&uris, output)? {
                    Judged::NotAsked => None,
                    Judged::Good(metadata) => Some(metadata),
                    Judged::Refused => return Ok(Verdict::Refused),
                };
                (LeafProfile::UdapClient { uris }, common)
            }
            Self::Server(WithUris {
                uri: base_urls,
                common,
            }) => (LeafProfile::UdapServer { base_urls }, common),
            Self::Tls(WithHosts { dns: hosts, common }) => {
                (LeafProfile::TlsServer { hosts }, common)
            }
        };
        issue(profile, common, metadata, output)?;
        Ok(Verdict::Good)
    }
}

fn issue(
    profile: LeafProfile,
    common: Common,
    metadata: Option<CheckedMetadata>,
    output: Output,
) -> anyhow::Result<()> {
    let (names, next) = (profile.names(), next(profile.name()));
    let (certificate, key) = common.files(profile.name().as_str());
    refuse_existing([&certificate, &key])?;
    if let Some(folder) = &common.out.out_dir {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let subject = Subject::new(&common.name, common.org.as_deref())?;
    let mut request = LeafRequest::new(profile, subject);
    request.lifetime = Duration::days(common.days);
    request.policies = common.policy;
    request.metadata = metadata;

    let mut ca = common.folder.open()?;
    request.check(common.key_type)?;
    let mut made = NewKey::make(&key, common.key_type, output)?;
    let issued = issue_for(
        &mut ca,
        &request,
        made.key.public_key(),
        &common.same_holder,
    )?;
    made.keep();
    let report = Issued::write(&issued, &certificate, names)?;
    output.show(
        &report
            .with_key(&made)
            .judged(request.metadata.as_ref())
            .then(next),
    )
}

/// Issues, to the holder of earlier certificates if some are named.
pub(super) fn issue_for(
    ca: &mut CaDirectory,
    request: &LeafRequest,
    key: &PublicKey,
    same_holder: &[Serial],
) -> Result<IssuedCertificate, udap_ca::Error> {
    let (now, rng) = (environment::now(), &mut environment::rng());
    ca.issue_to_same_holder(request, key, same_holder, now, rng)
}
