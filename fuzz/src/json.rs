//! JSON texts as trees that can be changed.

use serde_json::{Map, Value, json};

use crate::mutation::{self, Bytes, Random, grow};

/// What claims and header members are called.
const NAMES: [&str; 34] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "nbf",
    "jti",
    "client_name",
    "redirect_uris",
    "contacts",
    "logo_uri",
    "grant_types",
    "response_types",
    "token_endpoint_auth_method",
    "scope",
    "client_uri",
    "tos_uri",
    "policy_uri",
    "initiate_login_uri",
    "post_logout_redirect_uris",
    "jwks",
    "jwks_uri",
    "software_id",
    "extensions",
    "alg",
    "x5c",
    "crit",
    "b64",
    "typ",
    "kid",
    "x5u",
    "udap",
    "software_statement",
    "certifications",
];

/// What stands in them.
const TEXTS: [&str; 40] = [
    "",
    "authorization_code",
    "refresh_token",
    "client_credentials",
    "code",
    "token",
    "private_key_jwt",
    "openid",
    "offline_access",
    "system/*.read",
    "patient/*.*",
    "user/*.cruds",
    "udap",
    "launch",
    "patient/Observation.rs?category=http://example.org/codes|laboratory",
    "system/*.$export",
    "https://app.example.org/cb",
    "HTTPS://app.example.org/cb",
    "https://app.example.org:443/cb?a=b#c",
    "https://user@app.example.org/",
    "https://[::1]/cb",
    "https://127.0.0.1/cb",
    "https://0x7f.1/cb",
    "https://localhost/cb",
    "https://app.example.org./cb",
    "https://xn--bcher-kva.example/",
    "http://app.example.org/",
    "app:/cb",
    "javascript:alert(1)",
    "data:text/html,x",
    "mailto:ops@example.org",
    "mailto:a%40b,c@d.example?to=e@f.example",
    "mailto:%22a b%22@[127.0.0.1]",
    "tel:+1-201-555-0123",
    "https://app.example.org/logo.png",
    "https://app.example.org/logo.svg?x=.png",
    "ES256",
    "RS256",
    "none",
    "leaf",
];

/// A mutator of one JSON text.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32, bytes: Bytes) -> usize {
    mutation::mutate(data, size, max_size, seed, bytes, |input, random| {
        let mut value: Value = serde_json::from_slice(input).ok()?;
        for _ in 0..=random.below(3) {
            change(&mut value, random, bytes);
        }
        serde_json::to_vec(&value).ok()
    })
}

/// A mutator of JSON texts on lines of their own.
pub fn mutate_lines(
    data: &mut [u8],
    size: usize,
    max_size: usize,
    seed: u32,
    bytes: Bytes,
) -> usize {
    mutation::mutate(data, size, max_size, seed, bytes, |input, random| {
        let mut lines: Vec<Vec<u8>> = input
            .split(|octet| *octet == b'\n')
            .map(<[u8]>::to_vec)
            .collect();
        let index = random.below(lines.len());
        let line = lines.get_mut(index)?;
        let mut value: Value = serde_json::from_slice(line).ok()?;
        change(&mut value, random, bytes);
        *line = serde_json::to_vec(&value).ok()?;
        Some(lines.join(&b'\n'))
    })
}

fn change(value: &mut Value, random: &mut Random, bytes: Bytes) {
    // Into the tree, three times out of four.
    if random.below(4) != 0 {
        match value {
            Value::Object(members) if !members.is_empty() => {
                let index = random.below(members.len());
                if let Some((_, inner)) = members.iter_mut().nth(index) {
                    return change(inner, random, bytes);
                }
            }
            Value::Array(elements) if !elements.is_empty() => {
                let index = random.below(elements.len());
                return change(&mut elements[index], random, bytes);
            }
            _ => {}
        }
    }
    match (random.below(8), value) {
        (0 | 1, Value::Object(members)) => {
            let name = any(&NAMES, random);
            members.insert(name, fresh(random));
        }
        (2 | 3, Value::Object(members)) => {
            let index = random.below(members.len());
            if let Some(name) = members.keys().nth(index).cloned() {
                members.remove(&name);
            }
        }
        (0 | 1, Value::Array(elements)) => elements.push(fresh(random)),
        (2, Value::Array(elements)) => {
            let again = elements.first().cloned().unwrap_or(Value::Null);
            elements.extend(std::iter::repeat_n(again, 1 << random.below(9)));
        }
        (3, Value::Array(elements)) => {
            elements.pop();
        }
        (0..=5, Value::String(text)) => {
            let mut octets = std::mem::take(text).into_bytes();
            grow(&mut octets, bytes);
            *text = String::from_utf8_lossy(&octets).into_owned();
        }
        (0..=3, Value::Number(number)) => {
            let near = i64::try_from(random.below(1_000)).unwrap_or(0) - 500;
            let moved = number.as_i64().unwrap_or(0).checked_add(near);
            *number = moved.unwrap_or(i64::MIN).into();
        }
        (_, value) => *value = fresh(random),
    }
}

fn fresh(random: &mut Random) -> Value {
    match random.below(14) {
        0 => Value::Null,
        1 => json!(random.below(2) == 0),
        2 => json!(random.number()),
        3 => json!(-1.5e300),
        4 => json!([]),
        5 => Value::Object(Map::new()),
        6 | 7 => json!([any(&TEXTS, random)]),
        8 => json!([any(&TEXTS, random), any(&TEXTS, random)]),
        _ => json!(any(&TEXTS, random)),
    }
}

fn any(all: &[&str], random: &mut Random) -> String {
    random.pick(all).copied().unwrap_or_default().to_owned()
}
