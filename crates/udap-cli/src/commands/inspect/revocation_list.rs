//! Certificate revocation lists.

use anyhow::bail;
use serde::Serialize;
use time::OffsetDateTime;
use udap::trust::Crl;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;
use x509_parser::x509::ReasonCode;

use crate::output::{Page, moment};

/// Entries that are shown to people; programs get more.
const SHOWN: usize = 20;

/// Entries that are given to programs.
const LISTED: usize = 10_000;

/// A revocation list.
#[derive(Serialize)]
pub(super) struct CrlReport {
    issuer: String,
    number: Option<String>,
    authority_key_id: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    this_update: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    next_update: Option<OffsetDateTime>,
    sha256: String,
    count: usize,
    revoked: Vec<Revoked>,
}

#[derive(Serialize)]
struct Revoked {
    serial: String,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    reason: Option<&'static str>,
}

impl CrlReport {
    /// Reads a list in DER.
    pub(super) fn new(der: &[u8]) -> anyhow::Result<Self> {
        // Our own reader refuses a list with a broken entry, which the other takes for empty.
        let list = Crl::from_der(der)?;
        let Ok((_, parsed)) = CertificateRevocationList::from_der(der) else {
            bail!("not a revocation list");
        };
        let revoked = parsed.iter_revoked_certificates().take(LISTED);
        Ok(Self {
            issuer: list.issuer_text().to_owned(),
            number: list.number().map(hex::encode),
            authority_key_id: list.authority_key_id().map(hex::encode),
            this_update: list.this_update(),
            next_update: list.next_update(),
            sha256: hex::encode(list.fingerprint()),
            count: parsed.iter_revoked_certificates().count(),
            revoked: revoked
                .map(|one| Revoked {
                    serial: hex::encode(one.raw_serial()),
                    at: one.revocation_date.to_datetime(),
                    reason: one.reason_code().map(|(_, reason)| name(reason)),
                })
                .collect(),
        })
    }

    pub(super) fn write(&self, page: &mut Page, now: OffsetDateTime) {
        page.line("revocation list");
        let mut inner = Page::default();
        inner.field("issuer", &self.issuer);
        inner.optional(
            "number",
            self.number.as_ref().map(|number| format!("{number} (hex)")),
        );
        inner.field("issued", moment(self.this_update, now));
        inner.field(
            "next update",
            match self.next_update {
                Some(at) if at < now => format!("{}: LAPSED", moment(at, now)),
                Some(at) => moment(at, now),
                None => "not given, so it cannot be used".to_owned(),
            },
        );
        inner.optional("authority key id", self.authority_key_id.as_deref());
        inner.field("SHA-256", &self.sha256);
        inner.field("revoked", self.count.to_string());
        for one in self.revoked.iter().take(SHOWN) {
            let reason = one.reason.unwrap_or("no reason given");
            inner.field(
                "",
                format!("{}  {}  {reason}", one.serial, moment(one.at, now)),
            );
        }
        if self.count > SHOWN {
            inner.field(
                "",
                format!("… and {} more (--json)", self.count.saturating_sub(SHOWN)),
            );
        }
        page.nested(inner);
    }
}

/// The names of RFC 5280 §5.3.1.
fn name(reason: ReasonCode) -> &'static str {
    match reason {
        ReasonCode::Unspecified => "unspecified",
        ReasonCode::KeyCompromise => "keyCompromise",
        ReasonCode::CACompromise => "cACompromise",
        ReasonCode::AffiliationChanged => "affiliationChanged",
        ReasonCode::Superseded => "superseded",
        ReasonCode::CessationOfOperation => "cessationOfOperation",
        ReasonCode::CertificateHold => "certificateHold",
        ReasonCode::RemoveFromCRL => "removeFromCRL",
        ReasonCode::PrivilegeWithdrawn => "privilegeWithdrawn",
        ReasonCode::AACompromise => "aACompromise",
        _ => "unknown reason",
    }
}
