//! Elements of DER, one after the other.

use time::{Date, Month, OffsetDateTime, Time};
use x509_parser::asn1_rs::{Any, Class, FromDer, Tag};
use x509_parser::extensions::X509Extension;

/// Extensions in one place. RFC 6960 §4.4 knows nine.
const MOST_EXTENSIONS: usize = 32;

/// What is still unread of a SEQUENCE.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    /// The content of a SEQUENCE that nothing follows.
    pub(super) fn of_whole(der: &'a [u8]) -> Option<Self> {
        let mut outer = Self(der);
        let content = outer.sequence()?;
        outer.end()?;
        Some(content)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Nothing is left.
    pub(super) fn end(self) -> Option<()> {
        self.is_empty().then_some(())
    }

    /// The content of the next element, whatever it is.
    fn any(&mut self) -> Option<Any<'a>> {
        let (rest, element) = Any::from_der(self.0).ok()?;
        self.0 = rest;
        Some(element)
    }

    /// The next element with tag and length.
    pub(super) fn raw(&mut self) -> Option<&'a [u8]> {
        let before = self.0;
        self.any()?;
        before.get(..before.len() - self.0.len())
    }

    /// The content of the next element if it is of this universal tag.
    pub(super) fn universal(&mut self, tag: Tag) -> Option<&'a [u8]> {
        let element = self.any()?;
        (element.class() == Class::Universal
            && element.tag() == tag
            && element.header.constructed() == matches!(tag, Tag::Sequence | Tag::Set))
        .then_some(element.data)
    }

    pub(super) fn sequence(&mut self) -> Option<Self> {
        self.universal(Tag::Sequence).map(Self)
    }

    /// The next element if it has a context tag: its number, whether it is constructed, and its
    /// content.
    pub(super) fn choice(&mut self) -> Option<(u32, bool, &'a [u8])> {
        let element = self.any()?;
        (element.class() == Class::ContextSpecific).then_some((
            element.tag().0,
            element.header.constructed(),
            element.data,
        ))
    }

    /// What an optional field with this explicit tag holds; nothing is read if another stands here.
    pub(super) fn explicit(&mut self, number: u32) -> Option<Option<Self>> {
        if self.is_empty() {
            return Some(None);
        }
        let mut ahead = *self;
        match ahead.any()? {
            element if element.class() != Class::ContextSpecific => Some(None),
            element if element.tag().0 != number => Some(None),
            element if !element.header.constructed() => None,
            element => {
                *self = ahead;
                Some(Some(Self(element.data)))
            }
        }
    }

    /// A GeneralizedTime in the one form that RFC 5280 §4.1.2.5.2 allows: `YYYYMMDDHHMMSSZ`.
    pub(super) fn time(&mut self) -> Option<OffsetDateTime> {
        let text = self.universal(Tag::GeneralizedTime)?;
        let (digits, zone) = text.split_at_checked(14)?;
        if zone != b"Z" || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let number = |range: std::ops::Range<usize>| -> Option<u16> {
            std::str::from_utf8(digits.get(range)?).ok()?.parse().ok()
        };
        let small = |start: usize| u8::try_from(number(start..start + 2)?).ok();
        let month = Month::try_from(small(4)?).ok()?;
        let date = Date::from_calendar_date(number(0..4)?.into(), month, small(6)?).ok()?;
        let time = Time::from_hms(small(8)?, small(10)?, small(12)?).ok()?;
        Some(date.with_time(time).assume_utc())
    }

    /// Extensions under an optional explicit tag: whether all that are critical are understood.
    /// None is: RFC 6960 §4.4 wants none of its own to be critical, and we act on none.
    pub(super) fn extensions(&mut self, number: u32) -> Option<bool> {
        let Some(mut wrapped) = self.explicit(number)? else {
            return Some(true);
        };
        let mut list = wrapped.sequence()?;
        wrapped.end()?;
        let mut is_understood = true;
        let mut seen = Vec::new();
        while !list.is_empty() {
            let (rest, extension) = X509Extension::from_der(list.0).ok()?;
            list.0 = rest;
            if seen.len() == MOST_EXTENSIONS || seen.contains(&extension.oid) {
                return None;
            }
            is_understood &= !extension.critical;
            seen.push(extension.oid);
        }
        Some(is_understood)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn time(text: &str) -> Option<OffsetDateTime> {
        let der = [&[0x18, text.len() as u8], text.as_bytes()].concat();
        Fields(&der).time()
    }

    #[test]
    fn a_time_has_one_form_only() {
        assert_eq!(
            time("20261122120000Z"),
            Some(datetime!(2026-11-22 12:00 UTC))
        );
        for bad in [
            "",
            "20261122120000",
            "202611221200Z",
            "20261122120000.5Z",
            "20261122120000+0100",
            "20261322120000Z",
            "20260230120000Z",
            "20261122240000Z",
            "20261122120060Z",
            "2026112212000aZ",
            "+0261122120000Z",
            "20261122120000ZZ",
        ] {
            assert_eq!(time(bad), None, "{bad}");
        }
        // A UTCTime has no place in OCSP.
        assert_eq!(Fields(b"\x17\x0d261122120000Z").time(), None);
    }

    #[test]
    fn an_optional_field_is_read_where_it_stands_and_nowhere_else() {
        let mut fields = Fields(&[0xa1, 2, 5, 0]);
        assert!(fields.explicit(0).unwrap().is_none());
        assert_eq!(fields.explicit(1).unwrap().unwrap().0, [5, 0]);
        assert!(fields.explicit(2).unwrap().is_none());
        // Of the right number, but not constructed.
        assert!(Fields(&[0x81, 2, 5, 0]).explicit(1).is_none());
        assert!(Fields(&[0xa1, 3, 5, 0]).explicit(1).is_none());
    }
}
