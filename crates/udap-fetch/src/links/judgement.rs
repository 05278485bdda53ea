//! What each kind of link must answer (I10–I14).

use udap::registrar::LinkFault;
use udap::rules::LinkKind;

use crate::error::FetchError;
use crate::request::{Answer, Wanted};

/// How a link is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Judgement {
    /// 200, and a picture by its media type and by its first octets (I10).
    Picture,
    /// A status of success (I11).
    Page,
    /// Any status below 500 but redirects, 404 and 410: who comes without a code may be turned away,
    /// but not because nobody is there (I12).
    Callback,
    /// A status of success, or a redirect (I14).
    PageElsewhere,
}

/// Pictures that every browser shows, by media type and by what files of that type begin with: PNG
/// (W3C PNG §5.2), JPEG (ITU-T T.81 §B.1.1: the marker SOI, then another), GIF (87a and 89a). A crate
/// that knows hundreds of formats would be heavier, and satisfied with less of PNG and GIF.
const PICTURES: [(&str, &[u8]); 4] = [
    ("image/png", b"\x89PNG\r\n\x1a\n"),
    ("image/jpeg", b"\xff\xd8\xff"),
    ("image/gif", b"GIF87a"),
    ("image/gif", b"GIF89a"),
];

/// Octets at the beginning of a picture that tell what it is.
const MAGIC_BYTES: usize = 8;

impl Judgement {
    pub(super) fn of(kind: LinkKind) -> Self {
        match kind {
            LinkKind::Logo => Self::Picture,
            LinkKind::Client => Self::Page,
            LinkKind::Redirect(_) => Self::Callback,
            LinkKind::Terms | LinkKind::Policy => Self::PageElsewhere,
        }
    }

    /// How much of the body it takes.
    pub(super) fn wanted(self) -> Wanted {
        match self {
            Self::Picture => Wanted::Beginning(MAGIC_BYTES),
            Self::Page | Self::Callback | Self::PageElsewhere => Wanted::None,
        }
    }

    /// The `Accept` header.
    pub(super) fn accepted(self) -> &'static str {
        match self {
            Self::Picture => "image/png, image/jpeg, image/gif",
            Self::Page | Self::Callback | Self::PageElsewhere => "text/html, */*;q=0.1",
        }
    }

    /// What is wrong with a link that answered so, if anything is.
    pub(super) fn fault(self, answer: &Result<Answer, FetchError>) -> Option<LinkFault> {
        match answer {
            Ok(answer) => self.fault_of(answer),
            Err(FetchError::Redirect { status, .. }) => self.fault_of_status(*status),
            // The only fault of a URL that rules on metadata may let through is http.
            Err(FetchError::NotPublic(_) | FetchError::BadUrl(_)) => Some(LinkFault::NotPublic),
            Err(FetchError::TooLarge { .. }) => Some(LinkFault::WrongKind),
            Err(FetchError::Busy) => Some(LinkFault::NotChecked),
            Err(FetchError::Unreachable(_) | FetchError::Timeout | FetchError::Status { .. }) => {
                Some(LinkFault::Unreachable)
            }
        }
    }

    fn fault_of(self, answer: &Answer) -> Option<LinkFault> {
        let fault = self.fault_of_status(answer.status);
        if self == Self::Picture && fault.is_none() {
            return (!is_picture(answer)).then_some(LinkFault::WrongKind);
        }
        fault
    }

    fn fault_of_status(self, status: u16) -> Option<LinkFault> {
        match (self, status) {
            (Self::Picture, 200) | (Self::Page, 200..=299) | (Self::PageElsewhere, 200..=399) => {
                None
            }
            (_, 300..=399) => Some(LinkFault::Redirects),
            (Self::Picture, 201..=299) => Some(LinkFault::WrongKind),
            (Self::Callback, 404 | 410) => Some(LinkFault::Unreachable),
            (Self::Callback, 200..=499) => None,
            _ => Some(LinkFault::Unreachable),
        }
    }
}

/// Whether an answer is a picture of the type that it says.
fn is_picture(answer: &Answer) -> bool {
    let Some(content_type) = &answer.content_type else {
        return false;
    };
    let media_type = content_type
        .split_once(';')
        .map_or(content_type.as_str(), |(media_type, _)| media_type)
        .trim();
    PICTURES.iter().any(|(name, magic)| {
        media_type.eq_ignore_ascii_case(name) && answer.body.starts_with(magic)
    })
}

#[cfg(test)]
mod tests;
