//! `udap gateway rotate-key`

use anyhow::{Context, bail};
use serde::Serialize;

use super::{OfSite, lock, rows};
use crate::commands::Verdict;
use crate::config::Config;
use crate::config::settings::{Site, TokenMode};
use crate::output::{Output, Page, Report};
use crate::serve::{Store, open_store};

pub(super) async fn run(
    config: &Config,
    chosen: &OfSite,
    output: Output,
) -> anyhow::Result<Verdict> {
    let sites: Vec<_> = chosen
        .of(config)?
        .into_iter()
        .filter(|site| site.token_mode == TokenMode::Gateway)
        .collect();
    if sites.is_empty() {
        bail!(
            "no such site has token_mode = \"gateway\": in direct mode rows hold the apps' own keys"
        );
    }
    let store = open_store(config).await?;
    let mut rotated = Vec::new();
    for site in sites {
        rotated.push(rotate(&store, site, output).await?);
    }
    let is_done = rotated.iter().all(|one| one.still_carried.is_empty());
    output.show(&Rotation(rotated))?;
    Ok(if is_done {
        Verdict::Good
    } else {
        Verdict::Refused
    })
}

/// One site. Whenever it is ended, every key that a row carries has its file, and the next run goes on.
async fn rotate(store: &Store, site: &Site, output: Output) -> anyhow::Result<Rotated> {
    let id = &site.id;
    let of_site = || format!("the gateway's keys of site \"{id}\"");
    let keys = store.gateway_keys.site(id).with_context(of_site)?;
    let lock = lock(keys)?;
    let resumed = !keys.older().with_context(of_site)?.is_empty();
    let key = if resumed {
        keys.current_or_new()
    } else {
        keys.replace()
    };
    let key = key.with_context(of_site)?;
    // A statement that is being written may have read the old key: after this none has.
    let settled = store.rows.settle().await;
    settled.context(
        "the store is too busy just now: run the command again, which goes on from here",
    )?;
    let (moved, all) = rows::move_all(&*store.rows, id, output).await?;
    let carried = |kid: &String| {
        all.iter()
            .filter_map(|row| row.row.as_ref())
            .any(|row| row.kid.as_ref() == Some(kid))
    };
    let (still_carried, unused): (Vec<_>, Vec<_>) = keys
        .older()
        .with_context(of_site)?
        .into_iter()
        .partition(carried);
    for kid in &unused {
        keys.remove(kid).with_context(of_site)?;
    }
    drop(lock);
    Ok(Rotated {
        site: id.clone(),
        resumed,
        kid: key.kid().to_owned(),
        rows: all.len(),
        moved,
        removed: unused,
        still_carried,
    })
}

#[derive(Debug, Serialize)]
struct Rotated {
    site: String,
    /// Whether an earlier rotation was taken up.
    resumed: bool,
    /// The key that rows carry now.
    kid: String,
    rows: usize,
    moved: usize,
    /// Keys that were removed.
    removed: Vec<String>,
    /// Older keys that rows carry all the same.
    still_carried: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Rotation(Vec<Rotated>);

impl Report for Rotation {
    fn page(&self) -> Page {
        let mut page = Page::default();
        for (index, one) in self.0.iter().enumerate() {
            if index > 0 {
                page.blank();
            }
            page.field("site", &one.site)
                .field("key", &one.kid)
                .field("rows moved", format!("{} of {}", one.moved, one.rows));
            if one.resumed {
                page.field("", "an earlier rotation was brought to its end");
            }
            for kid in &one.removed {
                page.field("removed", kid);
            }
            for kid in &one.still_carried {
                page.field("STILL CARRIED", kid);
            }
        }
        page
    }
}
