//! What an AIA address may answer with: one certificate in DER, a "certs-only" PKCS #7 message in
//! DER (RFC 5280 §4.2.2.1), or, against the RFC but seen, either in PEM.
//!
//! The message is walked here rather than decoded by crate `cms`: that decodes each certificate into
//! its own types, so one odd certificate would spoil the others, and what it encodes again need not
//! be what was signed.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Reader, SliceReader, Tag, TagNumber};
use udap::certificate::Certificate;

use crate::limits;

/// id-signedData (RFC 5652 §5.1).
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");

/// The first CA certificates of an answer, at most [`limits::AIA_CERTIFICATES`] certificates being
/// looked at. Others can be no issuers.
pub(super) fn ca_certificates(body: &[u8]) -> Vec<Certificate> {
    candidates(body)
        .iter()
        .take(limits::AIA_CERTIFICATES)
        .filter_map(|der| Certificate::from_der(der).ok())
        .filter(Certificate::is_ca)
        .collect()
}

fn candidates(body: &[u8]) -> Vec<Vec<u8>> {
    if body.first() == Some(&0x30) {
        return der_candidates(body);
    }
    let Ok(blocks) = pem::parse_many(body) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for block in blocks {
        match block.tag() {
            "CERTIFICATE" | "X509 CERTIFICATE" => found.push(block.into_contents()),
            "PKCS7" | "CMS" => found.extend(der_candidates(block.contents())),
            _ => {}
        }
    }
    found
}

fn der_candidates(der: &[u8]) -> Vec<Vec<u8>> {
    match message(der) {
        Ok(certificates) => certificates.into_iter().map(<[u8]>::to_vec).collect(),
        // No such message, so it is a certificate or nothing.
        Err(_) => vec![der.to_vec()],
    }
}

/// The certificates of a message, each as it was signed.
fn message(der: &[u8]) -> der::Result<Vec<&[u8]>> {
    let mut info = SliceReader::new(expect(AnyRef::from_der(der)?, Tag::Sequence)?)?;
    let kind = ObjectIdentifier::decode(&mut info)?;
    if kind != SIGNED_DATA {
        return Err(Tag::ObjectIdentifier.value_error().into());
    }
    let content = expect(AnyRef::decode(&mut info)?, CONTENT)?;
    let signed = expect(AnyRef::from_der(content)?, Tag::Sequence)?;
    let mut signed = SliceReader::new(signed)?;
    // Before the certificates: version, digest algorithms, the (empty) content.
    for _ in 0..3 {
        AnyRef::decode(&mut signed)?;
    }
    let mut certificates = SliceReader::new(expect(AnyRef::decode(&mut signed)?, CONTENT)?)?;
    let mut found = Vec::new();
    while !certificates.is_finished() && found.len() < limits::AIA_CERTIFICATES {
        let one = certificates.tlv_bytes()?;
        // The other choices are certificates of bygone kinds.
        if one.first() == Some(&0x30) {
            found.push(one);
        }
    }
    Ok(found)
}

/// `[0]`: the content of a ContentInfo, and the certificates of a SignedData.
const CONTENT: Tag = Tag::ContextSpecific {
    constructed: true,
    number: TagNumber(0),
};

fn expect(value: AnyRef<'_>, tag: Tag) -> der::Result<&[u8]> {
    value.header().tag().assert_eq(tag)?;
    Ok(value.value())
}

#[cfg(test)]
mod tests;
