//! `redirect_uris` of a certification: `*` stands for one whole path component or one whole query
//! parameter value (F08, UDAP Certifications §1).

const WILDCARD: &str = "*";

/// Whether the pattern is one: a wildcard stands for a whole component or value, nowhere else.
#[must_use]
pub fn is_sound(pattern: &str) -> bool {
    let (target, query) = split_query(pattern);
    let (origin, path) = split_origin(target);
    let stands_alone = |part: &str| part == WILDCARD || !part.contains(WILDCARD);
    !origin.contains(WILDCARD)
        && path.split('/').all(stands_alone)
        && query.is_none_or(|query| {
            query.split('&').all(|pair| match pair.split_once('=') {
                Some((name, value)) => !name.contains(WILDCARD) && stands_alone(value),
                None => !pair.contains(WILDCARD),
            })
        })
}

/// Whether a redirect URI, which never holds a wildcard itself, fits a sound pattern. Everything but
/// what a wildcard stands for is compared octet by octet: `%2A` is no wildcard, and fits itself.
pub(super) fn matches(pattern: &str, uri: &str) -> bool {
    if pattern == uri {
        return true;
    }
    let (pattern, pattern_query) = split_query(pattern);
    let (uri, uri_query) = split_query(uri);
    let (pattern_origin, pattern_path) = split_origin(pattern);
    let (origin, path) = split_origin(uri);
    pattern_origin == origin
        && all(pattern_path, path, '/', |wanted, found| {
            wanted == found || wanted == WILDCARD && is_component(found)
        })
        && match (pattern_query, uri_query) {
            (None, None) => true,
            (Some(wanted), Some(found)) => all(wanted, found, '&', is_pair),
            _ => false,
        }
}

fn all(pattern: &str, text: &str, separator: char, fits: impl Fn(&str, &str) -> bool) -> bool {
    pattern.split(separator).count() == text.split(separator).count()
        && pattern
            .split(separator)
            .zip(text.split(separator))
            .all(|(wanted, found)| fits(wanted, found))
}

/// One path component with something in it, which leads neither up nor nowhere (RFC 3986 §5.2.4), in
/// no spelling, nor holds a separator in disguise.
fn is_component(text: &str) -> bool {
    let decoded = percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
    !decoded.is_empty()
        && !matches!(decoded.as_slice(), b"." | b"..")
        && !decoded.iter().any(|octet| matches!(octet, b'/' | b'\\'))
}

fn is_pair(wanted: &str, found: &str) -> bool {
    if wanted == found {
        return true;
    }
    match (wanted.split_once('='), found.split_once('=')) {
        (Some((name, WILDCARD)), Some((found_name, value))) => {
            name == found_name && !value.is_empty()
        }
        _ => false,
    }
}

fn split_query(uri: &str) -> (&str, Option<&str>) {
    match uri.split_once('?') {
        Some((target, query)) => (target, Some(query)),
        None => (uri, None),
    }
}

/// Scheme and authority, and the path.
fn split_origin(target: &str) -> (&str, &str) {
    let authority = target.find("://").map_or(0, |at| at + 3);
    let path = target
        .get(authority..)
        .and_then(|rest| rest.find('/'))
        .map_or(target.len(), |at| authority + at);
    target.split_at_checked(path).unwrap_or((target, ""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Proves: F08
    #[test]
    fn a_wildcard_stands_for_one_component_or_one_value() {
        for (pattern, uri) in [
            ("https://app.example.com/cb", "https://app.example.com/cb"),
            (
                "https://app.example.com/cb/*",
                "https://app.example.com/cb/one",
            ),
            (
                "https://app.example.com/*/cb",
                "https://app.example.com/one/cb",
            ),
            (
                "https://app.example.com/cb?server=*",
                "https://app.example.com/cb?server=one",
            ),
            (
                "https://app.example.com/*/cb?a=1&server=*",
                "https://app.example.com/x/cb?a=1&server=https://ehr",
            ),
            ("https://app.example.com/%2A", "https://app.example.com/%2A"),
        ] {
            assert!(is_sound(pattern), "{pattern}");
            assert!(matches(pattern, uri), "{pattern} {uri}");
        }
        for (pattern, uri) in [
            ("https://app.example.com/cb", "https://app.example.com/cb/"),
            ("https://app.example.com/cb", "https://app.example.com/CB"),
            (
                "https://app.example.com/cb",
                "https://app.example.com/cb?x=1",
            ),
            ("https://app.example.com/cb/*", "https://app.example.com/cb"),
            (
                "https://app.example.com/cb/*",
                "https://app.example.com/cb/",
            ),
            (
                "https://app.example.com/cb/*",
                "https://app.example.com/cb/one/two",
            ),
            (
                "https://app.example.com/cb/*",
                "https://app.example.com/cb/..",
            ),
            (
                "https://app.example.com/cb/*",
                "https://app.example.com/cb/%2e%2E",
            ),
            (
                "https://app.example.com/cb/*",
                "https://app.example.com/cb/a%2fb",
            ),
            (
                "https://app.example.com/cb/*",
                "https://app.example.com/cb/a%5cb",
            ),
            (
                "https://app.example.com/cb/*",
                "https://evil.example.net/cb/one",
            ),
            (
                "https://app.example.com/cb/*",
                "https://app.example.com:444/cb/one",
            ),
            (
                "https://app.example.com/cb/*",
                "https://app.example.com/cb/one?x=1",
            ),
            (
                "https://app.example.com/cb?server=*",
                "https://app.example.com/cb",
            ),
            (
                "https://app.example.com/cb?server=*",
                "https://app.example.com/cb?server=",
            ),
            (
                "https://app.example.com/cb?server=*",
                "https://app.example.com/cb?other=one",
            ),
            (
                "https://app.example.com/cb?server=*",
                "https://app.example.com/cb?server=one&more=two",
            ),
            ("https://app.example.com/%2A", "https://app.example.com/one"),
        ] {
            assert!(!matches(pattern, uri), "{pattern} {uri}");
        }
    }

    /// Proves: F08
    #[test]
    fn a_wildcard_elsewhere_is_none() {
        for pattern in [
            "https://*.example.com/cb",
            "https://*/cb",
            "*://app.example.com/cb",
            "*",
            "https://app.example.com/cb-*",
            "https://app.example.com/**",
            "https://app.example.com/cb?*",
            "https://app.example.com/cb?*=1",
            "https://app.example.com/cb?a=b*",
            "https://app.example.com*",
        ] {
            assert!(!is_sound(pattern), "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn whatever_fits_has_the_patterns_origin(
            path in "[a-z*/.%]{0,12}",
            uri in "https://(app|evil)\\.example\\.com(:1)?/[a-z/.%?=&]{0,14}",
        ) {
            let pattern = format!("https://app.example.com/{path}");
            if is_sound(&pattern) && matches(&pattern, &uri) {
                prop_assert!(uri.starts_with("https://app.example.com/"));
            }
            prop_assert!(!is_sound(&uri) || matches(&uri, &uri));
        }
    }
}
