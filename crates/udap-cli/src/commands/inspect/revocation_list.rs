//! Certificate revocation lists.

use anyhow::bail;
use serde::Serialize;
use time::OffsetDateTime;
use udap::trust::Crl;
use x509_parser::asn1_rs::Integer;
use x509_parser::extensions::{DistributionPointName, IssuingDistributionPoint, ParsedExtension};
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;
use x509_parser::x509::ReasonCode;

use super::extensions::name as name_of;
use crate::output::{Page, moment};

/// Entries that are shown to people; programs get more.
const SHOWN: usize = 20;

/// Entries that are given to programs.
const LISTED: usize = 10_000;

const DELTA_INDICATOR: &str = "2.5.29.27";

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
    /// Of a delta list: the number of the list that it changes, in hexadecimal.
    delta_base: Option<String>,
    scope: Option<Scope>,
    others: Vec<String>,
}

/// What a list is about, if not about everything that its issuer issued (RFC 5280 §5.2.5).
#[derive(Default, Serialize)]
struct Scope {
    urls: Vec<String>,
    only_user_certificates: bool,
    only_ca_certificates: bool,
    only_attribute_certificates: bool,
    only_some_reasons: bool,
    indirect: bool,
}

impl Scope {
    fn new(point: &IssuingDistributionPoint<'_>) -> Self {
        let urls = match &point.distribution_point {
            Some(DistributionPointName::FullName(names)) => {
                names.iter().map(|one| name_of(one).value).collect()
            }
            _ => Vec::new(),
        };
        Self {
            urls,
            only_user_certificates: point.only_contains_user_certs,
            only_ca_certificates: point.only_contains_ca_certs,
            only_attribute_certificates: point.only_contains_attribute_certs,
            only_some_reasons: point.only_some_reasons.is_some(),
            indirect: point.indirect_crl,
        }
    }

    fn words(&self) -> impl Iterator<Item = String> {
        let flags = [
            (
                self.only_user_certificates,
                "certificates of end entities only",
            ),
            (self.only_ca_certificates, "certificates of CAs only"),
            (
                self.only_attribute_certificates,
                "attribute certificates only",
            ),
            (self.only_some_reasons, "some reasons only"),
            (
                self.indirect,
                "certificates of other issuers too (indirect)",
            ),
        ];
        let flags = flags.into_iter().filter(|(is_set, _)| *is_set);
        let urls = self.urls.iter().map(|url| format!("for {url}"));
        urls.chain(flags.map(|(_, words)| words.to_owned()))
    }
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
        let (mut delta_base, mut scope, mut others) = (None, None, Vec::new());
        for extension in parsed.extensions() {
            let oid = extension.oid.to_id_string();
            match extension.parsed_extension() {
                ParsedExtension::CRLNumber(_) | ParsedExtension::AuthorityKeyIdentifier(_) => {}
                ParsedExtension::IssuingDistributionPoint(point) => scope = Some(Scope::new(point)),
                _ if oid == DELTA_INDICATOR => {
                    let base = Integer::from_der(extension.value);
                    delta_base = base.ok().map(|(_, base)| hex::encode(base.as_ref()));
                }
                _ if extension.critical => others.push(format!("{oid} (critical)")),
                _ => others.push(oid),
            }
        }
        Ok(Self {
            delta_base,
            scope,
            others,
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
        page.title("revocation list");
        let mut inner = Page::default();
        inner.field("issuer", &self.issuer);
        inner.optional("number", self.number.as_deref().map(number));
        inner.field("issued", moment(self.this_update, now));
        match self.next_update {
            Some(at) if at < now => {
                inner.judged("next update", false, format!("{}: LAPSED", moment(at, now)))
            }
            Some(at) => inner.field("next update", moment(at, now)),
            None => inner.judged("next update", false, "not given, so it cannot be used"),
        };
        inner.optional(
            "delta",
            self.delta_base.as_ref().map(|base| {
                format!(
                    "changes since list {}; registrars do not use it",
                    number(base)
                )
            }),
        );
        if let Some(scope) = &self.scope {
            inner.list("scope", scope.words());
        }
        inner.list("other extensions", &self.others);
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

/// A number in hexadecimal, and as people count if it is not too large.
fn number(hexadecimal: &str) -> String {
    match u64::from_str_radix(hexadecimal, 16) {
        Ok(number) => number.to_string(),
        Err(_) => format!("{hexadecimal} (hex)"),
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
