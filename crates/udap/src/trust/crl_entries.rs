//! The entries of a list (RFC 5280 §5.1.2.6): up to some millions, so that most are read by their
//! usual shape and only the others field by field.

use x509_parser::asn1_rs::{Any, Class, FromDer, Tag};
use x509_parser::extensions::{ParsedExtension, X509Extension};

use super::crl::Reason;
use super::distribution_point::{general_names, sequence, whole_sequence};
use super::general_name::PointName;
use super::name::NameKey;
use super::serials::Serials;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;

const CERTIFICATE_ISSUER: &str = "2.5.29.29";

/// What all entries of a list say.
pub(super) struct Entries {
    /// Of certificates of the list's own issuer.
    pub(super) serials: Serials,
    /// How many there are, those of other issuers too.
    pub(super) listed: usize,
    /// One has a critical extension that is not understood.
    pub(super) has_unknown_critical: bool,
}

impl Entries {
    /// Reads all. `None` if one cannot be read.
    pub(super) fn read(mut rest: &[u8], issuer: &NameKey) -> Option<Self> {
        let mut entries = Self {
            serials: Serials::expecting(numbers(rest)),
            listed: 0,
            has_unknown_critical: false,
        };
        // In an indirect CRL an entry speaks of its own issuer until the next one names another
        // (RFC 5280 §5.3.3).
        let mut own = true;
        while !rest.is_empty() {
            let entry;
            (rest, entry) = match usual(rest) {
                Some(read) => read,
                None => field_by_field(rest, issuer)?,
            };
            entries.listed += 1;
            own = entry.own.unwrap_or(own);
            entries.has_unknown_critical |= entry.has_unknown_critical;
            if own {
                entries.serials.push(entry.serial, entry.reason)?;
            }
        }
        entries.serials.sort();
        Some(entries)
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Entry<'a> {
    serial: &'a [u8],
    reason: Reason,
    /// Whether it names the list's issuer, or another.
    own: Option<bool>,
    has_unknown_critical: bool,
}

/// An entry whose only extension, if it has any, is a reason that is not critical. `None`: it may
/// be of another shape, or broken.
fn usual(input: &[u8]) -> Option<(&[u8], Entry<'_>)> {
    /// Extensions with reasonCode alone, but for the code itself.
    const REASON: [u8; 13] = [
        0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d, 0x15, 0x04, 0x03, 0x0a, 0x01,
    ];
    let (fields, rest) = short(input, SEQUENCE)?;
    let (serial, fields) = short(fields, INTEGER)?;
    let (_, extensions) = short(fields, UTC_TIME)?;
    let reason = match extensions.split_last() {
        None => Reason::UNSPECIFIED,
        Some((code @ 0..=10, before)) if before == REASON => Reason::from_code(*code),
        Some(_) => return None,
    };
    let entry = Entry {
        serial,
        reason,
        own: None,
        has_unknown_critical: false,
    };
    Some((rest, entry))
}

/// Content of an element of less than 128 octets, and what follows it.
fn short(input: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    match input {
        [tag, length @ 0..0x80, rest @ ..] if *tag == wanted => {
            rest.split_at_checked(usize::from(*length))
        }
        _ => None,
    }
}

/// The serial numbers of the first entries, up to one that is broken or unusually long.
fn numbers(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let fields;
        (fields, rest) = short(rest, SEQUENCE)?;
        short(fields, INTEGER).map(|(number, _)| number)
    })
}

fn field_by_field<'a>(input: &'a [u8], issuer: &NameKey) -> Option<(&'a [u8], Entry<'a>)> {
    let (rest, fields) = sequence(input)?;
    let (fields, serial) = Any::from_der(fields).ok()?;
    let (fields, date) = Any::from_der(fields).ok()?;
    let (fields, extensions) = optional(fields, Tag::Sequence)?;
    if serial.tag() != Tag::Integer
        || !matches!(date.tag(), Tag::UtcTime | Tag::GeneralizedTime)
        || !fields.is_empty()
    {
        return None;
    }
    let mut entry = Entry {
        serial: serial.data,
        reason: Reason::UNSPECIFIED,
        own: None,
        has_unknown_critical: false,
    };
    let mut extensions = extensions.unwrap_or_default();
    while !extensions.is_empty() {
        let extension;
        (extensions, extension) = X509Extension::from_der(extensions).ok()?;
        match extension.parsed_extension() {
            ParsedExtension::ReasonCode(code) => entry.reason = Reason::from_code(code.0),
            ParsedExtension::InvalidityDate(_) => {}
            _ if extension.oid.to_id_string() == CERTIFICATE_ISSUER => {
                let names = general_names(whole_sequence(extension.value)?)?;
                entry.own = Some(names.contains(&PointName::Directory(issuer.clone())));
            }
            _ => entry.has_unknown_critical |= extension.critical,
        }
    }
    Some((rest, entry))
}

/// What follows an optional element of a tag, and its content. `None` if nothing can be read.
pub(super) fn optional(input: &[u8], tag: Tag) -> Option<(&[u8], Option<&[u8]>)> {
    if input.is_empty() {
        return Some((input, None));
    }
    let (rest, element) = Any::from_der(input).ok()?;
    if element.tag() == tag && element.class() == Class::Universal {
        Some((rest, Some(element.data)))
    } else {
        Some((input, None))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use x509_parser::x509::X509Name;

    use super::*;

    fn issuer() -> NameKey {
        NameKey::of(&X509Name::from_der(&[0x30, 0]).unwrap().1)
    }

    fn entry(serial: &[u8], extensions: &[u8]) -> Vec<u8> {
        let mut content = vec![0x02, serial.len() as u8];
        content.extend_from_slice(serial);
        content.extend_from_slice(b"\x17\x0d260101000000Z");
        content.extend_from_slice(extensions);
        let mut der = vec![0x30, content.len() as u8];
        der.extend(content);
        der
    }

    fn reason(code: u8) -> Vec<u8> {
        let mut der = vec![
            0x30, 0x0c, 0x30, 0x0a, 0x06, 3, 0x55, 0x1d, 0x15, 4, 3, 0x0a, 1,
        ];
        der.push(code);
        der
    }

    #[test]
    fn the_usual_entries_are_read_by_their_shape() {
        assert!(usual(&entry(&[7; 20], &[])).is_some());
        for code in 0..=10 {
            let der = entry(&[7; 20], &reason(code));
            let (rest, read) = usual(&der).expect("a usual entry");
            assert!(rest.is_empty());
            assert_eq!(read.reason.code(), code);
            assert_eq!(field_by_field(&der, &issuer()), Some((rest, read)));
        }
        assert!(usual(&entry(&[7; 20], &reason(11))).is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        /// Whatever is read by its shape is read so field by field too.
        #[test]
        fn the_shape_says_what_the_fields_say(
            serial in vec(any::<u8>(), 0..22),
            code in proptest::option::of(0..14_u8),
            flips in vec((any::<proptest::sample::Index>(), any::<u8>()), 0..3),
            after in vec(any::<u8>(), 0..4),
        ) {
            let mut der = entry(&serial, &code.map(reason).unwrap_or_default());
            der.extend(after);
            for (place, octet) in flips {
                let place = place.index(der.len());
                der[place] = octet;
            }
            if let Some(read) = usual(&der) {
                prop_assert_eq!(field_by_field(&der, &issuer()), Some(read));
            }
        }

        /// Entries of which none can be read make the list unreadable.
        #[test]
        fn a_list_is_read_to_its_end_or_not_at_all(
            serials in vec(vec(1..0x80_u8, 1..22), 1..20),
            cut in 1..20_usize,
        ) {
            let mut der: Vec<u8> = serials.iter().flat_map(|serial| entry(serial, &[])).collect();
            let read = Entries::read(&der, &issuer()).expect("entries");
            prop_assert_eq!(read.serials.len(), serials.len());
            der.truncate(der.len() - cut.min(der.len() - 1));
            let whole = serials.iter().try_fold(0, |end, serial| {
                let end = end + entry(serial, &[]).len();
                if end == der.len() { Err(()) } else { Ok(end) }
            });
            prop_assert_eq!(Entries::read(&der, &issuer()).is_some(), whole.is_err());
        }
    }
}
