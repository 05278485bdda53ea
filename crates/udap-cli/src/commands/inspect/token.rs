//! JWTs: software statements, signed metadata, authentication tokens, certifications.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use udap::algorithm::Algorithm;
use udap::jws::{self, JwsError};
use udap::limits;

use super::certificate::CertificateReport;
use super::document::plain;
use crate::output::{Page, moment};

/// Claims that are seconds since 1970.
const TIMES: [&str; 4] = ["iat", "exp", "nbf", "auth_time"];

/// A JWT, read without being believed.
#[derive(Serialize)]
pub(super) struct TokenReport {
    header: Map<String, Value>,
    x5c: Vec<CertificateReport>,
    /// Whether the signature is that of `x5c[0]`.
    signature_valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature_problem: Option<String>,
    claims: Map<String, Value>,
    notes: Vec<String>,
}

impl TokenReport {
    /// Takes a compact JWS apart.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn new(token: &str, now: OffsetDateTime) -> Result<Self, JwsError> {
        let (mut header, claims) = jws::peek(token)?;
        let x5c = certificates(header.remove("x5c"));
        let signature = jws::verify(token, &Algorithm::ALL).err();
        let notes = notes(&claims, &x5c, now);
        Ok(Self {
            header,
            x5c,
            signature_valid: signature.is_none(),
            signature_problem: signature.map(|error| error.to_string()),
            claims,
            notes,
        })
    }

    pub(super) fn write(&self, page: &mut Page, now: OffsetDateTime) {
        let title = if self.claims.contains_key("token_endpoint_auth_method")
            || self.claims.contains_key("grant_types")
        {
            "software statement"
        } else if self.claims.contains_key("registration_endpoint") {
            "signed metadata"
        } else {
            "JWT"
        };
        self.write_titled(title, page, now);
    }

    pub(super) fn write_titled(&self, title: &str, page: &mut Page, now: OffsetDateTime) {
        page.line(title);
        let mut inner = Page::default();
        for (name, value) in &self.header {
            inner.field(&format!("{name} (header)"), plain(value));
        }
        inner.field(
            "signature",
            match &self.signature_problem {
                None => {
                    "made with the key of x5c[0] (whom to trust is another question)".to_owned()
                }
                Some(problem) => format!("NOT GOOD: {problem}"),
            },
        );
        for (position, certificate) in self.x5c.iter().enumerate() {
            inner.field(&format!("x5c[{position}]"), certificate.summary(now));
            inner.list("", certificate.uri_names());
        }
        inner.blank();
        for (name, value) in &self.claims {
            let time = TIMES
                .contains(&name.as_str())
                .then(|| date(Some(value)))
                .flatten();
            inner.field(
                name,
                match time {
                    Some(at) => format!("{} = {}", plain(value), moment(at, now)),
                    None => plain(value),
                },
            );
        }
        inner.list("note", &self.notes);
        page.nested(inner);
    }
}

fn certificates(x5c: Option<Value>) -> Vec<CertificateReport> {
    let Some(Value::Array(entries)) = x5c else {
        return Vec::new();
    };
    let entries = entries.iter().take(limits::X5C_CERTIFICATES);
    entries
        .filter_map(|entry| STANDARD.decode(entry.as_str()?).ok())
        .filter_map(|der| CertificateReport::new(&der).ok())
        .collect()
}

/// What a registrar or client would stumble over.
fn notes(
    claims: &Map<String, Value>,
    x5c: &[CertificateReport],
    now: OffsetDateTime,
) -> Vec<String> {
    let mut notes = Vec::new();
    let issuer = claims.get("iss").and_then(Value::as_str);
    if let (Some(issuer), Some(leaf)) = (issuer, x5c.first())
        && !leaf.uri_names().any(|name| name == issuer)
    {
        notes.push("iss is no URI of the certificate (B11)".to_owned());
    }
    if claims.get("sub") != claims.get("iss") {
        notes
            .push("sub is not iss, as it must be in statements and metadata (B12, A29)".to_owned());
    }
    let (issued_at, expires_at) = (date(claims.get("iat")), date(claims.get("exp")));
    match expires_at {
        Some(at) if at <= now => notes.push("it has expired".to_owned()),
        None => notes.push("exp is no whole number of seconds (B14, A29)".to_owned()),
        _ => {}
    }
    if issued_at.is_some_and(|at| at > now + limits::CLOCK_SKEW) {
        notes.push("iat is in the future".to_owned());
    }
    let is_statement = claims.contains_key("grant_types");
    if let (true, Some(issued_at), Some(expires_at)) = (is_statement, issued_at, expires_at)
        && expires_at - issued_at > limits::STATEMENT_LIFETIME
    {
        notes.push("it lives longer than 300 seconds (B14)".to_owned());
    }
    notes
}

fn date(value: Option<&Value>) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(value?.as_i64()?).ok()
}
