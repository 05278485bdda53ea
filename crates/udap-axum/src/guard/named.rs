//! Whom a token request names as its client, in any of the ways that the FHIR server would read.
//!
//! It reads forms with PHP's rules, and ids with its database's: what those take for one of our apps must
//! not look like another here. What cannot be read is refused, not passed.

use std::collections::BTreeSet;

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};
use udap::limits;
use udap::token::TokenRefusal;

use crate::error::HttpError;
use crate::token::is_form;

/// Ids that one request may name: an honest one names the same one, two or three times.
const IDS: usize = 8;

const CLIENT_ID: &str = "client_id";
const ASSERTION: &str = "client_assertion";
const ASSERTION_TYPE: &str = "client_assertion_type";

/// The claims that say who signed an assertion.
const SUBJECTS: [&str; 2] = ["sub", "iss"];

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const BASE64URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);

/// The ids that a request names, as they are spelt there, without spaces around them.
///
/// # Errors
/// If its body is no form, or somebody is named in a way that cannot be read.
pub(super) fn clients(
    headers: &HeaderMap,
    query: Option<&str>,
    body: &[u8],
) -> Result<BTreeSet<String>, HttpError> {
    // PHP reads other bodies, too.
    let is_plain = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
    let is_read = body.is_empty() || (is_form(headers) && is_plain);
    if !is_read {
        return Err(HttpError::NotAForm);
    }
    let unreadable = || HttpError::TokenRefused(TokenRefusal::unreadable_client());
    let mut ids = Ids::default();
    let query = query.unwrap_or_default();
    let parameters =
        url::form_urlencoded::parse(body).chain(url::form_urlencoded::parse(query.as_bytes()));
    for (name, value) in parameters {
        let name = php_name(&name);
        if is_named(&name, CLIENT_ID) {
            ids.add(&value).ok_or_else(unreadable)?;
        } else if is_named(&name, ASSERTION)
            && !is_named(&name, ASSERTION_TYPE)
            && !value.is_empty()
        {
            ids.add_signer(&value).ok_or_else(unreadable)?;
        }
    }
    let mut authorizations = headers.get_all(header::AUTHORIZATION).iter();
    if let Some(value) = authorizations.next() {
        ids.add_basic(value.as_bytes()).ok_or_else(unreadable)?;
    }
    // A web server may join several to one that names somebody else.
    if authorizations.next().is_some() {
        return Err(unreadable());
    }
    if ids.0.len() > IDS {
        return Err(unreadable());
    }
    Ok(ids.0)
}

/// A parameter's name as PHP makes a variable of it: it ends at a NUL, spaces before it are dropped, and
/// what no variable may have becomes an underscore. An array's index is left at its end.
fn php_name(name: &str) -> String {
    let name = name.split('\0').next().unwrap_or_default();
    name.trim_start_matches(' ')
        .replace([' ', '.', '['], "_")
        .to_ascii_lowercase()
}

/// Whether it is that variable, or a member of an array of that name.
fn is_named(name: &str, wanted: &str) -> bool {
    name.strip_prefix(wanted)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}

#[derive(Default)]
struct Ids(BTreeSet<String>);

impl Ids {
    /// `None`: it cannot be told which ids the database would take it for.
    fn add(&mut self, id: &str) -> Option<()> {
        if !id.bytes().all(|octet| matches!(octet, b' '..=b'~')) {
            return None;
        }
        let id = id.trim_matches(' ');
        // No client has a longer one, or none.
        if !id.is_empty() && id.len() <= limits::CLIENT_ID_BYTES {
            self.0.insert(id.to_owned());
        }
        Some(())
    }

    /// By an assertion that nobody has verified.
    fn add_signer(&mut self, assertion: &str) -> Option<()> {
        let claims = assertion.split('.').nth(1)?;
        let claims = BASE64URL.decode(claims).ok()?;
        let claims: Map<String, Value> = serde_json::from_slice(&claims).ok()?;
        let mut named = false;
        for claim in SUBJECTS {
            match claims.get(claim) {
                None => {}
                Some(Value::String(id)) => {
                    self.add(id)?;
                    named = true;
                }
                Some(_) => return None,
            }
        }
        named.then_some(())
    }

    /// By HTTP Basic, which PHP decodes whatever stands between.
    fn add_basic(&mut self, value: &[u8]) -> Option<()> {
        let value = std::str::from_utf8(value).ok()?.trim_start();
        let (scheme, credentials) = value.split_once(char::is_whitespace).unwrap_or((value, ""));
        if !scheme.eq_ignore_ascii_case("basic") {
            return Some(());
        }
        let credentials: String = credentials
            .chars()
            .filter(|it| it.is_ascii_alphanumeric() || matches!(it, '+' | '/'))
            .collect();
        let credentials = BASE64.decode(credentials).ok()?;
        let credentials = std::str::from_utf8(&credentials).ok()?;
        let user = credentials.split(':').next().unwrap_or_default();
        self.add(user)?;
        // RFC 6749 §2.3.1 has it form-encoded.
        let form = format!("user={user}");
        url::form_urlencoded::parse(form.as_bytes()).try_for_each(|(_, user)| self.add(&user))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const FORM: &str = "application/x-www-form-urlencoded";

    fn named(headers: &[(header::HeaderName, &str)], query: &str, body: &str) -> String {
        let mut read = HeaderMap::new();
        for (name, value) in headers {
            read.append(name.clone(), HeaderValue::from_str(value).unwrap());
        }
        match clients(&read, Some(query), body.as_bytes()) {
            Ok(ids) => ids.into_iter().collect::<Vec<_>>().join(" "),
            Err(error) => error.code().to_owned(),
        }
    }

    fn of_form(body: &str) -> String {
        named(&[(header::CONTENT_TYPE, FORM)], "", body)
    }

    fn of_claims(claims: &str) -> String {
        of_form(&format!(
            "client_assertion=x.{}.y",
            BASE64URL.encode(claims)
        ))
    }

    fn of_basic(value: &str) -> String {
        named(&[(header::AUTHORIZATION, value)], "", "")
    }

    #[test]
    fn a_form_names_its_client_in_every_spelling_that_php_reads() {
        assert_eq!(of_form("grant_type=password&username=x"), "");
        for body in [
            "a=b&client_id=the-id&client_id=the-id",
            "client_id=the-id+",
            "client_id=the-id%20%20",
            "client%5Fid=%74he-id",
            "client.id=the-id",
            "client+id=the-id",
            "client%5Bid=the-id",
            "++client_id=the-id",
            "client_id%00x=the-id",
            "client_id%5B%5D=the-id",
            "client_id%5Ba%5D%5Bb%5D=the-id",
            "Client_ID=the-id",
        ] {
            assert_eq!(of_form(body), "the-id", "{body}");
        }
        // Whether case counts is the table's affair.
        assert_eq!(of_form("client_id=The-ID"), "The-ID");
        assert_eq!(named(&[], "client_id=the-id", ""), "the-id");
        assert_eq!(of_form("client_id=a&client_id=b"), "a b");
        assert_eq!(of_form("my_client_id=a&client_identity=b&client_id="), "");
        assert_eq!(of_form(&format!("client_id={}", "a".repeat(81))), "");
    }

    #[test]
    fn an_id_that_a_collation_could_fold_is_refused() {
        for body in [
            "client_id=th%C3%A9-id",
            "client_id=the-id%00",
            "client_id=the%C2%ADid",
            "client_id=the-id%0A",
            "client_id=%FF",
            "client_id=a&client_id=b&client_id=c&client_id=d&client_id=e&client_id=f&client_id=g\
             &client_id=h&client_id=i",
        ] {
            assert_eq!(of_form(body), "invalid_client", "{body}");
        }
    }

    #[test]
    fn an_assertion_names_whom_it_says_it_is_from() {
        assert_eq!(of_claims(r#"{"sub": "The-ID", "iss": "The-ID"}"#), "The-ID");
        assert_eq!(of_claims(r#"{"sub": "a", "iss": "b"}"#), "a b");
        assert_eq!(of_claims(r#"{"sub": "a", "sub": "\u0062"}"#), "b");
        for claims in [
            r#"{"sub": 7}"#,
            r#"{"aud": "x"}"#,
            r#"{"sub": "a\u0000"}"#,
            "rubbish",
        ] {
            assert_eq!(of_claims(claims), "invalid_client", "{claims}");
        }
        assert_eq!(of_form("client_assertion=rubbish"), "invalid_client");
        assert_eq!(of_form("client_assertion%5B%5D=rubbish"), "invalid_client");
        assert_eq!(
            of_form("client_assertion_type=rubbish&client_assertion="),
            ""
        );
    }

    #[test]
    fn a_header_names_whom_php_finds_in_it() {
        for value in [
            "Basic VGhlLUlEOnNlY3JldA==",
            "basic VGhlLUlEOnNlY3JldA",
            "Basic  VGhl\u{2d}LUlE-OnNl*Y3JldA==",
            "BASIC\tVGhlLUlE",
        ] {
            assert_eq!(of_basic(value), "The-ID", "{value}");
        }
        assert_eq!(of_basic("Basic YSUyZGI6c2VjcmV0"), "a%2db a-b");
        assert_eq!(of_basic("Bearer VGhlLUlEOnNlY3JldA=="), "");
        assert_eq!(of_basic("Basic w6k6c2VjcmV0"), "invalid_client");
        assert_eq!(of_basic("Basic A"), "invalid_client");
        let joined = [
            (header::AUTHORIZATION, "Basic !"),
            (header::AUTHORIZATION, "VGhlLUlEOg=="),
        ];
        assert_eq!(named(&joined, "", ""), "invalid_client");
        let two = [
            (header::AUTHORIZATION, "Basic YTp4"),
            (header::CONTENT_TYPE, FORM),
        ];
        assert_eq!(named(&two, "client_id=c", "client_id=b"), "a b c");
    }

    #[test]
    fn a_body_that_is_no_form_is_refused() {
        for headers in [
            vec![],
            vec![(header::CONTENT_TYPE, "multipart/form-data; boundary=x")],
            vec![(header::CONTENT_TYPE, "application/json")],
            vec![
                (header::CONTENT_TYPE, FORM),
                (header::CONTENT_ENCODING, "gzip"),
            ],
        ] {
            let code = named(&headers, "", "client_id=a");
            assert_eq!(code, "unsupported_media_type", "{headers:?}");
        }
        let mut twice = HeaderMap::new();
        twice.append(header::CONTENT_TYPE, HeaderValue::from_static(FORM));
        twice.append(
            header::CONTENT_TYPE,
            HeaderValue::from_static("multipart/form-data"),
        );
        assert_eq!(clients(&twice, None, b"a=b"), Err(HttpError::NotAForm));
        let stated = format!("{FORM}; charset=UTF-8");
        assert_eq!(
            named(&[(header::CONTENT_TYPE, &stated)], "", "client_id=a"),
            "a"
        );
    }

    proptest! {
        #[test]
        fn any_request_is_answered(
            body in proptest::collection::vec(any::<u8>(), 0..200),
            value in proptest::collection::vec(0x20_u8..0x7f, 0..60),
        ) {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(FORM));
            let value = [b"Basic ", value.as_slice()].concat();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_bytes(&value).unwrap());
            let query = String::from_utf8_lossy(&body).into_owned();
            let _ = clients(&headers, Some(&query), &body);
            let _ = clients(&headers, None, &[b"client_assertion=", body.as_slice()].concat());
        }

        /// However its octets are written, and whatever stands around it.
        #[test]
        fn an_id_is_found_in_any_encoding(
            id in "[A-Za-z0-9_-]{1,43}",
            encoded in proptest::collection::vec(any::<bool>(), 43),
            upper in proptest::collection::vec(any::<bool>(), 43),
            before in "[a-z]{1,8}=[a-z0-9%+]{0,20}&",
        ) {
            let written: String = (id.chars().zip(encoded).zip(upper))
                .map(|((character, encoded), upper)| {
                    let code = u32::from(character);
                    match (encoded, upper) {
                        (true, true) => format!("%{code:02X}"),
                        (true, false) => format!("%{code:02x}"),
                        (false, _) => character.to_string(),
                    }
                })
                .collect();
            prop_assert_eq!(of_form(&format!("{before}client_id={written}&x")), id);
        }
    }
}
