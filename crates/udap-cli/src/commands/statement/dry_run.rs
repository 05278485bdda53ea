//! `udap statement verify --config`: what the server would answer, and why, with nothing done.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};
use time::OffsetDateTime;
use udap::catalogue::Stage;
use udap_axum::{Outside, Records, Stagehands, rehearse};

use super::answer::{Answer, Observed};
use crate::commands::{Verdict, WrongUsage};
use crate::config::Config;
use crate::config::settings::Site;
use crate::output::Output;
use crate::serve::{ReadArchive, clock_skew, discover_now, judging, look};
use crate::{environment, material};

/// Which server.
#[derive(Args, Debug)]
pub(super) struct DryRun {
    /// A server's configuration: say what that server would answer, and why; nothing is done
    #[arg(long, value_name = "FILE", help_heading = "Dry run")]
    config: Option<PathBuf>,

    /// The site, if it does not follow from the statement's audience
    #[arg(long, value_name = "ID", requires = "config", help_heading = "Dry run")]
    site: Option<String>,

    /// Tell of every rule how the statement fares
    #[arg(long, requires = "config", help_heading = "Dry run")]
    explain: bool,

    /// Fetch nothing: lists that are stored count, links and certifiers are not asked
    #[arg(long, requires = "config", help_heading = "Dry run")]
    offline: bool,
}

impl DryRun {
    /// Whether one is asked for.
    pub(super) fn is_wanted(&self) -> bool {
        self.config.is_some()
    }

    /// Judges a statement, or a whole request.
    pub(super) async fn run(
        &self,
        subject: &str,
        at: OffsetDateTime,
        output: Output,
    ) -> anyhow::Result<Verdict> {
        let path = self.config.as_deref().unwrap_or(Path::new("udap.toml"));
        let config = environment::configuration(path)?;
        let body = body(subject)?;
        let site = self.site(&config, &body)?;
        let (discovered, version_unknown) = discover_now(&config, site, self.offline).await?;
        let looked = look(&config).await;
        let archive = looked.as_ref().ok().map(|looked| Arc::clone(&looked.crls));
        let judging = judging(&config, &discovered, Arc::new(ReadArchive(archive)))?;
        let mut unknown = Vec::new();
        if let Err(error) = judging.network.crls().synchronise().await {
            let error = anyhow::Error::from(error);
            unknown.push(format!(
                "the stored revocation lists cannot be read: {error:#}"
            ));
        }
        if let Some(error) = version_unknown {
            unknown.push(format!(
                "OpenEMR's version is not known, and taken for one that verifies assertions for \
                 codes: {error:#}"
            ));
        }
        let registrar = judging.rules.registrar();
        let hands = Stagehands {
            registrar,
            clock_skew: clock_skew(&config)?,
            crls: &judging.known,
            outside: (!self.offline).then(|| Outside {
                fetcher: &judging.network,
                links: &*judging.links,
                statuses: &judging.statuses,
            }),
            records: looked.as_ref().ok().map(|looked| Records {
                registry: &*looked.registry,
                foresight: &*looked.foresight,
            }),
        };
        let site = registrar
            .site(&site.id)
            .with_context(|| format!("site \"{}\"", site.id))?;
        let (notes, ending) = rehearse(&hands, site, &body, at).await;
        let why = looked.err().map(|error| format!("{error:#}"));
        let why = why.or_else(|| {
            let error = notes.registry_failed.as_ref()?;
            let cause = std::error::Error::source(error).map(ToString::to_string);
            Some(cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}")))
        });
        if notes.unchecked.contains(&Stage::Standing) || notes.unchecked.contains(&Stage::Registry)
        {
            let why = why.unwrap_or_default();
            unknown.push(format!(
                "not looked up: whether it is blocked, was used before, or is registered already: \
                 {why}"
            ));
        }
        let answer = Answer::new(&Observed {
            site,
            notes: &notes,
            ending: &ending,
            at,
            unknown,
            is_explained: self.explain,
        });
        output.show(&answer)?;
        Ok(if answer.is_good() {
            Verdict::Good
        } else {
            Verdict::Refused
        })
    }

    /// The site that it is posted to: as said, or whose registration endpoint it is for, or the only one.
    fn site<'a>(&self, config: &'a Config, body: &[u8]) -> Result<&'a Site, WrongUsage> {
        let sites = &config.sites;
        let ids = || {
            let ids: Vec<_> = sites.iter().map(|site| site.id.as_str()).collect();
            ids.join(", ")
        };
        if let Some(id) = &self.site {
            let named = sites.iter().find(|site| site.id == *id);
            return named.ok_or_else(|| WrongUsage(format!("--site is one of {}", ids())));
        }
        let audience = audience(body);
        let meant = sites
            .iter()
            .find(|site| audience.contains(&config.registration_endpoint(site)));
        match (meant, sites.as_slice()) {
            (Some(site), _) => Ok(site),
            (None, [only]) => Ok(only),
            _ => Err(WrongUsage(format!(
                "the statement is for no registration endpoint of this server: give --site, one of {}",
                ids()
            ))),
        }
    }
}

/// The body of the request: what was given, if that is JSON, or else around the statement that it is.
fn body(subject: &str) -> anyhow::Result<Vec<u8>> {
    let is_statement = !Path::new(subject).exists() && udap::jws::peek(subject.trim()).is_ok();
    let content = if is_statement {
        subject.as_bytes().to_vec()
    } else {
        material::read(Path::new(subject))?
    };
    if content.trim_ascii_start().starts_with(b"{") {
        return Ok(content);
    }
    let statement = String::from_utf8_lossy(content.trim_ascii()).into_owned();
    let request = json!({ "software_statement": statement, "udap": "1" });
    Ok(request.to_string().into_bytes())
}

/// For which endpoints the statement is, as far as it can be read.
fn audience(body: &[u8]) -> Vec<String> {
    let request = udap::json::object(body).unwrap_or_default();
    let claims = request
        .get("software_statement")
        .and_then(Value::as_str)
        .and_then(|statement| Some(udap::jws::peek(statement).ok()?.1));
    match claims.and_then(|mut claims| claims.remove("aud")) {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => {
            let texts = several.iter().filter_map(Value::as_str);
            texts.map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}
