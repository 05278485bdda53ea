//! Names of leaves, and name constraints of every form.

use crate::der::{rdn, sequence, tlv};
use crate::dice::Dice;
use crate::plan::{name, named};

/// A GeneralName for a subjectAltName, mostly well formed.
pub(crate) fn alternative_name(dice: &mut Dice) -> Vec<u8> {
    let dns = [
        "app.example.org",
        "example.org",
        "a.b.example.com",
        "*.example.org",
        "EXAMPLE.org",
        "localhost",
        "xn--bcher-kva.example",
    ];
    let odd_dns = [
        "",
        ".example.org",
        "app.example.org.",
        "a b",
        "app.example.org\0.example.com",
        "*",
    ];
    let mail = [
        "admin@example.org",
        "a@app.example.org",
        "Admin@EXAMPLE.org",
        "x@example.com",
    ];
    let odd_mail = [
        "example.org",
        "@example.org",
        "a@b@example.org",
        "\"a@b\"@example.org",
        "a@",
        "a@.example.org",
    ];
    // None with user information, which OpenSSL takes for a part of the host.
    let uri = [
        "https://app.example.org/udap",
        "https://example.org",
        "https://APP.example.com:8443/x?y#z",
        "urn:oid:1.2.3",
        "https://192.0.2.1/",
        "https://[2001:db8::1]/",
        "mailto:a@example.org",
        "https://localhost/",
    ];
    let odd_uri = [
        "",
        "app",
        "//app.example.org",
        "https://",
        "https://a\\@app.example.org/",
        "https://app.example.org./",
        "https:app.example.org",
        "https://a@b@app.example.org/",
    ];
    let odd = dice.once_in(12);
    let text = |dice: &mut Dice, good: &[&'static str], bad: &[&'static str]| {
        *dice.pick(if odd { bad } else { good })
    };
    match dice.below(7) {
        0 | 1 => tlv(0x82, text(dice, &dns, &odd_dns)),
        2 => tlv(0x81, text(dice, &mail, &odd_mail)),
        3 | 4 => tlv(0x86, text(dice, &uri, &odd_uri)),
        5 => tlv(0xa4, directory_name(dice)),
        _ if odd => tlv(0x87, [192, 0, 2]),
        _ => address(dice),
    }
}

fn address(dice: &mut Dice) -> Vec<u8> {
    let v6 = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    match dice.below(4) {
        0 => tlv(0x87, [192, 0, 2, 1]),
        1 => tlv(0x87, [10, 1, 2, 3]),
        2 => tlv(0x87, v6),
        _ => tlv(0x87, [127, 0, 0, 1]),
    }
}

fn directory_name(dice: &mut Dice) -> Vec<u8> {
    let organization = rdn(&[10], 0x0c, b"Example");
    match dice.below(8) {
        0 => name(&[organization]),
        1 => named("Leaf"),
        2 => name(&[rdn(&[10], 0x13, b"EXAMPLE")]),
        3 => name(&[rdn(&[10], 0x0c, b"Other")]),
        4 => name(&[rdn(&[6], 0x13, b"US"), organization]),
        5 => name(&[organization, rdn(&[11], 0x0c, b"Unit")]),
        6 => name(&[rdn(&[10], 0x0c, b" Example ")]),
        _ => name(&[]),
    }
}

fn base(dice: &mut Dice) -> Vec<u8> {
    let host = [
        "example.org",
        ".example.org",
        "app.example.org",
        "com",
        "example.com",
        "",
        "org",
        "EXAMPLE.ORG",
        ".",
        "example.org.",
        "xample.org",
    ];
    let mail = [
        "example.org",
        ".example.org",
        "admin@example.org",
        "example.com",
        "",
        "ADMIN@example.org",
        "@example.org",
    ];
    match dice.below(9) {
        0 | 1 => tlv(0x82, dice.pick(&host)),
        2 => tlv(0x81, dice.pick(&mail)),
        3 | 4 => tlv(0x86, dice.pick(&host)),
        5 | 6 => tlv(0xa4, directory_name(dice)),
        7 => {
            let networks: [&[u8]; 8] = [
                &[192, 0, 2, 0, 255, 255, 255, 0],
                &[10, 0, 0, 0, 255, 0, 0, 0],
                &[0, 0, 0, 0, 0, 0, 0, 0],
                &[192, 0, 2, 1, 255, 255, 255, 255],
                // Host bits set, a mask with a gap, a wrong length.
                &[192, 0, 2, 9, 255, 255, 255, 0],
                &[192, 0, 2, 0, 255, 0, 255, 0],
                &[192, 0, 2, 0],
                &[
                    0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 0,
                    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                ],
            ];
            tlv(0x87, dice.pick(&networks))
        }
        // registeredID, otherName
        _ if dice.once_in(2) => tlv(0x88, [0x2a, 3]),
        _ => tlv(0xa0, [vec![0x06, 2, 0x2a, 3], tlv(0xa0, [5, 0])].concat()),
    }
}

/// The value of nameConstraints.
pub(crate) fn constraints(dice: &mut Dice) -> Vec<u8> {
    let mut subtrees = |count: usize| -> Vec<u8> {
        (0..count)
            .flat_map(|_| {
                let base = base(dice);
                // minimum, maximum
                let rest = match dice.below(30) {
                    0 => tlv(0x80, [0]),
                    1 => tlv(0x80, [1]),
                    2 => tlv(0x81, [2]),
                    _ => Vec::new(),
                };
                sequence([base, rest].concat())
            })
            .collect()
    };
    let (one, other) = (subtrees(1), subtrees(2));
    let (permitted, excluded) = match dice.below(6) {
        0 | 1 => (tlv(0xa0, one), Vec::new()),
        2 | 3 => (Vec::new(), tlv(0xa1, one)),
        4 => (tlv(0xa0, other), tlv(0xa1, one)),
        _ if dice.once_in(8) => (Vec::new(), Vec::new()),
        _ => (tlv(0xa0, other), Vec::new()),
    };
    sequence([permitted, excluded].concat())
}
