//! `udap certification`: what a certifier attests of an app.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Map, Value, json};
use time::Duration;
use udap_ca::write_public_file;
use udap_client::CertificationRequest;

use crate::commands::Verdict;
use crate::output::{Output, timestamp};
use crate::{environment, material};

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sign a certification or endorsement of an app and print it: a compact JWS
    Sign(Box<SignArguments>),
}

#[derive(Args, Debug)]
pub(crate) struct SignArguments {
    /// The certifier's certificates (PEM): its own first, then its issuers'; the app's, if it certifies
    /// itself
    #[arg(long, value_name = "CHAIN.pem", help_heading = "Certifier")]
    cert: PathBuf,

    /// The private key of the certifier's certificate (PEM)
    #[arg(long, value_name = "KEY.pem", help_heading = "Certifier")]
    key: PathBuf,

    /// The certifier's URI, if not the first that its certificate names
    #[arg(long, value_name = "URI", help_heading = "Certifier")]
    iss: Option<String>,

    /// The certifier's name; required unless the app certifies itself
    #[arg(long, value_name = "NAME", help_heading = "Certifier")]
    issuer_name: Option<String>,

    /// The client URI of the app that is certified; left out: the app certifies itself
    #[arg(long, value_name = "URI")]
    sub: Option<String>,

    /// The URIs of the certification programs, by which servers recognise it
    #[arg(long, value_name = "URI", num_args = 1.., required = true)]
    uri: Vec<String>,

    /// The certification's name
    #[arg(long, value_name = "NAME")]
    name: String,

    /// How many days it lives, three years at most; it ends with the certificate if that is sooner
    #[arg(
        long,
        value_name = "DAYS",
        default_value_t = 365,
        value_parser = clap::value_parser!(u16).range(1..=1095)
    )]
    days: u16,

    /// The one registration endpoint that it is for; left out: any
    #[arg(long, value_name = "URL")]
    aud: Option<String>,

    /// What it says, for people
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,

    /// The program's logo
    #[arg(long, value_name = "URI")]
    logo: Option<String>,

    /// Where servers ask whether it still holds (https)
    #[arg(long, value_name = "URL")]
    status_endpoint: Option<String>,

    /// Make it an endorsement, to be shown to users
    #[arg(long)]
    endorsement: bool,

    /// The app's developer
    #[arg(long, value_name = "NAME")]
    developer_name: Option<String>,

    #[command(flatten)]
    restrictions: Restrictions,

    /// Write it to a file instead
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What may be registered with it. An option takes the place of what the file says.
#[derive(Args, Debug)]
struct Restrictions {
    /// A JSON object with parameters that restrict what may be registered: those of RFC 7591,
    /// launch_uri, ip_allowed, jwks
    #[arg(long, value_name = "FILE.json", help_heading = "Restrictions")]
    restrict: Option<PathBuf>,

    /// Redirect URIs that may be registered; * stands for one whole path component or one whole
    /// query parameter value
    #[arg(long, value_name = "URI", num_args = 1.., help_heading = "Restrictions")]
    redirect_uri: Vec<String>,

    /// Grant types that may be registered
    #[arg(long, value_name = "TYPE", num_args = 1.., help_heading = "Restrictions")]
    grant_type: Vec<String>,

    /// Scopes that may be registered
    #[arg(long, value_name = "SCOPE", num_args = 1.., help_heading = "Restrictions")]
    scope: Vec<String>,
}

impl Command {
    /// Does it.
    pub(crate) fn run(self, output: Output) -> anyhow::Result<Verdict> {
        let Self::Sign(arguments) = self;
        sign(&arguments, output)
    }
}

#[derive(Serialize)]
struct Signed {
    certification: String,
    claims: Map<String, Value>,
}

fn sign(arguments: &SignArguments, output: Output) -> anyhow::Result<Verdict> {
    let identity = material::identity(&arguments.cert, &arguments.key, None, output)?;
    let request = arguments.request()?;
    let (now, jti) = (environment::now(), environment::random_id());
    let claims = request.claims(&identity, now, &jti)?;
    let certification = request.sign(&identity, now, &jti)?;
    for doubt in request.doubts() {
        output.warn(&doubt);
    }
    let end = request.ends_at(&identity, now);
    if end < now + Duration::days(arguments.days.into()) {
        output.warn(&format!(
            "it ends with the certificate, on {}, which is sooner than in {} days",
            timestamp(end),
            arguments.days
        ));
    }
    if let Some(path) = &arguments.out {
        write_public_file(path, format!("{certification}\n").as_bytes())?;
        return Ok(Verdict::Good);
    }
    let signed = Signed {
        certification,
        claims,
    };
    output.show_plain(&signed, &signed.certification)?;
    Ok(Verdict::Good)
}

impl SignArguments {
    fn request(&self) -> anyhow::Result<CertificationRequest> {
        let mut request =
            CertificationRequest::new(&self.name).lifetime(Duration::days(self.days.into()));
        type Setter = fn(CertificationRequest, &str) -> CertificationRequest;
        let options: [(&Option<String>, Setter); 8] = [
            (&self.iss, CertificationRequest::certifier),
            (&self.issuer_name, CertificationRequest::issuer_name),
            (&self.sub, CertificationRequest::app),
            (&self.aud, CertificationRequest::audience),
            (&self.description, CertificationRequest::description),
            (&self.logo, CertificationRequest::logo),
            (&self.status_endpoint, CertificationRequest::status_endpoint),
            (&self.developer_name, CertificationRequest::developer_name),
        ];
        for (value, set) in options {
            if let Some(value) = value {
                request = set(request, value);
            }
        }
        for uri in &self.uri {
            request = request.uri(uri);
        }
        if self.endorsement {
            request = request.endorsement();
        }
        self.restrictions.apply(request)
    }
}

impl Restrictions {
    fn apply(&self, mut request: CertificationRequest) -> anyhow::Result<CertificationRequest> {
        if let Some(path) = &self.restrict {
            request = request.restrict_json(&material::read(path)?)?;
        }
        for (name, values) in [
            ("redirect_uris", &self.redirect_uri),
            ("grant_types", &self.grant_type),
        ] {
            if !values.is_empty() {
                request = request.restrict(name, json!(values))?;
            }
        }
        if !self.scope.is_empty() {
            request = request.restrict("scope", json!(self.scope.join(" ")))?;
        }
        Ok(request)
    }
}

/// Certifications from files, each a compact JWS, for sending them beside a statement.
///
/// # Errors
/// If a file cannot be read, or holds something else.
pub(super) fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<String>> {
    paths.iter().map(|path| read_one(path)).collect()
}

fn read_one(path: &Path) -> anyhow::Result<String> {
    let content = material::read(path)?;
    let text = String::from_utf8_lossy(&content).trim().to_owned();
    if udap::jws::peek(&text).is_err() {
        bail!(
            "{} holds no certification: not a compact JWS",
            path.display()
        );
    }
    Ok(text)
}
