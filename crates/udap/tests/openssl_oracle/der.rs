//! DER by hand, so that it can be wrong.

use time::OffsetDateTime;
use time::macros::format_description;

pub(crate) fn tlv(tag: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let mut der = vec![tag];
    match u16::try_from(content.len()).expect("nothing here is so long") {
        length @ 0..=127 => der.push(length as u8),
        length @ 128..=255 => der.extend([0x81, length as u8]),
        length => der.extend([&[0x82][..], &length.to_be_bytes()].concat()),
    }
    der.extend_from_slice(content);
    der
}

pub(crate) fn sequence(content: impl AsRef<[u8]>) -> Vec<u8> {
    tlv(0x30, content)
}

pub(crate) fn boolean(value: bool) -> Vec<u8> {
    tlv(0x01, [if value { 0xff } else { 0 }])
}

pub(crate) fn integer(value: u8) -> Vec<u8> {
    if value < 128 {
        tlv(0x02, [value])
    } else {
        tlv(0x02, [0, value])
    }
}

/// OBJECT IDENTIFIER of these octets.
pub(crate) fn oid(octets: &[u8]) -> Vec<u8> {
    tlv(0x06, octets)
}

pub(crate) fn utc_time(at: OffsetDateTime) -> Vec<u8> {
    let format = format_description!("[year repr:last_two][month][day][hour][minute][second]Z");
    tlv(0x17, at.format(&format).expect("a date"))
}

pub(crate) fn generalized_time(at: OffsetDateTime) -> Vec<u8> {
    let format = format_description!("[year][month][day][hour][minute][second]Z");
    tlv(0x18, at.format(&format).expect("a date"))
}

/// Extension; below id-ce (2.5.29) if `id` is one octet.
pub(crate) fn extension(id: &[u8], critical: bool, value: impl AsRef<[u8]>) -> Vec<u8> {
    let id = match id {
        [one] => vec![0x55, 0x1d, *one],
        id => id.to_vec(),
    };
    let critical = if critical { boolean(true) } else { Vec::new() };
    sequence([oid(&id), critical, tlv(0x04, value)].concat())
}

/// One attribute of a name, in an RDN of its own. `kind` is below 2.5.4, or a whole OID.
pub(crate) fn rdn(kind: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
    let kind = match kind {
        [one] => vec![0x55, 4, *one],
        kind => kind.to_vec(),
    };
    tlv(0x31, sequence([oid(&kind), tlv(tag, value)].concat()))
}
