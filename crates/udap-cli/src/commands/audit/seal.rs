//! `udap audit seal`

use std::sync::Arc;

use serde::Serialize;
use udap_store::audit::{AuditLog, Seal};

use crate::commands::Verdict;
use crate::config::Config;
use crate::output::{Output, Page, Report};
use crate::serve::{Sealer, open_audit_log, seal_key};

pub(super) async fn run(config: &Config, output: Output) -> anyhow::Result<Verdict> {
    let log = open_audit_log(config).await?;
    output.show(&all(log, config).await?)?;
    Ok(Verdict::Good)
}

/// Seals everything that is not sealed.
pub(super) async fn all(log: Arc<dyn AuditLog>, config: &Config) -> anyhow::Result<Sealed> {
    let (seals, done) = Sealer::new(log, seal_key(config)?).seal_all().await?;
    Ok(Sealed {
        sealed: seals.iter().map(Batch::of).collect(),
        left_to_server: !done,
    })
}

#[derive(Serialize)]
pub(super) struct Sealed {
    sealed: Vec<Batch>,
    /// Whether another process holds the lease, and seals the rest.
    left_to_server: bool,
}

#[derive(Serialize)]
struct Batch {
    batch: i64,
    events: i64,
    seal: String,
    keyed: bool,
}

impl Batch {
    fn of(seal: &Seal) -> Self {
        Self {
            batch: seal.batch,
            events: seal.events,
            seal: seal.to_hex(),
            keyed: seal.keyed,
        }
    }
}

impl Report for Sealed {
    fn page(&self) -> Page {
        let mut page = Page::default();
        for one in &self.sealed {
            page.field(
                &format!("batch {}", one.batch),
                format!("events: {}, seal: {}", one.events, one.seal),
            );
        }
        if self.left_to_server {
            page.line("A running server seals what is left.");
        } else if self.sealed.is_empty() {
            page.line("Everything is sealed.");
        }
        page
    }
}
