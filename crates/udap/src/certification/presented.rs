//! A certification that is recognised and holds by itself: whether its certifier is trusted is not
//! known yet.

use std::collections::HashSet;

use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use super::claims::Against;
use super::restriction::{Conflict, Registration};
use super::{AcceptedCertification, Certifiers, Fault, RecognisedCertification, StatusQuery};
use crate::algorithm::Algorithm;
use crate::certificate::{Certificate, CertificateError};
use crate::jws::{self, JwsError};
use crate::limits;
use crate::rules::ClientMetadata;
use crate::statement::TrustedStatement;
use crate::x5c::X5c;

/// Under which circumstances certifications are looked at.
pub(crate) struct Circumstances<'a> {
    pub(crate) statement: &'a TrustedStatement,
    pub(crate) metadata: &'a ClientMetadata,
    pub(crate) clock_skew: Duration,
    pub(crate) now: OffsetDateTime,
}

/// A certification that names one or more that the community recognises, whose signature and claims
/// hold, and which allows what is to be registered.
#[derive(Debug)]
pub(crate) struct Presented {
    pub(crate) index: usize,
    pub(crate) x5c: X5c,
    /// Those of the community's certifications that it names. Never empty.
    pub(crate) programs: Vec<RecognisedCertification>,
    pub(crate) status: Option<StatusQuery>,
    pub(crate) accepted: AcceptedCertification,
}

/// Looks at the certifications of a request: those that are not recognised are ignored (F02), of the
/// others the first [`limits::CERTIFICATIONS`] are judged.
///
/// # Errors
/// Everything that is wrong with any of them, and what is missing.
pub(crate) fn examine(
    circumstances: &Circumstances<'_>,
    from_der: &dyn Fn(&[u8]) -> Result<Certificate, CertificateError>,
) -> Result<Vec<Presented>, Vec<Fault>> {
    let recognised = &circumstances.statement.community().certifications;
    let mut named = HashSet::new();
    let mut seen = HashSet::new();
    let mut presented = Vec::new();
    let mut faults = Vec::new();
    let tokens = circumstances.statement.certifications().iter().enumerate();
    let recognised_ones = tokens
        .filter(|(_, token)| seen.insert(token.as_str()))
        .filter_map(|(index, token)| {
            let programs = programs(token, recognised);
            (!programs.is_empty()).then_some((index, token, programs))
        })
        .take(limits::CERTIFICATIONS);
    for (index, token, programs) in recognised_ones {
        named.extend(programs.iter().map(|program| program.uri.as_str()));
        match circumstances.judge(index, token, &programs, from_der) {
            Ok(one) => presented.push(one),
            Err(found) => faults.extend(found),
        }
    }
    let is_missing = recognised
        .iter()
        .any(|program| program.required && !named.contains(program.uri.as_str()));
    if is_missing {
        faults.push(Fault::missing());
    }
    if faults.is_empty() {
        Ok(presented)
    } else {
        Err(faults)
    }
}

/// Those of the recognised ones that a JWT names, whoever signed it.
fn programs<'a>(
    token: &str,
    recognised: &'a [RecognisedCertification],
) -> Vec<&'a RecognisedCertification> {
    let Ok((_, claims)) = jws::peek(token) else {
        return Vec::new();
    };
    let uris: HashSet<&str> = claims
        .get("certification_uris")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    recognised
        .iter()
        .filter(|program| uris.contains(program.uri.as_str()))
        .collect()
}

impl Circumstances<'_> {
    fn judge(
        &self,
        index: usize,
        token: &str,
        programs: &[&RecognisedCertification],
        from_der: &dyn Fn(&[u8]) -> Result<Certificate, CertificateError>,
    ) -> Result<Presented, Vec<Fault>> {
        let jws = jws::verify_with(token, &Algorithm::ALL, from_der)
            .map_err(|error| vec![signature_fault(index, error)])?;
        let claims = jws.payload();
        let against = Against {
            index,
            client_uri: self.statement.client_uri(),
            registration_endpoint: &self.statement.site().registration_endpoint,
            leaf: jws.x5c().leaf(),
            clock_skew: self.clock_skew,
            now: self.now,
        };
        // Whatever else is wrong, all of it is told.
        let mut faults = self.conflicts(index, claims);
        let held = against.check(claims).map_err(|found| faults.extend(found));
        if let Some(Value::String(issuer)) = claims.get("iss")
            && against.leaf.uri_names().contains(issuer)
        {
            for program in programs {
                faults.extend(self.certifier(index, program, issuer));
            }
        }
        let endpoint = claims.get("certification_status_endpoint");
        let endpoint = endpoint.and_then(Value::as_str);
        if endpoint.is_some_and(|endpoint| StatusQuery::new(endpoint, "", 0).is_none()) {
            faults.push(Fault::invalid(
                index,
                "F15",
                "certification_status_endpoint",
                "certification_status_endpoint must be an https URL",
            ));
        }
        let held = match held {
            Ok(held) if faults.is_empty() => held,
            _ => return Err(faults),
        };
        let status = held.status_endpoint.as_ref().and_then(|endpoint| {
            StatusQuery::new(endpoint, &held.jti, held.expires_at.unix_timestamp())
        });
        Ok(Presented {
            index,
            accepted: AcceptedCertification {
                token: token.to_owned(),
                name: held.name,
                issuer: held.issuer,
                uris: programs.iter().map(|one| one.uri.clone()).collect(),
                jti: held.jti,
                expires_at: held.expires_at,
                is_endorsement: held.is_endorsement,
                paths: Vec::new(),
            },
            programs: programs.iter().map(|&one| one.clone()).collect(),
            status,
            x5c: jws.into_x5c(),
        })
    }

    /// Whether whoever issued it may attest this certification.
    fn certifier(
        &self,
        index: usize,
        program: &RecognisedCertification,
        issuer: &str,
    ) -> Option<Fault> {
        match &program.certifiers {
            Certifiers::App if issuer == self.statement.client_uri() => None,
            Certifiers::App => Some(Fault::untrusted(
                index,
                "certifier_not_the_app",
                "this certification is one that the app declares itself, under its own URI",
            )),
            Certifiers::Recognised { issuers, .. } if issuers.iter().any(|one| one == issuer) => {
                None
            }
            Certifiers::Recognised { .. } => Some(Fault::untrusted(
                index,
                "certifier_not_recognised",
                "its issuer is not one whose word counts for this certification",
            )),
        }
    }

    fn conflicts(&self, index: usize, claims: &Map<String, Value>) -> Vec<Fault> {
        let key = self.statement.leaf().key().ok();
        Registration::new(self.metadata, self.statement.claims(), key)
            .conflicts(claims)
            .into_iter()
            .map(|(name, conflict)| match conflict {
                Conflict::Malformed => Fault::invalid(
                    index,
                    "F13",
                    "certification_member",
                    format!("{name} in the certification is malformed"),
                ),
                Conflict::Exceeded => Fault::invalid(
                    index,
                    "F08",
                    "certification_exceeded",
                    format!("the registration goes beyond {name} in the certification"),
                ),
            })
            .collect()
    }
}

fn signature_fault(index: usize, error: JwsError) -> Fault {
    match error {
        // Names of algorithms have one spelling (RFC 7518 §3.1), though an example has another.
        JwsError::Algorithm => Fault::invalid(
            index,
            "F14",
            "certification_alg",
            "alg must be RS256, RS384, ES256 or ES384, in capital letters",
        ),
        JwsError::Key => Fault::untrusted(index, "certifier_key", error.to_string()),
        JwsError::Signature => Fault::invalid(
            index,
            "F04",
            "certification_signature",
            "its signature does not verify with the key of the first certificate in its x5c",
        ),
        _ => Fault::invalid(index, "F04", "certification_malformed", error.to_string()),
    }
}
