//! Web addresses in the configuration (decision 37).
//!
//! Other parts compare these byte for byte with what apps and certificates say, so the text is kept as it was
//! written; hence it must already be in the form that a URL parser would give it.

use url::{Host, Url};

use super::problem::Fault;

/// Whether a host can only be this machine.
pub(crate) fn is_loopback<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => name.as_ref().eq_ignore_ascii_case("localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.to_canonical().is_loopback(),
    }
}

/// An https address, or an http one of this machine: no user, query or fragment, in normal form.
pub(crate) fn web_address(text: &str) -> Result<Url, Fault> {
    let url = Url::parse(text).map_err(|error| {
        Fault::new(
            format!("is not a URL ({error})"),
            "write the whole address, such as \"https://emr.example.org\"",
        )
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Fault::new(
            "holds a user name or password",
            "leave them out",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Fault::new(
            "holds a query or fragment",
            "leave out everything from the ? or #",
        ));
    }
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => {}
        ("http", Some(host)) if is_loopback(&host) => {}
        ("http", _) => {
            return Err(Fault::new(
                "is http to another machine",
                "write https; plain http is for loopback addresses only",
            ));
        }
        _ => {
            return Err(Fault::new(
                "is not a web address",
                "write https://, or http:// with a loopback host",
            ));
        }
    }
    // The parser adds the one slash of an empty path, and that alone may differ.
    let normal = url.as_str();
    if normal != text && normal.strip_suffix('/') != Some(text) {
        return Err(Fault::new(
            "is not written in its normal form",
            format!(
                "write \"{}\", since it is compared letter by letter",
                trimmed(normal, text)
            ),
        ));
    }
    Ok(url)
}

fn trimmed<'a>(normal: &'a str, text: &str) -> &'a str {
    if text.ends_with('/') {
        normal
    } else {
        normal.strip_suffix('/').unwrap_or(normal)
    }
}

/// The path of an address as a prefix of our routes: empty, or `/…` without a trailing slash.
pub(crate) fn route_path(url: &Url) -> Result<String, Fault> {
    let path = url.path().trim_end_matches('/');
    let plain = |segment: &str| {
        !segment.is_empty()
            && segment
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    };
    if path.split('/').skip(1).all(plain) {
        return Ok(path.to_owned());
    }
    Err(Fault::new(
        "has a path that cannot be routed",
        "use letters, digits and - . _ ~ between single slashes only",
    ))
}

/// An absolute URI of any scheme, kept as written.
pub(crate) fn absolute_uri(text: &str, longest: usize) -> Result<(), Fault> {
    if text.len() > longest {
        return Err(Fault::new(
            format!("is {} bytes long", text.len()),
            format!("at most {longest} bytes are allowed"),
        ));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Fault::new(
            "holds a space, control or non-ASCII character",
            "write it percent-encoded, exactly as the community does",
        ));
    }
    let url = Url::parse(text).map_err(|error| {
        Fault::new(
            format!("is not an absolute URI ({error})"),
            "write it with its scheme, such as \"https://community.example.org/udap\"",
        )
    })?;
    if url.password().is_some() {
        return Err(Fault::new("holds a password", "leave it out"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_and_loopback_http_are_web_addresses() {
        for text in [
            "https://emr.example.org",
            "https://emr.example.org/",
            "https://emr.example.org:8443/apis/default/fhir",
            "http://localhost:8080",
            "http://127.0.0.1:8080/x",
            "http://127.9.9.9/x",
            "http://[::1]:8080/x",
        ] {
            assert!(web_address(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "emr.example.org",
            "http://emr.example.org",
            "http://localhost.example.org",
            "http://10.0.0.1/",
            "ftp://emr.example.org/",
            "file:///etc/passwd",
            "https://user@emr.example.org/",
            "https://user:secret@emr.example.org/",
            "https://emr.example.org/?x",
            "https://emr.example.org/?",
            "https://emr.example.org/#x",
            "https://EMR.example.org/",
            "https://emr.example.org:443/",
            "https://emr.example.org/a/../b",
            " https://emr.example.org",
            "https:\\\\emr.example.org",
            "https://emr.example.org/a\tb",
        ] {
            let fault = web_address(text);
            assert!(fault.is_err(), "{text}");
            assert!(!format!("{fault:?}").contains("secret"), "{text}");
        }
    }

    #[test]
    fn the_normal_form_is_spelled_out() {
        let fault = web_address("https://EMR.example.org").map_err(|fault| format!("{fault:?}"));
        assert!(
            fault.is_err_and(|text| text.contains("\\\"https://emr.example.org\\\"")),
            "the advice shows what to write"
        );
    }

    #[test]
    fn only_plain_paths_become_routes() {
        let path = |text: &str| route_path(&Url::parse(text).unwrap()).ok();
        assert_eq!(path("https://h").as_deref(), Some(""));
        assert_eq!(path("https://h/").as_deref(), Some(""));
        assert_eq!(path("https://h/a/b-1.~_/").as_deref(), Some("/a/b-1.~_"));
        for text in [
            "https://h/a//b",
            "https://h/{a}",
            "https://h/:a",
            "https://h/*a",
            "https://h/a%2fb",
        ] {
            assert_eq!(path(text), None, "{text}");
        }
    }
}
