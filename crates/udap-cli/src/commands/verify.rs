//! `udap verify`: a certificate's path and revocation, judged as the server would.

use std::path::Path;

use clap::Args;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use udap::certificate::CertificateError;

use super::path_report::{Path as PathReport, Reason};
use super::server_options::ServerOptions;
use super::trust_options::TrustOptions;
use crate::commands::Verdict;
use crate::output::{Output, Page, Report, timestamp, whole_seconds};
use crate::{environment, material};

/// What to judge, and by what.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 trusted, 1 not trusted, or a file cannot be read, 2 wrong usage."
)]
#[command(
    override_usage = "udap verify [OPTIONS] --anchors PATH… [--intermediates PATH…] [--crl PATH…] CHAIN.pem"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    trust: TrustOptions,

    /// When to judge, instead of now: for example 2026-11-22T12:00:00Z
    #[arg(long, value_name = "RFC3339", value_parser = time)]
    at: Option<OffsetDateTime>,

    /// A URI that the leaf must name in its subject alternative name, character for character
    #[arg(long, value_name = "URI")]
    uri: Option<String>,

    /// Fetch revocation lists that are not given; without it only files are read
    #[arg(long)]
    fetch: bool,

    #[command(flatten)]
    server: ServerOptions,

    /// The certificate to judge (PEM or DER), and after it others that may lie on its path
    #[arg(id = "subject", value_name = "CHAIN.pem")]
    chain: Option<String>,
}

/// A time as RFC 3339 writes it.
pub(super) fn time(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| "not a time such as 2026-11-22T12:00:00Z".to_owned())
}

#[derive(Serialize)]
struct Judgement {
    trusted: bool,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    subject: String,
    #[serde(flatten)]
    path: Option<PathReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
}

impl Report for Judgement {
    fn page(&self) -> Page {
        let mut page = Page::default();
        let verdict = if self.trusted {
            "trusted"
        } else {
            "NOT TRUSTED"
        };
        page.verdict(self.trusted, verdict);
        page.blank();
        match &self.reason {
            None => {}
            Some(reason) => {
                page.field("certificate", &self.subject);
                reason.write(&mut page);
            }
        }
        if let Some(path) = &self.path {
            path.write(&mut page, self.at);
        }
        page.field("judged at", timestamp(self.at));
        page
    }
}

/// Judges it.
pub(crate) async fn run(arguments: Arguments, output: Output) -> anyhow::Result<Verdict> {
    let file = arguments.trust.subject(arguments.chain, "CHAIN.pem")?;
    let trust = arguments.trust.read()?;
    let chain = material::chain(Path::new(&file))?;
    let (leaf, candidates) = chain.split_first().ok_or(CertificateError::Missing)?;
    let at = whole_seconds(arguments.at.unwrap_or_else(environment::now));

    let judged = if arguments.fetch {
        let client = arguments.server.client()?;
        trust
            .judge_with(&client.network(None)?, leaf, candidates, at)
            .await
    } else {
        trust.judge(leaf, candidates, at)
    };
    let misnamed = arguments.uri.filter(|uri| !leaf.uri_names().contains(uri));
    let (path, reason) = match (judged, misnamed) {
        (Err(distrust), _) => (None, Some(distrust.into())),
        (Ok(path), Some(uri)) => (Some(path), Some(not_named(&uri, leaf.uri_names()))),
        (Ok(path), None) => (Some(path), None),
    };
    let judgement = Judgement {
        trusted: reason.is_none(),
        at,
        subject: leaf.subject_text().to_owned(),
        path: path.as_ref().map(PathReport::new),
        reason,
    };
    output.show(&judgement)?;
    Ok(match judgement.trusted {
        true => Verdict::Good,
        false => Verdict::Refused,
    })
}

fn not_named(uri: &str, named: &[String]) -> Reason {
    let named = match named {
        [] => "no URI at all".to_owned(),
        named => named.join(", "),
    };
    Reason {
        code: "uri_not_named".to_owned(),
        message: format!("the leaf certificate does not name {uri}; it names {named}"),
        advice: None,
    }
}
