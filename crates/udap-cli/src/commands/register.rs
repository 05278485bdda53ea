//! `udap register`, `udap update`, `udap cancel`: the app's side of registration.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value};
use udap_client::{
    Client, Registered, RegistrationError, RegistrationFailed, StatementRequest, Violation,
};

use super::certification;
use super::metadata_options::{IdentityOptions, MetadataOptions};
use super::target::{Found, Target};
use crate::app_file::AppOption;
use crate::commands::Verdict;
use crate::environment;
use crate::output::{Output, Page, Report, timestamp};

/// What to register, and where.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 the server did it, 1 it refused, or was not asked, 2 wrong usage."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    app: AppOption,

    #[command(flatten)]
    target: Target,

    #[command(flatten)]
    identity: IdentityOptions,

    #[command(flatten)]
    metadata: MetadataOptions,

    /// Certifications to send along: files with one each
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Metadata")]
    certification: Vec<PathBuf>,
}

/// What to cancel, and where.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 the server did it, 1 it refused, or was not asked, 2 wrong usage."
)]
pub(crate) struct CancelArguments {
    #[command(flatten)]
    app: AppOption,

    #[command(flatten)]
    target: Target,

    #[command(flatten)]
    identity: IdentityOptions,
}

/// What the operator wants. The server decides by what it knows of the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Register,
    Update,
}

#[derive(Serialize)]
struct Done {
    outcome: &'static str,
    client_id: String,
    status: u16,
    registration_endpoint: String,
    registration: Map<String, Value>,
}

impl Report for Done {
    fn page(&self) -> Page {
        let mut page = Page::default();
        page.verdict(true, self.outcome).blank();
        page.field("client_id", &self.client_id);
        for (name, value) in &self.registration {
            let is_shown_elsewhere = matches!(
                name.as_str(),
                "client_id" | "software_statement" | "certifications"
            );
            match value {
                _ if is_shown_elsewhere => {}
                Value::String(text) => {
                    page.field(name, text);
                }
                Value::Array(entries) if entries.iter().all(Value::is_string) => {
                    page.list(name, entries.iter().filter_map(Value::as_str));
                }
                other => {
                    page.field(name, other.to_string());
                }
            }
        }
        if self.outcome != "cancelled" {
            page.field("advice", "keep the client_id: `udap token` asks for it");
        }
        page
    }
}

#[derive(Serialize)]
struct Failed {
    outcome: &'static str,
    registration_endpoint: String,
    status: u16,
    error: Option<String>,
    error_description: Option<String>,
    errors: Vec<Broken>,
    retry_after: Option<String>,
    advice: String,
}

#[derive(Serialize)]
struct Broken {
    code: Option<String>,
    claim: Option<String>,
    pointer: Option<String>,
    rule: Option<String>,
    message: Option<String>,
}

impl From<Violation> for Broken {
    fn from(violation: Violation) -> Self {
        let Violation {
            code,
            claim,
            pointer,
            rule,
            message,
        } = violation;
        Self {
            code,
            claim,
            pointer,
            rule,
            message,
        }
    }
}

impl Report for Failed {
    fn page(&self) -> Page {
        let mut page = Page::default();
        page.verdict(false, "REFUSED").blank();
        page.field("endpoint", &self.registration_endpoint);
        page.field("status", self.status.to_string());
        page.optional("error", self.error.as_deref());
        if self.errors.is_empty() {
            page.optional("description", self.error_description.as_deref());
        }
        page.list("violation", self.errors.iter().map(Broken::sentence));
        page.optional("retry after", self.retry_after.as_deref());
        page.field("advice", &self.advice);
        page
    }
}

impl Broken {
    fn sentence(&self) -> String {
        let place = match self.pointer.as_deref() {
            None | Some("") => self.claim.as_deref(),
            pointer => pointer,
        };
        let rule = self.rule.as_ref().map(|rule| format!("({rule})"));
        let parts = [place, self.message.as_deref(), rule.as_deref()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// Registers an app, or replaces its metadata.
pub(crate) async fn run(
    verb: Verb,
    arguments: Arguments,
    output: Output,
) -> anyhow::Result<Verdict> {
    let Arguments {
        app,
        target,
        identity,
        metadata,
        certification,
    } = arguments;
    let certifications = certification::read(&certification)?;
    post(
        &target,
        &identity,
        &certifications,
        output,
        |endpoint| metadata.request(endpoint),
        |registered| {
            app.remember(registered.client_id())?;
            Ok(match (registered.is_new(), verb) {
                (true, Verb::Register) => "registered",
                (true, Verb::Update) => "registered: the server had no such registration to update",
                (false, _) => "updated",
            })
        },
    )
    .await
}

/// Cancels an app's registration.
pub(crate) async fn cancel(arguments: CancelArguments, output: Output) -> anyhow::Result<Verdict> {
    let CancelArguments {
        app: _,
        target,
        identity,
    } = arguments;
    let request = |endpoint: &str| Ok(StatementRequest::cancellation(endpoint));
    post(&target, &identity, &[], output, request, |registered| {
        if registered.is_cancelled() {
            return Ok("cancelled");
        }
        bail!(
            "the server answered with status {} but does not confirm the cancellation (its grant_types are not empty); ask its operator whether client_id {} still works",
            registered.status(),
            registered.client_id()
        )
    })
    .await
}

async fn post(
    target: &Target,
    identity: &IdentityOptions,
    certifications: &[String],
    output: Output,
    request: impl FnOnce(&str) -> anyhow::Result<StatementRequest>,
    outcome: impl FnOnce(&Registered) -> anyhow::Result<&'static str>,
) -> anyhow::Result<Verdict> {
    let signer = identity.read(output)?;
    let client = target.client()?;
    let endpoint = endpoint(target, &client, output).await?;
    let request = identity.choose(request(&endpoint)?);
    let statement = request.sign(&signer, environment::now(), &environment::random_id())?;
    let sent = client
        .register_with(&endpoint, &statement, certifications)
        .await;
    match sent {
        Ok(registered) => {
            output.show(&Done {
                outcome: outcome(&registered)?,
                client_id: registered.client_id().to_owned(),
                status: registered.status(),
                registration_endpoint: endpoint,
                registration: registered.document().clone(),
            })?;
            Ok(Verdict::Good)
        }
        Err(RegistrationError::Failed(failed)) => {
            output.refuse(&refused(*failed, endpoint))?;
            Ok(Verdict::Refused)
        }
        Err(error) => Err(error.into()),
    }
}

async fn endpoint(target: &Target, client: &Client, output: Output) -> anyhow::Result<String> {
    Ok(match target.find(client, output).await? {
        Found::Endpoint(endpoint) => endpoint,
        Found::Discovery(discovery) => discovery.registration_endpoint()?.to_owned(),
    })
}

fn refused(failed: RegistrationFailed, registration_endpoint: String) -> Failed {
    Failed {
        outcome: "refused",
        advice: advice(&failed),
        registration_endpoint,
        status: failed.status,
        error: failed.error,
        error_description: failed.description,
        errors: failed.errors.into_iter().map(Broken::from).collect(),
        retry_after: failed.retry_after,
    }
}

/// What to do next.
fn advice(failed: &RegistrationFailed) -> String {
    let now = || timestamp(environment::now());
    if failed.retry_after.is_some() {
        return "the server invites to come back later: run the same command again then".to_owned();
    }
    match (failed.status, failed.error.as_deref()) {
        (_, Some("unapproved_software_statement")) => {
            "the server does not trust this certificate: check it with `udap verify`, or ask for another; the same one will not do".to_owned()
        }
        (_, Some("invalid_software_statement")) => format!(
            "check --cert, --key and --uri, and this machine's clock, which says {}",
            now()
        ),
        (_, Some("invalid_certification" | "unapproved_certification")) => {
            "a certification does not hold: look at it with `udap inspect`, ask its certifier for another, or register without it".to_owned()
        }
        (_, Some("invalid_client_metadata" | "invalid_redirect_uri")) => {
            "correct the metadata and run the command again".to_owned()
        }
        (404, _) => "no registration endpoint is there: see `udap discover`".to_owned(),
        (500.., _) => "the server failed: try again later, or ask its operator".to_owned(),
        _ => "ask the server's operator, who finds the request in the log".to_owned(),
    }
}
