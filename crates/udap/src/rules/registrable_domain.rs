//! DNS names, and the registrable domain that they belong to (I08, I17, I18).

/// Lower case, and without the dot of the root.
pub(super) fn normal(host: &str) -> String {
    let host = host.strip_suffix('.').unwrap_or(host);
    host.to_ascii_lowercase()
}

/// Whether a normal name could be looked up: labels of letters, digits and inner hyphens, at least
/// two of them, and no number for a top level domain.
pub(super) fn is_dns_name(name: &str) -> bool {
    name.len() <= 253
        && name.contains('.')
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
        && name
            .rsplit('.')
            .next()
            .is_some_and(|last| last.bytes().any(|octet| !octet.is_ascii_digit()))
}

/// The registrable domain of a normal name: the public suffix, private section included, and one
/// label. `None` for a public suffix itself and for names under no suffix that is known.
pub(super) fn registrable(name: &str) -> Option<&str> {
    if !is_dns_name(name) {
        return None;
    }
    psl::domain(name.as_bytes()).filter(|domain| domain.suffix().is_known())?;
    psl::domain_str(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Proves: I17, I18
    #[test]
    fn the_registrable_domain_is_suffix_and_one_label() {
        for (name, domain) in [
            ("app.example.org", Some("example.org")),
            ("example.org", Some("example.org")),
            ("a.b.example.co.uk", Some("example.co.uk")),
            ("me.github.io", Some("me.github.io")),
            ("x.me.github.io", Some("me.github.io")),
            ("github.io", None),
            ("co.uk", None),
            ("org", None),
            ("server.lan", None),
            ("10.0.0.1", None),
            ("a..org", None),
            ("-a.org", None),
            ("a_b.org", None),
            (
                "www.xn--85x722f.xn--55qx5d.cn",
                Some("xn--85x722f.xn--55qx5d.cn"),
            ),
        ] {
            assert_eq!(registrable(name), domain, "{name}");
        }
        assert_eq!(normal("App.Example.ORG."), "app.example.org");
    }
}
