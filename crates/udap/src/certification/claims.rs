//! The claims of a certification itself (F05, F06, F13, IG §7.4.1).

use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use super::Fault;
use crate::certificate::Certificate;
use crate::jwt;
use crate::limits;

/// What the claims are held against.
pub(super) struct Against<'a> {
    pub(super) index: usize,
    /// The app's `iss`.
    pub(super) client_uri: &'a str,
    pub(super) registration_endpoint: &'a str,
    /// The certifier's certificate.
    pub(super) leaf: &'a Certificate,
    pub(super) clock_skew: Duration,
    pub(super) now: OffsetDateTime,
}

/// What holds of the claims.
pub(super) struct Held {
    pub(super) issuer: String,
    pub(super) name: String,
    pub(super) jti: String,
    pub(super) expires_at: OffsetDateTime,
    pub(super) is_endorsement: bool,
    pub(super) status_endpoint: Option<String>,
}

/// Texts that may be there and mean nothing to a server.
const TEXTS: [&str; 3] = [
    "certification_logo",
    "certification_description",
    "developer_name",
];

impl Against<'_> {
    /// Judges all claims but those that restrict what may be registered.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub(super) fn check(&self, claims: &Map<String, Value>) -> Result<Held, Vec<Fault>> {
        let mut faults = Vec::new();
        let issuer = self.issuer(claims);
        let lifetime = self.lifetime(claims);
        let name = self.name(claims);
        let jti = jwt::token_id(claims).ok_or_else(|| {
            self.fault(
                "F05",
                "certification_jti",
                "jti is required, as a string of 1 to 256 characters without control characters",
            )
        });
        if claims.get("sub").and_then(Value::as_str) != Some(self.client_uri) {
            faults.push(self.fault(
                "F05",
                "certification_sub",
                "sub must be the iss of the software statement",
            ));
        }
        if claims.contains_key("aud") && !jwt::is_for(claims, self.registration_endpoint) {
            faults.push(self.fault(
                "F05",
                "certification_aud",
                "aud, if present, must name this server's registration endpoint",
            ));
        }
        let is_endorsement = match claims.get("is_endorsement") {
            None => Some(false),
            Some(value) => value.as_bool(),
        };
        let status_endpoint = match claims.get("certification_status_endpoint") {
            None => Some(None),
            Some(value) => value.as_str().map(|text| Some(text.to_owned())),
        };
        faults.extend(self.form(claims));
        match (issuer, name, jti, lifetime, is_endorsement, status_endpoint) {
            (
                Ok(issuer),
                Ok(name),
                Ok(jti),
                Ok(expires_at),
                Some(is_endorsement),
                Some(status_endpoint),
            ) if faults.is_empty() => Ok(Held {
                issuer,
                name,
                jti: jti.to_owned(),
                expires_at,
                is_endorsement,
                status_endpoint,
            }),
            (issuer, name, jti, lifetime, is_endorsement, status_endpoint) => {
                faults.extend(issuer.err());
                faults.extend(name.err());
                faults.extend(jti.err());
                faults.extend(lifetime.err());
                if is_endorsement.is_none() || status_endpoint.is_none() {
                    faults.push(self.malformed());
                }
                Err(faults)
            }
        }
    }

    fn fault(&self, rule: &'static str, code: &'static str, message: &'static str) -> Fault {
        Fault::invalid(self.index, rule, code, message)
    }

    fn malformed(&self) -> Fault {
        self.fault(
            "F13",
            "certification_member",
            "a member of the certification is not of the type that it should have",
        )
    }

    /// A URI of the certifier's certificate, octet by octet.
    fn issuer(&self, claims: &Map<String, Value>) -> Result<String, Fault> {
        match claims.get("iss") {
            Some(Value::String(iss)) if self.leaf.uri_names().contains(iss) => Ok(iss.clone()),
            _ => Err(self.fault(
                "F05",
                "certification_iss",
                "iss must equal, letter by letter, a URI in the subject alternative name of the \
                 certificate that signed it",
            )),
        }
    }

    /// `certification_name`, and whose program it is.
    fn name(&self, claims: &Map<String, Value>) -> Result<String, Fault> {
        let is_text = |name: &str| {
            let text = claims.get(name).and_then(Value::as_str);
            text.is_some_and(|text| !text.trim().is_empty())
        };
        let is_self_signed = claims.get("iss") == claims.get("sub");
        if !is_text("certification_issuer") && !is_self_signed {
            return Err(self.fault(
                "F13",
                "certification_issuer",
                "certification_issuer is required, unless the app certifies itself",
            ));
        }
        match claims.get("certification_name") {
            Some(Value::String(name)) if !name.trim().is_empty() => Ok(name.clone()),
            _ => Err(self.fault(
                "F13",
                "certification_name",
                "certification_name is required, as a string",
            )),
        }
    }

    fn lifetime(&self, claims: &Map<String, Value>) -> Result<OffsetDateTime, Fault> {
        let instant = |claim| {
            jwt::instant(claims, claim).ok_or_else(|| {
                self.fault(
                    "F05",
                    "certification_time",
                    "iat and exp are required, as integers of seconds since 1970",
                )
            })
        };
        let issued_at = instant("iat")?;
        let expires_at = instant("exp")?;
        if issued_at > self.now + self.clock_skew {
            return Err(self.fault(
                "F05",
                "certification_iat",
                "iat lies in the future: check the certifier's clock",
            ));
        }
        if claims.contains_key("nbf") && instant("nbf")? > self.now + self.clock_skew {
            return Err(self.fault(
                "F05",
                "certification_nbf",
                "the certification is not valid yet",
            ));
        }
        if expires_at <= self.now - self.clock_skew || expires_at <= issued_at {
            return Err(self.fault(
                "F05",
                "certification_expired",
                "the certification has expired",
            ));
        }
        if expires_at > years_after(issued_at, limits::CERTIFICATION_YEARS) {
            return Err(self.fault(
                "F06",
                "certification_lifetime",
                "exp may be at most three years later than iat",
            ));
        }
        if expires_at > self.leaf.not_after() {
            return Err(self.fault(
                "F06",
                "certification_outlives_certificate",
                "exp must not be later than the end of the certificate that signed it",
            ));
        }
        Ok(expires_at)
    }

    /// Members that must be of a type, or absent.
    fn form(&self, claims: &Map<String, Value>) -> Vec<Fault> {
        let mut faults = Vec::new();
        if claims.contains_key("jwks_uri") {
            faults.push(self.fault(
                "F13",
                "certification_jwks_uri",
                "jwks_uri must not be used: name keys in jwks",
            ));
        }
        let is = |name: &str, fits: fn(&Value) -> bool| claims.get(name).is_none_or(fits);
        let all_texts = |value: &Value| {
            let elements = value.as_array();
            elements.is_some_and(|all| all.iter().all(Value::is_string))
        };
        let are_well_formed = TEXTS.iter().all(|name| is(name, Value::is_string))
            && is("developer_address", Value::is_object)
            && is("extensions", Value::is_object)
            && is("certification_uris", all_texts)
            && is("ip_allowed", all_texts);
        if !are_well_formed {
            faults.push(self.malformed());
        }
        let contacts = claims.get("contacts").and_then(Value::as_array);
        let is_reachable = |value: &Value| {
            let text = value.as_str().unwrap_or_default();
            text.starts_with("mailto:") || text.starts_with("https:")
        };
        if !contacts.into_iter().flatten().all(is_reachable) {
            faults.push(self.fault(
                "F13",
                "certification_contacts",
                "contacts of a certification must be mailto: or https: URIs",
            ));
        }
        let grants = claims.get("grant_types").and_then(Value::as_array);
        let for_services = grants.is_some_and(|all| {
            !all.is_empty() && all.iter().all(|grant| grant == "client_credentials")
        });
        if for_services && claims.contains_key("redirect_uris") {
            faults.push(self.fault(
                "F13",
                "certification_redirect_uris",
                "redirect_uris must be absent from a certification for client_credentials",
            ));
        }
        faults
    }
}

/// The same moment so many years later; of 29 February, 1 March.
fn years_after(moment: OffsetDateTime, years: i32) -> OffsetDateTime {
    let year = moment.year().saturating_add(years);
    moment.replace_year(year).unwrap_or_else(|_| {
        let days = Duration::days(365 * i64::from(years) + 1);
        moment.checked_add(days).unwrap_or(moment)
    })
}
