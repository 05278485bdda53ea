//! The question.

use super::id::IdHash;
use crate::certificate::Certificate;
use crate::key::PublicKey;
use crate::trust::serials;

/// AlgorithmIdentifier of SHA-1, parameters NULL.
const SHA1: &[u8] = &[0x30, 9, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0];

/// An OCSPRequest in DER for one certificate, whose issuer has this key. `None` if its serial number
/// is no number.
///
/// It is unsigned, names the certificate by SHA-1 and holds no nonce, as RFC 5019 §2.1.1 asks:
/// most responders answer from a stock, and freshness comes from the answer's dates.
pub(in crate::trust) fn request(certificate: &Certificate, issuer: &PublicKey) -> Option<Vec<u8>> {
    let hash = |bytes: &[u8]| tlv(0x04, &[IdHash::Sha1.of(bytes).as_ref()]);
    let id = tlv(
        0x30,
        &[
            SHA1,
            &hash(certificate.issuer_der()),
            &hash(issuer.bit_string()),
            &tlv(0x02, &[serials::minimal(certificate.serial())?]),
        ],
    );
    // OCSPRequest, TBSRequest, requestList, Request: each holds the next and nothing else.
    Some((0..4).fold(id, |inner, _| tlv(0x30, &[&inner])))
}

/// One element of DER.
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut der = vec![tag];
    match u8::try_from(length) {
        Ok(short @ 0..=0x7f) => der.push(short),
        _ => {
            let octets = length.to_be_bytes();
            let skipped = octets.iter().take_while(|octet| **octet == 0).count();
            let octets = octets.get(skipped..).unwrap_or_default();
            // At most eight octets.
            der.push(0x80 | octets.len() as u8);
            der.extend_from_slice(octets);
        }
    }
    parts.iter().for_each(|part| der.extend_from_slice(part));
    der
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_in_the_shortest_form() {
        for (length, head) in [
            (0, &[4, 0][..]),
            (127, &[4, 127]),
            (128, &[4, 0x81, 128]),
            (255, &[4, 0x81, 255]),
            (256, &[4, 0x82, 1, 0]),
        ] {
            let der = tlv(4, &[&vec![7; length]]);
            assert!(der.starts_with(head), "{length}");
            assert_eq!(der.len(), head.len() + length);
        }
    }
}
