//! What every URI in client metadata has to be: absolute, of bounded length, in the characters of
//! RFC 3986, without user information, and written so that every reader sees the same host.
//!
//! The `url` crate reads as browsers do: it drops tabs and surrounding spaces, takes `\` for `/`
//! and forgives missing slashes. What is registered is compared octet by octet by others, so
//! whatever it would mend is refused before it is asked.

use serde_json::Value;
use url::{Host, Url};

use crate::error::Violation;
use crate::limits;

/// Why a text is no such URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UriFault {
    TooLong,
    Characters,
    NotAbsolute,
    UserInfo,
    HostSpelling,
}

/// Parses a URI. The result serves to look at parts; what is kept is the text.
pub(super) fn absolute(text: &str) -> Result<Url, UriFault> {
    if text.len() > limits::URI_BYTES {
        return Err(UriFault::TooLong);
    }
    if !has_uri_characters(text) {
        return Err(UriFault::Characters);
    }
    let (scheme, rest) = text.split_once(':').ok_or(UriFault::NotAbsolute)?;
    let url = Url::parse(text).map_err(|_| UriFault::NotAbsolute)?;
    if !url.scheme().eq_ignore_ascii_case(scheme) {
        return Err(UriFault::NotAbsolute);
    }
    let authority = rest
        .strip_prefix("//")
        .map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    if authority.is_some_and(|authority| authority.contains('@')) {
        return Err(UriFault::UserInfo);
    }
    if url.is_special() {
        let authority = authority
            .filter(|authority| !authority.is_empty())
            .ok_or(UriFault::NotAbsolute)?;
        // An address may be spelled in many ways, all of which are an address to the parser; a
        // name has one.
        if let Some(Host::Domain(host)) = url.host() {
            let written = authority.split(':').next().unwrap_or_default();
            if !written.eq_ignore_ascii_case(host) {
                return Err(UriFault::HostSpelling);
            }
        }
    }
    Ok(url)
}

/// RFC 3986 §2: unreserved, reserved, and complete percent-encodings.
fn has_uri_characters(text: &str) -> bool {
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        let allowed = match octet {
            b'%' => [octets.next(), octets.next()]
                .iter()
                .all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit())),
            _ => octet.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(&octet),
        };
        if !allowed {
            return false;
        }
    }
    true
}

/// A claim that holds a URI: its name, its rule and the codes of its violations.
#[derive(Debug)]
pub(super) struct UriClaim {
    pub(super) claim: &'static str,
    pub(super) rule: &'static str,
    pub(super) missing: &'static str,
    pub(super) not_string: &'static str,
    pub(super) not_https: &'static str,
    pub(super) not_public: &'static str,
    pub(super) too_long: &'static str,
    pub(super) characters: &'static str,
    pub(super) not_absolute: &'static str,
    pub(super) userinfo: &'static str,
    pub(super) host: &'static str,
}

/// The codes of a claim, all with one prefix.
macro_rules! uri_claim {
    ($claim:literal, $prefix:literal, $rule:literal) => {
        $crate::rules::uri::UriClaim {
            claim: $claim,
            rule: $rule,
            missing: concat!($prefix, "_missing"),
            not_string: concat!($prefix, "_not_string"),
            not_https: concat!($prefix, "_not_https"),
            not_public: concat!($prefix, "_not_public"),
            too_long: concat!($prefix, "_too_long"),
            characters: concat!($prefix, "_characters"),
            not_absolute: concat!($prefix, "_not_absolute"),
            userinfo: concat!($prefix, "_userinfo"),
            host: concat!($prefix, "_host"),
        }
    };
}
pub(super) use uri_claim;

impl UriClaim {
    /// The text and the parsed URI of a value.
    pub(super) fn parse<'a>(&self, value: &'a Value) -> Result<(&'a str, Url), Violation> {
        let text = value
            .as_str()
            .ok_or_else(|| self.violation(self.not_string, "The URI must be a string."))?;
        absolute(text)
            .map(|url| (text, url))
            .map_err(|fault| self.fault(fault))
    }

    pub(super) fn fault(&self, fault: UriFault) -> Violation {
        let (code, message) = match fault {
            UriFault::TooLong => (self.too_long, "The URI must have at most 2048 octets."),
            UriFault::Characters => (
                self.characters,
                "The URI must consist of the characters of RFC 3986, others percent-encoded.",
            ),
            UriFault::NotAbsolute => (
                self.not_absolute,
                "The URI must be absolute: a scheme, and with http and https two slashes and a host.",
            ),
            UriFault::UserInfo => (self.userinfo, "The URI must not hold user information."),
            UriFault::HostSpelling => (
                self.host,
                "The host must be written plainly, without percent-encoding.",
            ),
        };
        self.violation(code, message)
    }

    pub(super) fn https(&self, url: &Url) -> Result<(), Violation> {
        if url.scheme() == "https" {
            Ok(())
        } else {
            Err(self.violation(self.not_https, "The URI must use https."))
        }
    }

    pub(super) fn violation(&self, code: &'static str, message: &'static str) -> Violation {
        Violation::of(self.rule, self.claim, code, message)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Proves: B27
    #[test]
    fn what_the_parser_would_mend_is_refused() {
        use UriFault::{Characters, HostSpelling, NotAbsolute, UserInfo};
        for (text, fault) in [
            ("", NotAbsolute),
            ("/cb", NotAbsolute),
            ("//app.example.org/cb", NotAbsolute),
            ("https:", NotAbsolute),
            ("https:app.example.org", NotAbsolute),
            ("https:/app.example.org", NotAbsolute),
            ("https:///app.example.org", NotAbsolute),
            ("https://", NotAbsolute),
            ("https://app.example.org:99999/", NotAbsolute),
            (" https://app.example.org", Characters),
            ("https://app.example.org/a b", Characters),
            ("https://app.example.org/\t", Characters),
            ("https://app.example.org\\@evil.example", Characters),
            ("https://app.example.org/%zz", Characters),
            ("https://app.example.org/%4", Characters),
            ("https://app.example.org/ä", Characters),
            ("https://app.example.org/a|b", Characters),
            ("https://user@app.example.org/", UserInfo),
            ("https://@app.example.org/", UserInfo),
            ("https://user:pass@app.example.org/", UserInfo),
            ("https://app.ex%61mple.org/", HostSpelling),
        ] {
            assert_eq!(absolute(text), Err(fault), "{text}");
        }
        assert_eq!(
            absolute(&format!("https://a.org/{}", "x".repeat(2_048))),
            Err(UriFault::TooLong)
        );
    }

    #[test]
    fn plain_uris_of_any_scheme_are_taken() {
        for text in [
            "https://app.example.org",
            "https://APP.example.org:8443/cb?x=%2F#frag",
            "https://xn--bcher-kva.example/",
            "https://[::1]/cb",
            "mailto:ops@example.org",
            "tel:+1-201-555-0123",
            "urn:oid:2.999",
            "com.example.app:/cb",
        ] {
            assert!(absolute(text).is_ok(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_is_taken_is_clean(text in "\\PC{0,60}|(https?|mailto|x):[/\\\\]{0,3}[a-z0-9.@:%\\[\\] \\t|-]{0,30}") {
            if let Ok(url) = absolute(&text) {
                prop_assert!(text.is_ascii() && !text.contains([' ', '\\', '|', '\t']));
                prop_assert!(url.username().is_empty() && url.password().is_none());
                if let Some(Host::Domain(host)) = url.host().filter(|_| url.is_special()) {
                    let written = format!("://{host}");
                    prop_assert!(text.to_ascii_lowercase().contains(&written));
                }
            }
        }
    }
}
