use proptest::prelude::*;

use super::*;
use crate::error::{NotPublic, UrlFault};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF";
const GIF: &[u8] = b"GIF89a\x01\0\x01\0";

fn answer(status: u16, content_type: Option<&str>, body: &[u8]) -> Result<Answer, FetchError> {
    Ok(Answer {
        status,
        content_type: content_type.map(str::to_owned),
        entity_tag: None,
        last_modified: None,
        date: None,
        retry_after: None,
        body: body.to_vec(),
    })
}

/// As the client tells it: a redirect is an error to it.
fn status(status: u16) -> Result<Answer, FetchError> {
    match status {
        300..=399 => Err(FetchError::Redirect {
            status,
            location: Some("https://app.example.org/".to_owned()),
        }),
        _ => answer(status, Some("text/html"), b"<!doctype html>"),
    }
}

/// Proves: I10, N17
#[test]
fn a_logo_is_a_picture_by_its_type_and_by_its_octets() {
    let fault = |content_type, body| Judgement::Picture.fault(&answer(200, content_type, body));
    for (content_type, body) in [
        ("image/png", PNG),
        ("image/jpeg", JPEG),
        ("image/gif", GIF),
        ("image/gif", b"GIF87a\x01\0"),
        ("IMAGE/PNG", PNG),
        ("image/png; charset=utf-8", PNG),
        ("image/png;name=\"a.svg\"", PNG),
        (" image/png ; q", PNG),
    ] {
        assert_eq!(fault(Some(content_type), body), None, "{content_type}");
    }
    for (content_type, body) in [
        (None, PNG),
        (Some(""), PNG),
        (Some("text/html"), PNG),
        (Some("text/html; image/png"), PNG),
        (Some("image/png, text/html"), PNG),
        (Some("image/*"), PNG),
        (Some("image/jpg"), JPEG),
        (Some("image/svg+xml"), b"<svg>".as_slice()),
        (Some("image/webp"), b"RIFF\0\0\0\0WEBP"),
        (Some("image/png"), b"<html>"),
        (Some("image/png"), b"<svg xmlns="),
        (Some("image/png"), JPEG),
        (Some("image/jpeg"), PNG),
        (Some("image/gif"), PNG),
        (Some("image/png"), b""),
        (Some("image/png"), b"\x89PNG"),
        (Some("image/gif"), b"GIF8"),
        (Some("image/gif"), b"GIF88a\0\0"),
    ] {
        let wrong = Some(LinkFault::WrongKind);
        assert_eq!(fault(content_type, body), wrong, "{content_type:?}");
    }
    for status in [201, 204, 206] {
        let answer = answer(status, Some("image/png"), PNG);
        assert_eq!(
            Judgement::Picture.fault(&answer),
            Some(LinkFault::WrongKind)
        );
    }
    let too_large = Err(FetchError::TooLarge { limit: 1 });
    assert_eq!(
        Judgement::Picture.fault(&too_large),
        Some(LinkFault::WrongKind)
    );
}

/// Proves: I11, I12, I13, I14
#[test]
fn each_kind_takes_the_statuses_of_its_own() {
    use Judgement::{Callback, Page, PageElsewhere};
    use LinkFault::{Redirects, Unreachable};
    for (code, page, callback, elsewhere) in [
        (200, None, None, None),
        (204, None, None, None),
        (299, None, None, None),
        (300, Some(Redirects), Some(Redirects), None),
        (301, Some(Redirects), Some(Redirects), None),
        (302, Some(Redirects), Some(Redirects), None),
        (304, Some(Redirects), Some(Redirects), None),
        (399, Some(Redirects), Some(Redirects), None),
        (400, Some(Unreachable), None, Some(Unreachable)),
        (401, Some(Unreachable), None, Some(Unreachable)),
        (403, Some(Unreachable), None, Some(Unreachable)),
        (404, Some(Unreachable), Some(Unreachable), Some(Unreachable)),
        (405, Some(Unreachable), None, Some(Unreachable)),
        (410, Some(Unreachable), Some(Unreachable), Some(Unreachable)),
        (499, Some(Unreachable), None, Some(Unreachable)),
        (500, Some(Unreachable), Some(Unreachable), Some(Unreachable)),
        (503, Some(Unreachable), Some(Unreachable), Some(Unreachable)),
        (999, Some(Unreachable), Some(Unreachable), Some(Unreachable)),
    ] {
        let answer = status(code);
        assert_eq!(Page.fault(&answer), page, "{code}");
        assert_eq!(Callback.fault(&answer), callback, "{code}");
        assert_eq!(PageElsewhere.fault(&answer), elsewhere, "{code}");
    }
}

const ALL: [Judgement; 4] = [
    Judgement::Picture,
    Judgement::Page,
    Judgement::Callback,
    Judgement::PageElsewhere,
];

/// Proves: I07, I08
#[test]
fn what_gives_no_answer_is_a_fault_of_every_kind() {
    let port = NotPublic::Port {
        host: "app.example.org".to_owned(),
        port: 8443,
    };
    for (error, fault) in [
        (
            FetchError::Unreachable("refused".into()),
            LinkFault::Unreachable,
        ),
        (FetchError::Timeout, LinkFault::Unreachable),
        (FetchError::Status { status: 200 }, LinkFault::Unreachable),
        (FetchError::NotPublic(port), LinkFault::NotPublic),
        (FetchError::BadUrl(UrlFault::Scheme), LinkFault::NotPublic),
        (FetchError::Busy, LinkFault::NotChecked),
    ] {
        let answer = Err(error);
        for judgement in ALL {
            assert_eq!(judgement.fault(&answer), Some(fault), "{answer:?}");
        }
    }
}

fn octets() -> impl Strategy<Value = Vec<u8>> {
    let begun = prop_oneof![Just(PNG), Just(JPEG), Just(GIF), Just(&b""[..])];
    (begun, any::<Vec<u8>>()).prop_map(|(begun, rest)| [begun, &rest].concat())
}

fn media_type() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        Just(None),
        any::<String>().prop_map(Some),
        "(?i)image/(png|jpeg|gif|svg\\+xml)( ?;.*)?".prop_map(Some),
    ]
}

proptest! {
    /// Proves: I10, I11, I12, I13, I14
    #[test]
    fn only_what_is_allowed_passes(
        code in prop_oneof![any::<u16>(), 100..600_u16, Just(200)],
        media_type in media_type(),
        body in octets(),
    ) {
        let answered = answer(code, media_type.as_deref(), &body);
        let redirected = Err(FetchError::Redirect { status: code, location: media_type.clone() });
        let is_redirect = (300..400).contains(&code);
        for judgement in ALL {
            let passes = judgement.fault(&answered).is_none();
            let says = |name: &str| {
                let text = media_type.clone().unwrap_or_default().to_lowercase();
                text.split(';').next().unwrap_or_default().trim() == name
            };
            let allowed = match judgement {
                Judgement::Picture => code == 200
                    && (says("image/png") && body.starts_with(&PNG[..8])
                        || says("image/jpeg") && body.starts_with(&JPEG[..3])
                        || says("image/gif")
                            && (body.starts_with(b"GIF87a") || body.starts_with(b"GIF89a"))),
                Judgement::Page => (200..300).contains(&code),
                Judgement::Callback => (200..500).contains(&code)
                    && !is_redirect
                    && ![404, 410].contains(&code),
                Judgement::PageElsewhere => (200..400).contains(&code),
            };
            prop_assert_eq!(passes, allowed, "{:?} {} {:?}", judgement, code, media_type);
            if is_redirect {
                let passes = judgement.fault(&redirected).is_none();
                prop_assert_eq!(passes, judgement == Judgement::PageElsewhere);
            }
        }
    }
}
