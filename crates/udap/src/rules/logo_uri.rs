//! `logo_uri`: the picture beside the name (B29, I01, I04, I08, decisions 18).

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use url::Url;

use super::grant_types::Grant;
use super::profile::ProfileRules;
use super::uri::{UriClaim, uri_claim};
use super::{public_host, unless};
use crate::error::Violation;

static LOGO: UriClaim = uri_claim!("logo_uri", "logo_uri", "B29");

/// Extensions of files that are surely none of PNG, JPEG and GIF. No extension, or that of a
/// program that makes the picture, says nothing.
const OTHER_FORMATS: [&str; 24] = [
    "apng", "avif", "bmp", "css", "eps", "heic", "heif", "htm", "html", "ico", "jp2", "js", "json",
    "jxl", "mp4", "pdf", "psd", "svg", "svgz", "tif", "tiff", "txt", "webm", "webp",
];

pub(super) fn check(
    claims: &Map<String, Value>,
    grant: Option<&Grant>,
    profile: &ProfileRules,
) -> Result<Option<String>, Vec<Violation>> {
    let Some(value) = claims.get("logo_uri") else {
        return match grant {
            _ if profile.pages_required => Err(vec![Violation::of(
                "I01",
                LOGO.claim,
                LOGO.missing,
                "The URI of the app's logo is required.",
            )]),
            Some(Grant::AuthorizationCode { .. }) => Err(vec![LOGO.violation(
                LOGO.missing,
                "With authorization_code the URI of the app's logo is required.",
            )]),
            _ => Ok(None),
        };
    };
    let (text, url) = LOGO.parse(value).map_err(|violation| vec![violation])?;
    let mut violations = Vec::new();
    violations.extend(LOGO.https(&url).err());
    if !may_be_picture(&url) {
        violations.push(LOGO.violation(
            "logo_uri_format",
            "The logo must be a PNG, JPEG or GIF file.",
        ));
    }
    // A scheme without a host is told as such.
    if profile.public_hosts && url.has_host() && public_host::check(&url).is_err() {
        violations.push(Violation::of(
            "I08",
            LOGO.claim,
            LOGO.not_public,
            "The host of the logo must be a public DNS name, no address.",
        ));
    }
    unless(violations, Some(text.to_owned()))
}

fn may_be_picture(url: &Url) -> bool {
    let path = percent_decode_str(url.path()).decode_utf8_lossy();
    let file = path.rsplit('/').next().unwrap_or_default();
    // `logo.svg;v=2`: parameters of a path segment (RFC 3986 §3.3).
    let file = file.split(';').next().unwrap_or_default();
    file.rsplit_once('.').is_none_or(|(_, extension)| {
        !OTHER_FORMATS.contains(&extension.to_ascii_lowercase().as_str())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rules::Profile::{EmrDirect, Hl7};
    use crate::rules::fixtures::{app, codes, service, with};

    /// Proves: B29
    #[test]
    fn it_is_required_for_authorization_code_and_judged_wherever_given() {
        assert_eq!(
            codes(Hl7, &with(app(), "logo_uri", Value::Null)),
            ["logo_uri_missing"]
        );
        assert!(codes(Hl7, &service()).is_empty());
        for (uri, code) in [
            ("http://app.example.org/logo.png", "logo_uri_not_https"),
            ("data:image/png;base64,AAAA", "logo_uri_not_https"),
            ("https://app.example.org/logo.svg", "logo_uri_format"),
            ("logo.png", "logo_uri_not_absolute"),
            ("", "logo_uri_not_absolute"),
        ] {
            for claims in [app(), service()] {
                assert_eq!(
                    codes(Hl7, &with(claims, "logo_uri", json!(uri))),
                    [code],
                    "{uri}"
                );
            }
        }
        assert!(
            codes(
                Hl7,
                &with(app(), "logo_uri", json!("https://10.0.0.1/logo"))
            )
            .is_empty()
        );
    }

    /// Proves: I04, I08
    #[test]
    fn emr_direct_asks_for_https_on_a_public_host() {
        for (uri, code) in [
            ("http://app.example.org/logo.png", "logo_uri_not_https"),
            ("https://10.0.0.1/logo.png", "logo_uri_not_public"),
            ("https://localhost/logo.png", "logo_uri_not_public"),
        ] {
            assert_eq!(
                codes(EmrDirect, &with(app(), "logo_uri", json!(uri))),
                [code],
                "{uri}"
            );
        }
    }

    /// Proves: B29
    #[test]
    fn files_of_other_formats_are_refused_by_name() {
        let may = |path: &str| {
            may_be_picture(&Url::parse(&format!("https://app.example.org/{path}")).unwrap())
        };
        for path in [
            "logo.png",
            "logo.JPG",
            "logo.jpeg",
            "a.gif?x=.svg",
            "logo",
            "",
            "v1.2/logo",
            "logo.php",
        ] {
            assert!(may(path), "{path}");
        }
        for path in [
            "logo.svg",
            "logo.SVG",
            "logo.webp",
            "logo.sv%67",
            "a/logo.svg?x=1",
            "logo.svg;v=2",
            "logo.ico",
        ] {
            assert!(!may(path), "{path}");
        }
    }
}
