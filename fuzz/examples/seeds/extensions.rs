//! Extensions of every kind that readers and judge know.

use udap_fuzz::der::{tlv, with_extension};
use udap_fuzz::world::{APP, PKI};

/// A certificate's signed part with extensions that the test kit's certificates lack.
pub(super) fn odd_signed_parts(signed: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let sequence = |parts: &[Vec<u8>]| tlv(0x30, &parts.concat());
    let text = |tag: u8, text: &str| tlv(tag, text.as_bytes());
    let oid = |octets: &[u8]| tlv(0x06, octets);
    let name = tlv(
        0xa4,
        &sequence(&[tlv(
            0x31,
            &sequence(&[oid(b"\x55\x04\x03"), text(0x0c, "x")]),
        )]),
    );
    let address = tlv(0x87, b"\x0a\x00\x00\x01");
    let net = tlv(0x87, b"\x0a\x00\x00\x00\xff\x00\x00\x00");
    let names = [
        text(0x82, "app.example.org"),
        text(0x81, "a@example.org"),
        text(0x86, APP),
    ];
    let subtrees = |tag: u8, names: &[Vec<u8>]| {
        let each: Vec<Vec<u8>> = names.iter().map(|name| tlv(0x30, name)).collect();
        tlv(tag, &each.concat())
    };
    let hosts = [
        text(0x82, "example.org"),
        text(0x81, "example.org"),
        text(0x86, ".example.org"),
        net.clone(),
        name.clone(),
    ];
    let many: Vec<Vec<u8>> = (0..400)
        .map(|number| text(0x82, &format!("{number}.example.org")))
        .collect();
    let any_policy = oid(b"\x55\x1d\x20\x00");
    let policy = oid(b"\x2b\x06\x01\x04\x01\x81\xfd\x79\x01");
    let notice = sequence(&[
        oid(b"\x2b\x06\x01\x05\x05\x07\x02\x02"),
        sequence(&[
            sequence(&[text(0x0c, "x"), sequence(&[vec![2, 1, 1]])]),
            text(0x0c, "notice"),
        ]),
    ]);
    let cps = sequence(&[oid(b"\x2b\x06\x01\x05\x05\x07\x02\x01"), text(0x16, APP)]);
    let point = |parts: &[Vec<u8>]| sequence(&[sequence(parts)]);
    let full = tlv(
        0xa0,
        &tlv(0xa0, &text(0x86, "http://pki.example.org/x.crl")),
    );
    let relative = tlv(
        0xa0,
        &tlv(0xa1, &sequence(&[oid(b"\x55\x04\x03"), text(0x0c, "x")])),
    );
    let extensions: [(&'static str, &[u8], bool, Vec<u8>); 15] = [
        (
            "policies",
            b"\x55\x1d\x20",
            false,
            sequence(&[
                sequence(&[policy.clone(), sequence(&[notice, cps])]),
                sequence(std::slice::from_ref(&any_policy)),
            ]),
        ),
        (
            "policy-mappings",
            b"\x55\x1d\x21",
            true,
            sequence(&[sequence(&[policy.clone(), policy])]),
        ),
        (
            "policy-constraints",
            b"\x55\x1d\x24",
            true,
            tlv(0x30, b"\x80\x01\x00\x81\x01\x01"),
        ),
        ("inhibit-any-policy", b"\x55\x1d\x36", true, vec![2, 1, 0]),
        (
            "permitted",
            b"\x55\x1d\x1e",
            true,
            sequence(&[subtrees(0xa0, &hosts)]),
        ),
        (
            "excluded",
            b"\x55\x1d\x1e",
            true,
            sequence(&[subtrees(0xa1, &hosts)]),
        ),
        (
            "permitted-many",
            b"\x55\x1d\x1e",
            true,
            sequence(&[subtrees(0xa0, &many)]),
        ),
        (
            "issuer-names",
            b"\x55\x1d\x12",
            false,
            sequence(&[names.concat(), address.clone(), name]),
        ),
        (
            "directory-attributes",
            b"\x55\x1d\x09",
            false,
            sequence(&[sequence(&[
                oid(b"\x55\x04\x03"),
                tlv(0x31, &text(0x0c, "x")),
            ])]),
        ),
        (
            "private-key-period",
            b"\x55\x1d\x10",
            false,
            tlv(0x30, b"\x80\x0f20260101000000Z"),
        ),
        (
            "freshest",
            b"\x55\x1d\x2e",
            false,
            point(std::slice::from_ref(&full)),
        ),
        (
            "points",
            b"\x55\x1d\x1f",
            false,
            sequence(&[
                sequence(&[relative]),
                sequence(&[full, tlv(0x81, b"\x01\x7e")]),
                sequence(&[tlv(0xa2, &text(0x86, PKI))]),
            ]),
        ),
        (
            "name-many",
            b"\x55\x1d\x11",
            false,
            sequence(&[many.concat(), address]),
        ),
        (
            "sia",
            b"\x2b\x06\x01\x05\x05\x07\x01\x0b",
            false,
            sequence(&[sequence(&[
                oid(b"\x2b\x06\x01\x05\x05\x07\x30\x05"),
                text(0x86, PKI),
            ])]),
        ),
        (
            "any-usage",
            b"\x55\x1d\x25",
            true,
            sequence(&[oid(b"\x55\x1d\x25\x00")]),
        ),
    ];
    extensions
        .into_iter()
        .map(|(name, oid, critical, content)| {
            let signed = with_extension(signed, oid, critical, &content);
            (name, signed.expect("the seed has extensions"))
        })
        .collect()
}

/// issuingDistributionPoint in its kinds.
pub(super) fn scopes() -> [(&'static str, Vec<u8>); 6] {
    let url = tlv(0x86, format!("{PKI}intermediate.crl").as_bytes());
    let point = tlv(0xa0, &tlv(0xa0, &url));
    [
        ("point", tlv(0x30, &point)),
        ("only-users", tlv(0x30, b"\x81\x01\xff")),
        ("only-cas", tlv(0x30, b"\x82\x01\xff")),
        ("some-reasons", tlv(0x30, b"\x83\x02\x01\x7e")),
        (
            "indirect",
            tlv(0x30, &[&point[..], b"\x84\x01\xff"].concat()),
        ),
        ("only-attributes", tlv(0x30, b"\x85\x01\xff")),
    ]
}
