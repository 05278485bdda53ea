//! `udap doctor`: whether everything that the server needs is as it should be.
//!
//! It connects as the server would, and changes nothing: no table is made, what is tried is rolled
//! back. A check that could not be made is a finding, too.

mod clients;
mod clock;
mod configuration;
mod database;
mod discovery;
mod finding;
mod gateway;
mod openemr;
mod settings;
mod trust;
mod version;

use clap::Args;
use serde::Serialize;

use crate::commands::Verdict;
use crate::commands::config_file::ConfigFile;
use crate::config::Config;
use crate::output::{Output, Page, Report};
use database::Database;
use finding::{Finding, Findings, Severity};

/// Check configuration, database, OpenEMR and certificates, and say what to do
///
/// Connects as the server would, and changes nothing. Exits with 1 if something does not work.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    config: ConfigFile,
}

impl Doctor {
    pub(crate) async fn run(self, output: Output) -> anyhow::Result<Verdict> {
        let mut findings = Findings::default();
        match self.config.read() {
            Ok(config) => examine(&config, &mut findings).await,
            Err(error) => findings.about("configuration").error(
                "configuration",
                error.to_string(),
                "correct it and look again: nothing else can be checked without",
            ),
        }
        let examined = Examined(findings.0);
        let is_bad = examined.count(Severity::Error) > 0;
        output.show(&examined)?;
        Ok(if is_bad {
            Verdict::Refused
        } else {
            Verdict::Good
        })
    }
}

async fn examine(config: &Config, findings: &mut Findings) {
    configuration::check(config, &mut findings.about("configuration"));
    let database = database::check(config, &mut findings.about("database")).await;
    for site in &config.sites {
        let about = &mut findings.about(format!("site {}", site.id));
        match &database {
            Database::Embedded => about.ok(
                "openemr",
                "the embedded store: there is no OpenEMR whose tables could be checked",
            ),
            Database::Unreachable => about.unknown(
                "openemr",
                "the database cannot be used",
                "see to the database first",
            ),
            Database::OpenEmr(registry, sites) => {
                openemr::check(registry, sites, site, about).await;
            }
        }
        discovery::check(config, site, about).await;
        let registry = match &database {
            Database::OpenEmr(registry, _) => Some(registry),
            Database::Embedded | Database::Unreachable => None,
        };
        gateway::check(config, registry, site, about).await;
    }
    if let Database::OpenEmr(registry, sites) = &database {
        clients::check(registry, sites, findings).await;
    }
    for community in &config.communities {
        let about = &mut findings.about(format!("community {}", community.id));
        trust::check(config, community, about);
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Examined(Vec<Finding>);

impl Examined {
    fn count(&self, severity: Severity) -> usize {
        let alike = self.0.iter().filter(|one| one.severity == severity);
        alike.count()
    }
}

impl Report for Examined {
    fn page(&self) -> Page {
        let mut page = Page::default();
        let mut subjects: Vec<&str> = Vec::new();
        for finding in &self.0 {
            if !subjects.contains(&finding.subject.as_str()) {
                subjects.push(&finding.subject);
            }
        }
        for subject in subjects {
            page.blank().line(subject);
            let mut inner = Page::default();
            for finding in self.0.iter().filter(|one| one.subject == subject) {
                let label = match finding.severity {
                    Severity::Ok => "ok",
                    Severity::Warning => "warning",
                    Severity::Error => "ERROR",
                };
                let mut lines = finding.found.lines();
                inner.field(label, lines.next().unwrap_or_default());
                for line in lines {
                    inner.field("", line);
                }
                inner.optional(
                    "",
                    finding.advice.as_ref().map(|advice| format!("-> {advice}")),
                );
            }
            page.nested(inner);
        }
        let (errors, warnings) = (self.count(Severity::Error), self.count(Severity::Warning));
        page.blank()
            .line(format!("errors: {errors}, warnings: {warnings}"));
        page
    }
}
