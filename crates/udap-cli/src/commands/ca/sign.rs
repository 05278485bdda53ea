//! `udap ca sign`.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use time::Duration;
use udap_ca::{
    LeafProfile, LeafRequest, PolicyOid, SanHost, SanUri, Serial, SigningRequest, Subject,
};

use super::folder::SigningFolder;
use super::issue::issue_for;
use super::issued::{Issued, next};
use super::requirements::{Judged, Requirements};
use super::target::refuse_existing;
use super::value;
use crate::commands::{Verdict, WrongUsage};
use crate::material;
use crate::output::Output;

/// What to sign.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    folder: SigningFolder,

    /// The certificate signing request (PKCS#10, PEM or DER). Only its key is taken from it
    #[arg(long, value_name = "FILE")]
    csr: PathBuf,

    /// What the certificate is for
    #[arg(long, value_enum, default_value = "client")]
    profile: Profile,

    /// The URIs that it names: the app's, or the server's FHIR base URLs, character for character
    #[arg(long, value_name = "URI", num_args = 1.., value_parser = value::<SanUri>, conflicts_with = "uri_from_csr")]
    uri: Vec<SanUri>,

    /// Take the URIs from the request; they are checked as those of --uri are
    #[arg(long)]
    uri_from_csr: bool,

    /// For TLS: host names and IP addresses
    #[arg(long, value_name = "HOST", num_args = 1.., value_parser = value::<SanHost>)]
    dns: Vec<SanHost>,

    /// The holder's name
    #[arg(long)]
    name: String,

    /// The holder's organisation: it says who holds a URI for good (without it, the name does)
    #[arg(long, value_name = "NAME")]
    org: Option<String>,

    /// How many days it is valid, at most 731
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(i64).range(1..=731))]
    days: i64,

    /// Certificate policies (object identifiers)
    #[arg(long, value_name = "OID", num_args = 1.., value_parser = value::<PolicyOid>)]
    policy: Vec<PolicyOid>,

    /// Says that the holder is that of these earlier certificates, which name the URIs
    #[arg(long, value_name = "SERIAL", num_args = 1.., value_parser = value::<Serial>)]
    same_holder: Vec<Serial>,

    #[command(flatten)]
    requirements: Requirements,

    /// The file for the certificate and its issuer's (PEM)
    #[arg(long, value_name = "FILE.pem")]
    out: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Profile {
    Client,
    Server,
    Tls,
}

/// Signs it.
pub(super) fn run(arguments: Arguments, output: Output) -> anyhow::Result<Verdict> {
    refuse_existing([&arguments.out])?;
    let request = SigningRequest::read(&material::read(&arguments.csr)?)
        .with_context(|| arguments.csr.display().to_string())?;
    let profile = profile(&arguments, &request)?;
    let mut ignored = request.other_wishes().to_vec();
    if !arguments.uri_from_csr {
        ignored.extend(request.uris().iter().map(|uri| format!("URI {uri}")));
    }
    let names = profile.names();
    let subject = Subject::new(&arguments.name, arguments.org.as_deref())?;
    let mut leaf = LeafRequest::new(profile, subject);
    leaf.lifetime = Duration::days(arguments.days);
    leaf.policies = arguments.policy;

    if arguments.requirements.are_asked() && arguments.profile != Profile::Client {
        let usage = "--metadata is an app's: it goes with --profile client";
        return Err(WrongUsage(usage.to_owned()).into());
    }
    leaf.metadata = match arguments.requirements.judge(leaf.profile.uris(), output)? {
        Judged::NotAsked => None,
        Judged::Good(metadata) => Some(metadata),
        Judged::Refused => return Ok(Verdict::Refused),
    };

    let mut ca = arguments.folder.open()?;
    let issued = issue_for(&mut ca, &leaf, request.key(), &arguments.same_holder)?;
    let report = Issued::write(&issued, &arguments.out, names)?.ignoring(ignored);
    output.show(
        &report
            .judged(leaf.metadata.as_ref())
            .then(next(leaf.profile.name())),
    )?;
    Ok(Verdict::Good)
}

fn profile(arguments: &Arguments, request: &SigningRequest) -> anyhow::Result<LeafProfile> {
    let uris = if arguments.uri_from_csr {
        let uris = request.uris().iter().map(|uri| uri.parse());
        let uris: Vec<SanUri> = uris.collect::<Result<_, _>>()?;
        if uris.is_empty() {
            bail!("the request asks for no URI: name them with --uri");
        }
        uris
    } else {
        arguments.uri.clone()
    };
    let hosts = arguments.dns.clone();
    let (profile, fits) = match arguments.profile {
        Profile::Client => (LeafProfile::UdapClient { uris }, hosts.is_empty()),
        Profile::Server => (
            LeafProfile::UdapServer { base_urls: uris },
            hosts.is_empty(),
        ),
        Profile::Tls => (LeafProfile::TlsServer { hosts }, uris.is_empty()),
    };
    if !fits || profile.names().is_empty() {
        let usage = "client and server certificates name --uri (or --uri-from-csr), tls ones --dns";
        return Err(WrongUsage(usage.to_owned()).into());
    }
    Ok(profile)
}
