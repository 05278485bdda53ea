//! `udap gateway status`

use anyhow::Context;
use serde::Serialize;
use udap_openemr::SiteKeys;
use udap_store::KeyedRow;

use super::switch::mode;
use super::{OfSite, rows};
use crate::commands::Verdict;
use crate::config::Config;
use crate::config::settings::Site;
use crate::output::{Output, Page, Report};
use crate::serve::{admits_codes, gateway_keys, look};

pub(super) async fn run(
    config: &Config,
    chosen: &OfSite,
    output: Output,
) -> anyhow::Result<Verdict> {
    let sites = chosen.of(config)?;
    let looked = look(config).await?;
    let all_keys = gateway_keys(config);
    let mut status = Vec::new();
    for site in sites {
        let of_site = || format!("the gateway's keys of site \"{}\"", site.id);
        let keys = all_keys.site(&site.id).with_context(of_site)?;
        let rows = rows::all(&*looked.rows, &site.id).await?;
        let admits_codes = admits_codes(config, site).await?;
        status.push(of(site, keys, &rows, admits_codes).with_context(of_site)?);
    }
    let agrees = status.iter().all(SiteStatus::agrees);
    output.show(&Status(status))?;
    Ok(if agrees {
        Verdict::Good
    } else {
        Verdict::Refused
    })
}

fn of(
    site: &Site,
    keys: &SiteKeys,
    all: &[KeyedRow],
    admits_codes: bool,
) -> anyhow::Result<SiteStatus> {
    let current = keys.current()?.map(|key| key.kid().to_owned());
    let older = keys.older()?;
    let mut rows = Rows::default();
    for one in all {
        rows.registered += 1;
        let Some(row) = &one.row else {
            rows.gone += 1;
            continue;
        };
        *match &row.kid {
            kid if *kid == one.wanted => &mut rows.as_wanted,
            None => &mut rows.without_key,
            kid if *kid == current => &mut rows.gateway_key,
            Some(kid) if older.contains(kid) => &mut rows.older_key,
            Some(_) => &mut rows.other_key,
        } += 1;
    }
    Ok(SiteStatus {
        site: site.id.clone(),
        token_mode: mode(site),
        key: current,
        older_keys: older,
        rows,
        unserved: rows::Unserved::among(all, admits_codes),
    })
}

/// How many rows hold what.
#[derive(Debug, Default, Serialize)]
struct Rows {
    registered: usize,
    /// The key that the site's mode wants.
    as_wanted: usize,
    /// The gateway's current key, though the site is in direct mode.
    gateway_key: usize,
    /// An older one of the gateway's.
    older_key: usize,
    /// A key that is none of the gateway's: the app's own, in gateway mode.
    other_key: usize,
    /// None that OpenEMR could verify with.
    without_key: usize,
    /// There is no row.
    gone: usize,
}

#[derive(Debug, Serialize)]
struct SiteStatus {
    site: String,
    token_mode: &'static str,
    /// The gateway's current key.
    key: Option<String>,
    older_keys: Vec<String>,
    rows: Rows,
    unserved: rows::Unserved,
}

impl SiteStatus {
    fn agrees(&self) -> bool {
        let Rows {
            registered,
            as_wanted,
            gone,
            ..
        } = self.rows;
        as_wanted + gone == registered && self.unserved.is_empty()
    }
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Status(Vec<SiteStatus>);

impl Report for Status {
    fn page(&self) -> Page {
        let mut page = Page::default();
        for (index, one) in self.0.iter().enumerate() {
            if index > 0 {
                page.blank();
            }
            let rows = &one.rows;
            page.field("site", &one.site)
                .field("token mode", one.token_mode)
                .optional("gateway's key", one.key.as_ref());
            for kid in &one.older_keys {
                page.field("older key", kid);
            }
            page.field("registered apps", rows.registered.to_string())
                .field("rows as wanted", rows.as_wanted.to_string());
            for (count, what) in [
                (rows.gateway_key, "rows with the gateway's key"),
                (rows.older_key, "rows with an older key of the gateway"),
                (rows.other_key, "rows with another key"),
                (rows.without_key, "rows without a key"),
                (rows.gone, "rows that are gone"),
            ] {
                if count > 0 {
                    page.field(what, count.to_string());
                }
            }
            let is_rotating = one.token_mode == "gateway" && !one.older_keys.is_empty();
            if is_rotating {
                page.line(
                    "A rotation was ended early: `udap gateway rotate-key` brings it to its end.",
                );
            } else if rows.as_wanted + rows.gone < rows.registered {
                page.line("`udap gateway switch-rows` gives rows the key that the mode wants.");
            }
            one.unserved.tell(&mut page);
        }
        page
    }
}
