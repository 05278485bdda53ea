//! JWTs: software statements, signed metadata, authentication tokens, certifications.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use udap::algorithm::Algorithm;
use udap::certification::is_redirect_pattern;
use udap::jws::{self, JwsError};
use udap::limits;

use super::certificate::CertificateReport;
use super::document::plain;
use crate::output::{Page, moment};

/// Three calendar years have one leap day at most (F06).
const LONGEST_CERTIFICATION: time::Duration = time::Duration::days(3 * 365 + 1);

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
        let title = if is_certification(&self.claims) {
            match self.claims.get("is_endorsement") {
                Some(Value::Bool(true)) => "endorsement",
                _ => "certification",
            }
        } else if self.claims.contains_key("token_endpoint_auth_method")
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
        page.title(title);
        let mut inner = Page::default();
        for (name, value) in &self.header {
            inner.field(&format!("{name} (header)"), plain(value));
        }
        match &self.signature_problem {
            None => inner.field(
                "signature",
                "made with the key of x5c[0] (whom to trust is another question)",
            ),
            Some(problem) => inner.judged("signature", false, format!("NOT GOOD: {problem}")),
        };
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
        inner.faults("note", &self.notes);
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
    if is_certification(claims) {
        notes.extend(certification_notes(claims, x5c));
    } else if claims.get("sub") != claims.get("iss") {
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
    let is_statement = claims.contains_key("grant_types") && !is_certification(claims);
    if let (true, Some(issued_at), Some(expires_at)) = (is_statement, issued_at, expires_at)
        && expires_at - issued_at > limits::STATEMENT_LIFETIME
    {
        notes.push("it lives longer than 300 seconds (B14)".to_owned());
    }
    notes
}

/// Only certifications have a name of this kind (F13).
fn is_certification(claims: &Map<String, Value>) -> bool {
    claims.contains_key("certification_name")
}

/// What a registrar would stumble over in a certification.
fn certification_notes(claims: &Map<String, Value>, x5c: &[CertificateReport]) -> Vec<String> {
    let mut notes = Vec::new();
    let is_self_signed = claims.get("sub") == claims.get("iss");
    if is_self_signed {
        notes.push("the app certifies itself".to_owned());
    } else if !claims.contains_key("certification_issuer") {
        notes.push("certification_issuer is missing (F13)".to_owned());
    }
    if !claims.contains_key("certification_uris") {
        notes.push("without certification_uris no server recognises it (F02, F13)".to_owned());
    }
    if claims.contains_key("jwks_uri") {
        notes.push("jwks_uri is forbidden in a certification (F13)".to_owned());
    }
    let (issued_at, expires_at) = (date(claims.get("iat")), date(claims.get("exp")));
    if let (Some(issued_at), Some(expires_at)) = (issued_at, expires_at)
        && expires_at - issued_at > LONGEST_CERTIFICATION
    {
        notes.push("it lives longer than three years (F06)".to_owned());
    }
    if let (Some(expires_at), Some(leaf)) = (expires_at, x5c.first())
        && expires_at > leaf.not_after()
    {
        notes.push("it outlives its certificate (F06)".to_owned());
    }
    let redirects = claims.get("redirect_uris").and_then(Value::as_array);
    let redirects = redirects.into_iter().flatten().filter_map(Value::as_str);
    for uri in redirects.filter(|uri| !is_redirect_pattern(uri)) {
        notes.push(format!("{uri}: a wildcard stands in the wrong place (F08)"));
    }
    notes
}

fn date(value: Option<&Value>) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(value?.as_i64()?).ok()
}
