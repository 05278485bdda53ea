//! `--metadata`: what an app is going to register with is judged before it gets a certificate.
//!
//! A community may ask of an app at once what servers ask later: EMR Direct's page asks the same
//! metadata to obtain a certificate as to register (I01). Which scopes an app gets is for each server
//! to say, so that here any will do that some server could grant.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::runtime::Handle;
use tokio::task::block_in_place;
use udap::error::Violation;
use udap::limits;
use udap::registrar::{LinkChecker, LinkFault, LinkReport};
use udap::rules::{
    self, ClientMetadata, ContactMatch, GrantsOffered, LinkChecks, MetadataPolicy, Profile,
};
use udap::scope::{ScopePattern, ScopePolicy};
use udap::trust::Authority;
use udap_ca::{CheckedMetadata, SanUri};
use udap_client::StatementRequest;
use udap_fetch::{FetchOptions, Fetcher, Links};
use url::Url;

use crate::output::{Output, Page, Progress, Report, whole_seconds};
use crate::{environment, material};

/// What is asked of an app before it gets a certificate.
#[derive(Args, Clone, Debug)]
pub(super) struct Requirements {
    /// What the app is going to register with (a JSON object, as for `udap register`): if it breaks a
    /// rule, no certificate is issued
    #[arg(
        long,
        value_name = "FILE.json",
        help_heading = "Registration requirements"
    )]
    metadata: Option<PathBuf>,

    /// By which rules: those of a server whose community has this `profile`
    #[arg(
        long,
        value_enum,
        value_name = "PROFILE",
        default_value_t,
        requires = "metadata",
        help_heading = "Registration requirements"
    )]
    metadata_profile: Rules,

    /// Visit the links in --metadata, too (logo, home page, redirect URIs): they have to be live, on
    /// the public internet, and must not redirect
    #[arg(
        long,
        requires = "metadata",
        help_heading = "Registration requirements"
    )]
    check_links: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Rules {
    /// HL7's alone
    #[default]
    Hl7,
    /// HL7's, and EMR Direct's
    EmrDirect,
}

impl Rules {
    const fn name(self) -> &'static str {
        match self {
            Self::Hl7 => "hl7",
            Self::EmrDirect => "emr-direct",
        }
    }

    const fn profile(self) -> Profile {
        match self {
            Self::Hl7 => Profile::Hl7,
            Self::EmrDirect => Profile::EmrDirect,
        }
    }
}

/// What came of it.
pub(super) enum Judged {
    /// Nobody asked.
    NotAsked,
    /// Every rule is kept.
    Good(CheckedMetadata),
    /// Some are not, which has been told.
    Refused,
}

#[derive(Serialize)]
struct Refusal {
    outcome: &'static str,
    metadata: PathBuf,
    rules: &'static str,
    errors: Vec<Violation>,
}

impl Report for Refusal {
    fn page(&self) -> Page {
        let mut page = Page::default();
        page.verdict(false, "REFUSED: nothing was issued").blank();
        page.field("metadata", self.metadata.to_string_lossy());
        page.field("rules", self.rules);
        page.list(
            "violation",
            self.errors
                .iter()
                .map(|one| format!("{} {} ({})", one.pointer, one.message, one.rule)),
        );
        page.field("advice", "correct the metadata and run the command again");
        page
    }
}

impl Requirements {
    /// Whether there is metadata to judge.
    pub(super) fn are_asked(&self) -> bool {
        self.metadata.is_some()
    }

    /// Judges the metadata of an app with these URIs, and tells what is wrong with it.
    pub(super) fn judge(&self, uris: &[SanUri], output: Output) -> anyhow::Result<Judged> {
        let Some(path) = &self.metadata else {
            return Ok(Judged::NotAsked);
        };
        let content = material::read(path)?;
        if content.len() > limits::REQUEST_BODY_BYTES {
            bail!(
                "{} is larger than any server reads: at most {} octets",
                path.display(),
                limits::REQUEST_BODY_BYTES
            );
        }
        // As `udap register` would send it.
        let claims = StatementRequest::new("")
            .metadata_json(&content)
            .with_context(|| path.display().to_string())?
            .metadata();
        let profile = self.metadata_profile;
        let policy = policy(profile.profile());
        let errors = match rules::check(&claims, &policy, &any_scope(&claims)) {
            Err(errors) => errors,
            Ok(metadata) if self.check_links => visit(&metadata, output)?,
            Ok(_) => Vec::new(),
        };
        if !errors.is_empty() {
            output.refuse(&Refusal {
                outcome: "refused",
                metadata: path.clone(),
                rules: profile.name(),
                errors,
            })?;
            return Ok(Judged::Refused);
        }
        if !is_at_home(uris, &claims) {
            output.warn(
                "the app's home page and redirect URIs are of other domains than the URI that the certificate names: look whether they are the same app's",
            );
        }
        Ok(Judged::Good(CheckedMetadata {
            rules: profile.name().to_owned(),
            links_visited: self.check_links,
            checked_at: whole_seconds(environment::now()),
            claims,
        }))
    }
}

/// What is wrong with the links (I07–I13).
fn visit(metadata: &ClientMetadata, output: Output) -> anyhow::Result<Vec<Violation>> {
    let links = metadata.links(LinkChecks::On);
    let visitor = Links::new(Fetcher::new(&FetchOptions::default())?);
    // Places are shared with nobody here.
    let nobody = Authority {
        anchor: [0; 32],
        ca: [0; 32],
    };
    let progress = Progress::begin(output, "visiting the links");
    let visits = visitor.check(nobody, &links);
    let reports = block_in_place(|| Handle::current().block_on(visits));
    progress.end();
    let violations = links.into_iter().filter_map(|link| {
        let report = reports.iter().find(|report| report.link == link);
        let not_visited = || LinkReport {
            link: link.clone(),
            fault: Some(LinkFault::NotChecked),
        };
        report.cloned().unwrap_or_else(not_visited).violation()
    });
    Ok(violations.collect())
}

/// Every grant will do. That pages are served by https is the profile's own rule, which a server may
/// lift for itself only.
fn policy(profile: Profile) -> MetadataPolicy {
    MetadataPolicy {
        profile,
        contact_match: ContactMatch::Registrable,
        allow_client_credentials: true,
        allow_http_pages: false,
        grants: GrantsOffered {
            authorization_code: true,
            client_credentials: true,
        },
    }
}

/// A server that has every scope which is asked for, and for a wildcard one that it stands for.
fn any_scope(claims: &Map<String, Value>) -> ScopePolicy {
    let asked = claims.get("scope").and_then(Value::as_str);
    let mut scopes: Vec<String> = Vec::new();
    for scope in asked.unwrap_or_default().split(' ') {
        scopes.push(scope.to_owned());
        if let Some((level, permission)) = scope.split_once("/*.") {
            let permission = if permission == "*" {
                "read"
            } else {
                permission
            };
            scopes.push(format!("{level}/Patient.{permission}"));
        }
    }
    let ceiling: Vec<ScopePattern> = scopes.iter().filter_map(|one| one.parse().ok()).collect();
    ScopePolicy::new(&scopes, Some(&ceiling))
}

/// Whether a URI of the certificate is of a domain that the metadata names, or has no domain that
/// could be compared. No rule asks for it: an app may have its pages elsewhere.
fn is_at_home(uris: &[SanUri], claims: &Map<String, Value>) -> bool {
    let redirects = claims.get("redirect_uris").and_then(Value::as_array);
    let pages = claims.get("client_uri").into_iter();
    let named: Vec<String> = pages
        .chain(redirects.into_iter().flatten())
        .filter_map(Value::as_str)
        .filter_map(domain)
        .collect();
    let own: Vec<String> = uris.iter().filter_map(|uri| domain(uri.as_str())).collect();
    named.is_empty() || own.is_empty() || own.iter().any(|one| named.contains(one))
}

/// A URL's registrable domain.
fn domain(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    psl::domain_str(url.domain()?).map(str::to_owned)
}
