//! Revocation lists.

use udap_fuzz::der::{self, with_extension};
use udap_fuzz::world::{world, x5c_entry};

use super::Corpus;
use super::extensions::scopes;
use super::statements::Fixture;

pub(super) fn lists(corpus: &Corpus, fixture: &Fixture) {
    let Fixture { community, leaf } = fixture;
    let issuer = community.intermediate();
    let put = |name: &str, der: &[u8]| corpus.put("crl", name, der);
    put("root", &community.crl(community.root()).build());
    put("empty", &community.crl(issuer).build());
    put(
        "revoked",
        &community.crl(issuer).revoke(leaf.serial()).build(),
    );
    put(
        "hold",
        &community
            .crl(issuer)
            .revoke(&[1])
            .revoke(&[0x7f; 20])
            .on_hold()
            .build(),
    );
    let many = (1..=100_u8).fold(community.crl(issuer), |list, serial| {
        list.revoke(&[serial, 7])
    });
    let many = many.build();
    put("many", &many);
    let pem = format!(
        "-----BEGIN X509 CRL-----\n{}\n-----END X509 CRL-----\n",
        x5c_entry(&many)
    );
    put("pem", pem.as_bytes());
    let signed = signed_part(&many);
    for (name, content) in scopes() {
        let odd = with_extension(&signed, b"\x55\x1d\x1c", true, &content);
        put(
            name,
            &world().by_intermediate(&odd.expect("it has extensions")),
        );
    }
    let delta = with_extension(&signed, b"\x55\x1d\x1b", true, &[2, 1, 1]);
    put(
        "delta",
        &world().by_intermediate(&delta.expect("it has extensions")),
    );
}

pub(super) fn signed_part(der: &[u8]) -> Vec<u8> {
    der::signed_part(der).expect("a signed part").to_vec()
}
