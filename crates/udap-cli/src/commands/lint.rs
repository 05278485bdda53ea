//! `udap lint`: whether certificates keep the UDAP profile.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;
use udap_ca::lint::{self, Judgement, Kind, Level};

use crate::commands::Verdict;
use crate::output::{Output, Page, Report};
use crate::{environment, material};

/// What to judge.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 no rule is broken that peers insist on, 1 one is, or a file cannot be read, 2 wrong usage."
)]
pub(crate) struct Arguments {
    /// Certificates (PEM or DER), or folders of them; each certificate in a file is judged
    #[arg(value_name = "FILE", required_unless_present = "rules")]
    files: Vec<PathBuf>,

    /// What the first certificate of each file is for: client, server, tls, ca; without it that is
    /// guessed
    #[arg(long = "as", value_name = "KIND", value_parser = kind)]
    kind: Option<Kind>,

    /// List the rules instead
    #[arg(long, conflicts_with = "files")]
    rules: bool,
}

fn kind(name: &str) -> Result<Kind, String> {
    name.parse()
}

#[derive(Serialize)]
#[serde(transparent)]
struct Judged {
    certificates: Vec<One>,
}

#[derive(Serialize)]
struct One {
    file: PathBuf,
    /// Which one in the file, from 1.
    position: usize,
    #[serde(flatten)]
    judgement: Judgement,
}

impl Report for Judged {
    fn page(&self) -> Page {
        let mut page = Page::default();
        for one in &self.certificates {
            page.blank();
            let place = match one.position {
                1 => one.file.display().to_string(),
                position => format!("{} ({position})", one.file.display()),
            };
            let judgement = &one.judgement;
            let kind = judgement.kind.as_str();
            let verdict = if judgement.findings.is_empty() {
                "no findings"
            } else {
                ""
            };
            page.line(format!("{place}: {}, as {kind} {verdict}", judgement.subject).trim_end());
            for finding in &judgement.findings {
                let mut details = Page::default();
                details.line(format!(
                    "{} {} [{}]: {}",
                    level(finding.level),
                    finding.requirement,
                    finding.rule,
                    finding.what
                ));
                let mut reasons = Page::default();
                reasons
                    .field("why", finding.why)
                    .field("do", finding.advice);
                details.nested(reasons);
                page.nested(details);
            }
        }
        page
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Notice => "notice",
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Rules {
    rules: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    rule: &'static str,
    requirement: &'static str,
    level: Level,
    what: &'static str,
    why: &'static str,
    advice: &'static str,
}

impl Report for Rules {
    fn page(&self) -> Page {
        let mut page = Page::default();
        for rule in &self.rules {
            let title = format!("{} {} {}", level(rule.level), rule.requirement, rule.rule);
            page.field(&title, rule.what);
        }
        page
    }
}

/// Judges them: refused if any breaks a rule that is an error.
pub(crate) fn run(arguments: &Arguments, output: Output) -> anyhow::Result<Verdict> {
    if arguments.rules {
        let rules = lint::rules().map(|rule| Line {
            rule: rule.name,
            requirement: rule.requirement,
            level: rule.level,
            what: rule.what,
            why: rule.why,
            advice: rule.advice,
        });
        output.show(&Rules {
            rules: rules.collect(),
        })?;
        return Ok(Verdict::Good);
    }
    let now = environment::now();
    let mut certificates = Vec::new();
    for file in files(&arguments.files)? {
        for (index, der) in read(&file)?.iter().enumerate() {
            let kind = arguments.kind.filter(|_| index == 0);
            let judgement =
                lint::lint(der, kind, now).with_context(|| file.display().to_string())?;
            certificates.push(One {
                file: file.clone(),
                position: index + 1,
                judgement,
            });
        }
    }
    let is_good = certificates
        .iter()
        .all(|one| one.judgement.has_no(Level::Error));
    output.show(&Judged { certificates })?;
    Ok(if is_good {
        Verdict::Good
    } else {
        Verdict::Refused
    })
}

fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        for file in material::certificate_files_in(path)? {
            // Keys lie beside certificates.
            if read(&file).is_ok() {
                files.push(file);
            }
        }
        if files.len() == before {
            bail!("the folder {} holds no certificates", path.display());
        }
    }
    Ok(files)
}

/// The certificates of a file in DER, as they are: also those that nobody else would read.
fn read(file: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
    let content = material::read(file)?;
    if !material::is_pem(&content) {
        return Ok(vec![content]);
    }
    let blocks = pem::parse_many(&content).with_context(|| file.display().to_string())?;
    let found: Vec<Vec<u8>> = blocks
        .into_iter()
        .filter(|block| block.tag() == "CERTIFICATE")
        .map(pem::Pem::into_contents)
        .collect();
    if found.is_empty() {
        bail!("no certificate in {}", file.display());
    }
    Ok(found)
}
