//! Answers of every kind.

use time::macros::datetime;
use udap_testkit::TestCommunity;

use super::*;

fn community() -> TestCommunity {
    TestCommunity::new("example", datetime!(2026-11-22 12:00 UTC))
}

/// One element of DER.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = vec![tag];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            out.push(0x83);
            out.extend(&u32::try_from(length).unwrap().to_be_bytes()[1..]);
            // DER wants the shortest form.
            if length < 0x1_0000 {
                out[1] = 0x82;
                out.remove(2);
            }
            if length < 0x100 {
                out[1] = 0x81;
                out.remove(2);
            }
        }
    }
    out.extend_from_slice(content);
    out
}

/// A "certs-only" message with the certificates in that order.
fn certs_only(certificates: &[&[u8]]) -> Vec<u8> {
    const DATA: [u8; 11] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
    const SIGNED: [u8; 11] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
    let signed = [
        tlv(0x02, &[1]),
        tlv(0x31, &[]),
        tlv(0x30, &DATA),
        tlv(0xa0, &certificates.concat()),
        tlv(0x31, &[]),
    ]
    .concat();
    let content = tlv(0xa0, &tlv(0x30, &signed));
    tlv(0x30, &[SIGNED.as_slice(), &content].concat())
}

fn ders(body: &[u8]) -> Vec<Vec<u8>> {
    let found = ca_certificates(body);
    found.iter().map(|one| one.der().to_vec()).collect()
}

/// Proves: C07, C08
#[test]
fn one_certificate_is_read_in_der_and_pem() {
    let of = community();
    let wanted = [of.intermediate().der().to_vec()];
    assert_eq!(ders(of.intermediate().der()), wanted);
    assert_eq!(ders(of.intermediate().pem().as_bytes()), wanted);
}

/// Proves: C07, C08
#[test]
fn a_message_of_certificates_is_read_in_any_order_and_as_it_was_signed() {
    let of = community();
    let (root, intermediate) = (of.root().der(), of.intermediate().der());
    for order in [[root, intermediate], [intermediate, root]] {
        assert_eq!(ders(&certs_only(&order)), order);
    }
    let pem = pem::encode(&pem::Pem::new("PKCS7", certs_only(&[root])));
    assert_eq!(ders(pem.as_bytes()), [root]);
}

/// Proves: C08
#[test]
fn only_ca_certificates_count_and_an_odd_one_spoils_nothing() {
    let of = community();
    let leaf = of.client("https://app.example.org/");
    let attribute = tlv(0xa1, &[5, 0]);
    let body = certs_only(&[leaf.der(), &attribute, &tlv(0x30, &[5, 0]), of.root().der()]);
    assert_eq!(ders(&body), [of.root().der()]);
    assert!(ders(leaf.der()).is_empty());
}

/// Proves: C08
#[test]
fn no_more_than_ten_certificates_are_looked_at() {
    let of = community();
    let leaf = of.client("https://app.example.org/");
    let mut many = vec![leaf.der(); 9];
    many.push(of.intermediate().der());
    many.push(of.root().der());
    assert_eq!(ders(&certs_only(&many)), [of.intermediate().der()]);
    let pem = leaf_pem(&leaf).repeat(10) + &of.root().pem();
    assert!(ders(pem.as_bytes()).is_empty());
}

fn leaf_pem(leaf: &udap_testkit::TestLeaf) -> String {
    pem::encode(&pem::Pem::new("CERTIFICATE", leaf.der()))
}

#[test]
fn what_is_neither_is_nothing() {
    let of = community();
    let root = of.root().der();
    let whole = certs_only(&[root]);
    for body in [
        b"".to_vec(),
        b"<html><body>not found</body></html>".to_vec(),
        b"-----BEGIN CERTIFICATE-----\nnonsense\n".to_vec(),
        vec![0x30],
        vec![0x30, 0x80, 0, 0],
        vec![0x30; 64 * 1024],
        root[1..].to_vec(),
        [root, b"x"].concat(),
        [whole.as_slice(), b"x"].concat(),
    ] {
        assert!(ders(&body).is_empty(), "{body:?}");
    }
    for length in 0..whole.len() {
        assert!(ders(&whole[..length]).is_empty(), "{length}");
    }
    for place in 0..whole.len() - root.len() {
        let mut body = whole.clone();
        body[place] ^= 0x55;
        let _ = ders(&body);
    }
}
