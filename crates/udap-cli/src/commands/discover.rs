//! `udap discover`: what a server offers.

use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use udap_client::{Client, Discovery, MetadataError, MetadataProblem};

use super::path_report::{Path as PathReport, Reason};
use super::server_options::ServerOptions;
use super::trust_options::TrustOptions;
use crate::app_file::AppOption;
use crate::commands::Verdict;
use crate::environment;
use crate::output::{Output, Page, Report};

/// Which server.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 the metadata is good, and with --anchors trusted; 1 it is not, or cannot be fetched; 2 wrong usage."
)]
#[command(override_usage = "udap discover [OPTIONS] URL [--community URI] [--anchors PATH…]")]
pub(crate) struct Arguments {
    #[command(flatten)]
    _app: AppOption,

    /// The same as URL, where options come from a file
    #[arg(
        id = "named",
        long = "server",
        value_name = "URL",
        help_heading = "App"
    )]
    named: Option<String>,

    #[command(flatten)]
    trust: TrustOptions,

    /// The trust community as whose member you ask
    #[arg(long, value_name = "URI")]
    community: Option<String>,

    #[command(flatten)]
    server: ServerOptions,

    /// The server's FHIR base URL
    #[arg(id = "subject", value_name = "URL")]
    url: Option<String>,
}

#[derive(Serialize)]
struct Offer {
    base_url: String,
    community: Option<String>,
    #[serde(flatten)]
    signature: Signature,
    problems: Vec<Problem>,
    metadata: Map<String, Value>,
    #[serde(skip)]
    now: OffsetDateTime,
}

/// What became of the signed metadata.
#[derive(Serialize)]
struct Signature {
    /// `None`: nobody said whom to trust.
    trusted: Option<bool>,
    #[serde(flatten)]
    path: Option<PathReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
}

#[derive(Serialize)]
struct Problem {
    member: &'static str,
    rule: &'static str,
    message: &'static str,
}

impl Signature {
    fn write(&self, page: &mut Page, now: OffsetDateTime) {
        page.judged(
            "signed metadata",
            self.reason.is_none(),
            match (self.trusted, &self.reason) {
                (Some(true), _) => "trusted",
                (_, Some(_)) => "NOT TRUSTED",
                (_, None) => "consistent; its certificate is not judged (give --anchors)",
            },
        );
        if let Some(reason) = &self.reason {
            reason.write(page);
        }
        if let Some(path) = &self.path {
            path.write(page, now);
        }
    }
}

impl Report for Offer {
    fn page(&self) -> Page {
        let mut page = Page::default();
        page.field("FHIR base URL", &self.base_url);
        page.optional("community", self.community.as_deref());
        for (name, member) in [
            ("registration endpoint", "registration_endpoint"),
            ("token endpoint", "token_endpoint"),
            ("authorization endpoint", "authorization_endpoint"),
        ] {
            page.optional(name, self.metadata.get(member).and_then(Value::as_str));
        }
        for (name, member) in [
            ("profiles", "udap_profiles_supported"),
            ("grant types", "grant_types_supported"),
            ("extensions", "udap_authorization_extensions_supported"),
            (
                "extensions required",
                "udap_authorization_extensions_required",
            ),
            ("certifications", "udap_certifications_supported"),
            ("certifications required", "udap_certifications_required"),
            (
                "registration algorithms",
                "registration_endpoint_jwt_signing_alg_values_supported",
            ),
            (
                "token algorithms",
                "token_endpoint_auth_signing_alg_values_supported",
            ),
            ("scopes", "scopes_supported"),
        ] {
            page.optional(name, self.listed(member));
        }
        page.blank();
        self.signature.write(&mut page, self.now);
        if !self.problems.is_empty() {
            page.blank();
            page.list(
                "problem",
                self.problems
                    .iter()
                    .map(|one| format!("{} {} ({})", one.member, one.message, one.rule)),
            );
        }
        page
    }
}

impl Offer {
    /// A list in one line; `None` if there is nothing in it.
    fn listed(&self, member: &str) -> Option<String> {
        let entries = self.metadata.get(member)?.as_array()?;
        let entries: Vec<&str> = entries.iter().filter_map(Value::as_str).collect();
        (!entries.is_empty()).then(|| entries.join(" "))
    }
}

/// Asks and shows.
pub(crate) async fn run(arguments: Arguments, output: Output) -> anyhow::Result<Verdict> {
    let url = arguments.url.or(arguments.named);
    let url = arguments.trust.subject(url, "URL")?;
    let client = arguments.server.client()?;
    let discovery = client
        .discover(&url, arguments.community.as_deref())
        .await?;
    let now = environment::now();
    let signature = judge(&client, &discovery, &arguments.trust, now).await?;
    let refused = signature.reason.is_some();
    output.show(&Offer {
        base_url: discovery.base_url().to_owned(),
        community: arguments.community,
        signature,
        problems: discovery.problems().iter().map(problem).collect(),
        metadata: discovery.document().clone(),
        now,
    })?;
    Ok(match refused {
        true => Verdict::Refused,
        false => Verdict::Good,
    })
}

async fn judge(
    client: &Client,
    discovery: &Discovery,
    trust: &TrustOptions,
    now: OffsetDateTime,
) -> anyhow::Result<Signature> {
    if !trust.has_anchors() {
        return Ok(Signature {
            trusted: None,
            path: None,
            reason: discovery.signer(now).err().map(reason),
        });
    }
    Ok(
        match discovery.verify_with(client, &trust.read()?, now).await {
            Ok(verified) => Signature {
                trusted: Some(true),
                path: Some(PathReport::new(verified.path())),
                reason: None,
            },
            Err(error) => Signature {
                trusted: Some(false),
                path: None,
                reason: Some(reason(error)),
            },
        },
    )
}

fn reason(error: MetadataError) -> Reason {
    match error {
        MetadataError::Distrust(distrust) => distrust.into(),
        other => Reason {
            code: "signed_metadata_invalid".to_owned(),
            message: other.to_string(),
            advice: None,
        },
    }
}

fn problem(problem: &MetadataProblem) -> Problem {
    Problem {
        member: problem.member,
        rule: problem.rule,
        message: problem.message,
    }
}
