//! `udap clients recheck`

use anyhow::{Context, bail};
use udap_axum::PassReport;

use crate::commands::Verdict;
use crate::config::Config;
use crate::output::{Output, Page, Report};
use crate::serve::{Passes, build, discover, open_store};

/// Looks at every registration now.
pub(super) async fn run(config: &Config, force: bool, output: Output) -> anyhow::Result<Verdict> {
    let store = open_store(config).await?;
    let built = build(config, &discover(config).await?, &store)?;
    built
        .network
        .crls()
        .synchronise()
        .await
        .context("the stored revocation lists cannot be read")?;
    let report = Passes::new(config, &built, &store)?
        .pass(time::Duration::ZERO, force)
        .await
        .context("the registrations could not all be looked at")?;
    let Some(report) = report else {
        bail!("the server is looking at the registrations just now: try again when it is done");
    };
    output.show(&report)?;
    Ok(if report.held_back.is_empty() {
        Verdict::Good
    } else {
        Verdict::Refused
    })
}

impl Report for PassReport {
    fn page(&self) -> Page {
        let mut page = Page::default();
        page.field("looked at", self.checked.to_string())
            .field("trusted", self.good.to_string());
        if self.unsettled > 0 {
            page.field(
                "status unknown",
                format!("{}: left as they are for now", self.unsettled),
            );
        }
        for (reason, clients) in &self.switched_off {
            page.field(&format!("switched off, {reason}"), clients.to_string());
        }
        for held in &self.held_back {
            page.blank();
            page.line(format!(
                "NOT switched off: {} of the {} clients of {} are no longer trusted. That many at \
                 once is more likely a mistake: look at the community's anchors and at its \
                 revocation lists. If it is right, run `udap clients recheck --force`.",
                held.clients, held.of, held.community
            ));
        }
        page
    }
}
