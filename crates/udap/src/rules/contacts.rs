//! `contacts`: URIs, of which one at least is a `mailto:` (B28, I20, decisions 16, 17).

use serde_json::{Map, Value};
use url::Url;

use super::uri::{UriClaim, UriFault, absolute, uri_claim};
use super::{mailto, unless};
use crate::error::Violation;
use crate::limits;

static CONTACT: UriClaim = uri_claim!("contacts", "contact", "B28");

/// Schemes that run code in whatever shows them as a link.
const ACTIVE_SCHEMES: [&str; 3] = ["javascript", "data", "vbscript"];

/// The claim, with what the rule on domains needs.
#[derive(Clone, Debug)]
pub(super) struct Contacts {
    pub(super) texts: Vec<String>,
    /// Of all addresses of all `mailto:` contacts, as A-labels.
    pub(super) mail_domains: Vec<String>,
}

pub(super) fn check(claims: &Map<String, Value>) -> Result<Contacts, Vec<Violation>> {
    let fault = |code, message| Err(vec![CONTACT.violation(code, message)]);
    let array = match claims.get("contacts") {
        None => {
            return fault(
                "contacts_missing",
                "An array of contact URIs is required, at least one a mailto: URI.",
            );
        }
        Some(Value::Array(array)) => array,
        Some(_) => {
            return fault(
                "contacts_not_array",
                "Contacts must be an array of URI strings.",
            );
        }
    };
    if array.is_empty() {
        return fault(
            "contacts_empty",
            "At least one contact must be given, a mailto: URI.",
        );
    }
    if array.len() > limits::CONTACTS {
        return fault("contacts_too_many", "There must be at most 20 contacts.");
    }
    let mut violations = Vec::new();
    let mut contacts = Contacts {
        texts: Vec::new(),
        mail_domains: Vec::new(),
    };
    for (index, value) in array.iter().enumerate() {
        match contact(value) {
            Ok((text, domains)) => {
                contacts.texts.push(text.to_owned());
                contacts.mail_domains.extend(domains);
            }
            Err(violation) => violations.push(violation.at(index)),
        }
    }
    if violations.is_empty() && contacts.mail_domains.is_empty() {
        return fault(
            "contacts_no_mailto",
            "At least one contact must be an e-mail address as a mailto: URI.",
        );
    }
    unless(violations, contacts)
}

/// The text of a contact and the domains of its addresses, if it is a `mailto:` URI.
fn contact(value: &Value) -> Result<(&str, Vec<String>), Violation> {
    let text = value
        .as_str()
        .ok_or_else(|| CONTACT.violation(CONTACT.not_string, "A contact must be a URI string."))?;
    if text.contains('|') {
        return Err(CONTACT.violation("contact_pipe", "A contact must not hold a vertical bar."));
    }
    let url = absolute(text).map_err(|fault| match fault {
        UriFault::NotAbsolute => CONTACT.violation(
            CONTACT.not_absolute,
            "A contact must be a URI: an e-mail address is written with mailto: before it.",
        ),
        other => CONTACT.fault(other),
    })?;
    if ACTIVE_SCHEMES.contains(&url.scheme()) {
        return Err(CONTACT.violation(
            "contact_scheme",
            "A contact must be a URI by which someone can be reached, such as mailto:, tel: or \
             https:.",
        ));
    }
    Ok((text, mail_domains(text, &url)?))
}

fn mail_domains(text: &str, url: &Url) -> Result<Vec<String>, Violation> {
    if url.scheme() != "mailto" {
        return Ok(Vec::new());
    }
    text.split_once(':')
        .and_then(|(_, addresses)| mailto::domains(addresses))
        .ok_or_else(|| {
            CONTACT.violation(
                "contact_address",
                "A mailto: contact must hold valid addresses whose domains include a top level \
                 domain.",
            )
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn codes(contacts: Value) -> Vec<&'static str> {
        let claims = Map::from_iter([("contacts".to_owned(), contacts)]);
        check(&claims)
            .err()
            .unwrap_or_default()
            .iter()
            .map(|violation| violation.code)
            .collect()
    }

    /// Proves: B28
    #[test]
    fn uris_with_a_mailto_among_them_are_kept_verbatim() {
        let contacts = json!(["tel:+1-201-555-0123", "MAILTO:Ops@Example.org?subject=x"]);
        let claims = Map::from_iter([("contacts".to_owned(), contacts.clone())]);
        let kept = check(&claims).unwrap();
        assert_eq!(json!(kept.texts), contacts);
        assert_eq!(kept.mail_domains, ["example.org"]);
    }

    /// Proves: B28
    #[test]
    fn missing_empty_or_without_a_mailto_is_refused() {
        assert_eq!(check(&Map::new()).unwrap_err()[0].code, "contacts_missing");
        assert_eq!(
            codes(json!("mailto:ops@example.org")),
            ["contacts_not_array"]
        );
        assert_eq!(codes(json!([])), ["contacts_empty"]);
        assert_eq!(
            codes(json!(["https://example.org"])),
            ["contacts_no_mailto"]
        );
        assert_eq!(
            codes(json!(vec!["mailto:ops@example.org"; 21])),
            ["contacts_too_many"]
        );
    }

    /// Proves: I19, I20
    #[test]
    fn one_contact_at_fault_is_refused_even_beside_a_good_one() {
        for (contact, code) in [
            (json!("ops@example.org"), "contact_not_absolute"),
            (json!(7), "contact_not_string"),
            (json!(""), "contact_not_absolute"),
            (json!("mailto:ops@bücher.de"), "contact_characters"),
            (json!("mailto:ops@example"), "contact_address"),
            (json!("mailto:ops@example.org."), "contact_address"),
            (json!("mailto:"), "contact_address"),
            (json!("mailto:a|b@example.org"), "contact_pipe"),
            (json!("https://user@example.org/"), "contact_userinfo"),
            (json!("javascript:alert(1)"), "contact_scheme"),
        ] {
            let found = codes(json!(["mailto:ops@example.org", contact]));
            assert_eq!(found, [code]);
        }
    }
}
