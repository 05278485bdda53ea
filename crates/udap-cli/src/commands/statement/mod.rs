//! `udap statement`: software statements, signed, verified, and taken through a server's checks.

mod answer;
mod dry_run;
mod explanation;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use udap::error::{Refusal, Violation};
use udap::limits::CLOCK_SKEW;
use udap::site::{Site, TokenMode};
use udap::statement::{CurrentStatement, RegistrationRequest, SignedStatement};
use udap_ca::write_public_file;
use udap_client::StatementRequest;

use self::dry_run::DryRun;
use super::certification;
use super::metadata_options::{IdentityOptions, MetadataOptions};
use super::path_report::{Path as PathReport, Reason};
use super::server_options::ServerOptions;
use super::trust_options::TrustOptions;
use super::verify::time;
use crate::app_file::AppOption;
use crate::commands::{Verdict, WrongUsage};
use crate::output::{Output, Page, Report, moment, whole_seconds};
use crate::{environment, material};

/// Which way.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sign a statement and print it: a compact JWS that lives for five minutes
    Sign(SignArguments),
    /// Verify a statement's signature, claims and certificate path
    Verify(VerifyArguments),
}

#[derive(Args, Debug)]
pub(crate) struct SignArguments {
    #[command(flatten)]
    _app: AppOption,

    #[command(flatten)]
    identity: IdentityOptions,

    /// The registration endpoint that it is for
    #[arg(long, value_name = "URL")]
    aud: String,

    #[command(flatten)]
    metadata: MetadataOptions,

    /// Sign a cancellation: no metadata but an empty list of grant types
    #[arg(long)]
    cancel: bool,

    /// Print the whole registration request around it, as it is posted
    #[arg(long)]
    request: bool,

    /// With --request: certifications to put beside it, files with one each
    #[arg(long, value_name = "FILE", num_args = 1..)]
    certification: Vec<PathBuf>,

    /// Write it to a file instead
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Args, Debug)]
#[command(
    override_usage = "udap statement verify [OPTIONS] FILE|JWT --anchors PATH…\n       \
                      udap statement verify --config udap.toml [--explain] [--offline] FILE|JWT"
)]
pub(crate) struct VerifyArguments {
    #[command(flatten)]
    trust: TrustOptions,

    /// The registration endpoint that it must be for; left out: not judged
    #[arg(long, value_name = "URL")]
    aud: Option<String>,

    /// When to judge, instead of now: for example 2026-11-22T12:00:00Z
    #[arg(long, value_name = "RFC3339", value_parser = time)]
    at: Option<OffsetDateTime>,

    /// Fetch revocation lists that are not given; without it only files are read
    #[arg(long)]
    fetch: bool,

    #[command(flatten)]
    server: ServerOptions,

    #[command(flatten)]
    dry_run: DryRun,

    /// A file with a statement or a registration request, - for standard input, or a statement
    #[arg(id = "subject", value_name = "FILE|JWT")]
    statement: Option<String>,
}

impl Command {
    /// Does it.
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<Verdict> {
        match self {
            Self::Sign(arguments) => sign(&arguments, output),
            Self::Verify(arguments) => verify(arguments, output).await,
        }
    }
}

#[derive(Serialize)]
struct Signed {
    software_statement: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<Value>,
    claims: Map<String, Value>,
}

fn sign(arguments: &SignArguments, output: Output) -> anyhow::Result<Verdict> {
    let identity = arguments.identity.read(output)?;
    let request = match arguments.cancel {
        true => StatementRequest::cancellation(&arguments.aud),
        false => arguments.metadata.request(&arguments.aud)?,
    };
    let request = arguments.identity.choose(request);
    let (now, jti) = (environment::now(), environment::random_id());
    let statement = request.sign(&identity, now, &jti)?;
    let text = if arguments.request {
        let certifications = certification::read(&arguments.certification)?;
        let envelope = json!({
            "software_statement": statement, "certifications": certifications, "udap": "1",
        });
        serde_json::to_string_pretty(&envelope)?
    } else {
        if !arguments.certification.is_empty() {
            output
                .warn("certifications stand beside a statement, not in it: --request prints both");
        }
        statement.clone()
    };
    if let Some(path) = &arguments.out {
        write_public_file(path, format!("{text}\n").as_bytes())?;
        return Ok(Verdict::Good);
    }
    let signed = Signed {
        claims: request.claims(&identity, now, &jti)?,
        request: arguments
            .request
            .then(|| serde_json::from_str(&text))
            .transpose()?,
        software_statement: statement,
    };
    output.show_plain(&signed, &text)?;
    Ok(Verdict::Good)
}

/// What a server would say before it looks at the metadata.
#[derive(Serialize)]
struct Judgement {
    valid: bool,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    client_uri: Option<String>,
    audience: Option<Value>,
    #[serde(with = "time::serde::rfc3339::option")]
    expires_at: Option<OffsetDateTime>,
    violations: Vec<Violation>,
    #[serde(flatten)]
    path: Option<PathReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(skip)]
    audience_was_given: bool,
}

impl Report for Judgement {
    fn page(&self) -> Page {
        let mut page = Page::default();
        page.line(if self.valid { "valid" } else { "NOT VALID" });
        page.blank();
        page.optional("client URI", self.client_uri.as_deref());
        let audience = self.audience.as_ref().map(|audience| match audience {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        page.optional("for", audience);
        page.optional("expires", self.expires_at.map(|at| moment(at, self.at)));
        page.list(
            "violation",
            self.violations
                .iter()
                .map(|one| format!("{} {} ({})", one.claim, one.message, one.rule)),
        );
        if let Some(reason) = &self.reason {
            reason.write(&mut page);
        }
        if let Some(path) = &self.path {
            path.write(&mut page, self.at);
        }
        if !self.audience_was_given {
            page.field(
                "not judged",
                "whether it is for the right endpoint (give --aud)",
            );
        }
        page.field("not judged", "the metadata rules of a community");
        page
    }
}

async fn verify(arguments: VerifyArguments, output: Output) -> anyhow::Result<Verdict> {
    let text = arguments.trust.subject(arguments.statement, "FILE|JWT")?;
    if arguments.dry_run.is_wanted() {
        if arguments.trust.has_anchors() || arguments.aud.is_some() || arguments.fetch {
            let message = "with --config the configuration says whom to trust, for which endpoint, and \
                           what is fetched: leave out --anchors, --aud and --fetch";
            return Err(WrongUsage(message.to_owned()).into());
        }
        let at = whole_seconds(arguments.at.unwrap_or_else(environment::now));
        return arguments.dry_run.run(&text, at, output).await;
    }
    let statement = statement(&text)?;
    let trust = arguments.trust.read()?;
    let at = whole_seconds(arguments.at.unwrap_or_else(environment::now));
    let audience = claim(&statement, "aud");
    let mut judgement = Judgement {
        valid: false,
        at,
        client_uri: None,
        audience: audience.clone(),
        expires_at: None,
        violations: Vec::new(),
        path: None,
        reason: None,
        audience_was_given: arguments.aud.is_some(),
    };
    let endpoint = arguments.aud.or_else(|| first_text(audience.as_ref()));
    match current(&statement, endpoint.unwrap_or_default(), at) {
        Err(refusal) => judgement.violations = refusal.violations().to_vec(),
        Ok(current) => {
            judgement.client_uri = Some(current.client_uri().to_owned());
            judgement.expires_at = Some(current.expires_at());
            let (leaf, candidates) = (current.leaf(), current.candidates());
            let judged = if arguments.fetch {
                let client = arguments.server.client()?;
                trust
                    .judge_with(&client.network(None)?, leaf, candidates, at)
                    .await
            } else {
                trust.judge(leaf, candidates, at)
            };
            match judged {
                Ok(path) => judgement.path = Some(PathReport::new(&path)),
                Err(distrust) => judgement.reason = Some(distrust.into()),
            }
            judgement.valid = judgement.path.is_some();
        }
    }
    output.show(&judgement)?;
    Ok(match judgement.valid {
        true => Verdict::Good,
        false => Verdict::Refused,
    })
}

/// The checks of a server that takes every algorithm and has this endpoint.
fn current(
    statement: &str,
    registration_endpoint: String,
    at: OffsetDateTime,
) -> Result<CurrentStatement, Refusal> {
    let site = Site {
        id: String::new(),
        fhir_base_url: String::new(),
        registration_endpoint,
        authorization_endpoint: None,
        token_endpoint: String::new(),
        token_mode: TokenMode::Gateway,
        scopes: Vec::new(),
        verifies_code_assertions: true,
        require_pkce: false,
    };
    let body = json!({ "software_statement": statement, "udap": "1" }).to_string();
    let request = RegistrationRequest::parse(body.as_bytes())?;
    let signed = SignedStatement::verify(request, &site)?;
    CurrentStatement::check(signed, &site, CLOCK_SKEW, at)
}

/// The statement itself: what was given, the content of a file, or a request's member.
pub(super) fn statement(text: &str) -> anyhow::Result<String> {
    let is_statement = udap::jws::peek(text.trim()).is_ok();
    if is_statement && !Path::new(text).exists() {
        return Ok(text.trim().to_owned());
    }
    let content = material::read(Path::new(text))?;
    let request = udap::json::object(&content).ok();
    let member = request
        .as_ref()
        .and_then(|one| one.get("software_statement")?.as_str());
    Ok(match member {
        Some(statement) => statement.to_owned(),
        None => String::from_utf8_lossy(&content).trim().to_owned(),
    })
}

fn claim(statement: &str, name: &str) -> Option<Value> {
    udap::jws::peek(statement).ok()?.1.get(name).cloned()
}

fn first_text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::Array(entries) => entries.first()?.as_str().map(str::to_owned),
        other => other.as_str().map(str::to_owned),
    }
}
