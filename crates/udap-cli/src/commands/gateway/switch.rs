//! `udap gateway switch-rows`

use anyhow::Context;
use serde::Serialize;

use super::{OfSite, lock, rows};
use crate::commands::Verdict;
use crate::config::Config;
use crate::config::settings::{Site, TokenMode};
use crate::output::{Output, Page, Report};
use crate::serve::{Store, admits_codes, open_store};

pub(super) async fn run(
    config: &Config,
    chosen: &OfSite,
    output: Output,
) -> anyhow::Result<Verdict> {
    let sites = chosen.of(config)?;
    let store = open_store(config).await?;
    let mut switched = Vec::new();
    for site in sites {
        switched.push(switch(config, &store, site, output).await?);
    }
    let serves_all = switched.iter().all(|one| one.unserved.is_empty());
    output.show(&Switch(switched))?;
    Ok(if serves_all {
        Verdict::Good
    } else {
        Verdict::Refused
    })
}

async fn switch(
    config: &Config,
    store: &Store,
    site: &Site,
    output: Output,
) -> anyhow::Result<Switched> {
    let id = &site.id;
    let admits_codes = admits_codes(config, site).await?;
    let keys = store.gateway_keys.site(id);
    let keys = keys.with_context(|| format!("the gateway's keys of site \"{id}\""))?;
    // In direct mode the gateway's keys are no matter.
    let lock = match site.token_mode {
        TokenMode::Direct => None,
        TokenMode::Gateway => Some(lock(keys)?),
    };
    let settled = store.rows.settle().await;
    settled.context("the store is too busy just now: run the command again")?;
    let (moved, all) = rows::move_all(&*store.rows, id, output).await?;
    drop(lock);
    Ok(Switched {
        site: id.clone(),
        token_mode: mode(site),
        rows: all.len(),
        moved,
        unserved: rows::Unserved::among(&all, admits_codes),
    })
}

pub(super) fn mode(site: &Site) -> &'static str {
    match site.token_mode {
        TokenMode::Direct => "direct",
        TokenMode::Gateway => "gateway",
    }
}

#[derive(Debug, Serialize)]
struct Switched {
    site: String,
    token_mode: &'static str,
    rows: usize,
    moved: usize,
    unserved: rows::Unserved,
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Switch(Vec<Switched>);

impl Report for Switch {
    fn page(&self) -> Page {
        let mut page = Page::default();
        for (index, one) in self.0.iter().enumerate() {
            if index > 0 {
                page.blank();
            }
            page.field("site", &one.site)
                .field("token mode", one.token_mode)
                .field("rows moved", format!("{} of {}", one.moved, one.rows));
            one.unserved.tell(&mut page);
        }
        page
    }
}
