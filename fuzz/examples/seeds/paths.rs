//! What `path` and `revocation` sign anew: signed parts of certificates and lists.

use udap::certificate::Certificate;
use udap_fuzz::der::with_extension;
use udap_fuzz::world::{APP, NOW, World, replace};
use udap_testkit::{KeyKind, LeafFlaw};

use super::Corpus;
use super::extensions::{odd_signed_parts, scopes};
use super::lists::signed_part;

pub(super) fn paths(corpus: &Corpus, world: &World) {
    let put = |name: &str, parts: &[Vec<u8>]| {
        let parts: Vec<Vec<u8>> = parts.iter().map(|part| world.mark(part)).collect();
        corpus.put("path", name, parts.concat());
    };
    let (leaf, issuer) = (
        world.client.tbs().to_vec(),
        world.intermediate.tbs().to_vec(),
    );
    put("leaf", std::slice::from_ref(&leaf));
    put("two", &[leaf.clone(), issuer.clone()]);
    put(
        "root-too",
        &[
            leaf.clone(),
            issuer.clone(),
            issuer.clone(),
            world.root.tbs().to_vec(),
        ],
    );
    for (name, odd) in odd_signed_parts(&leaf) {
        put(&format!("leaf-{name}"), &[odd, issuer.clone()]);
    }
    for (name, odd) in odd_signed_parts(&issuer) {
        put(&format!("issuer-{name}"), &[leaf.clone(), odd]);
    }
    // Paths through CAs of their own, which here have the issuing CA's key.
    for flaw in [
        LeafFlaw::NameConstraintViolation,
        LeafFlaw::PathLengthExceeded,
        LeafFlaw::IntermediateNotCa,
        LeafFlaw::IntermediateWithoutKeyCertSign,
        LeafFlaw::IntermediateExpired,
        LeafFlaw::UnknownCriticalExtension,
        LeafFlaw::DuplicateExtension,
        LeafFlaw::NoDigitalSignature,
    ] {
        let leaf = world
            .community
            .leaf(APP)
            .key_kind(KeyKind::P256)
            .flaw(flaw)
            .build();
        let mut parts = vec![signed_part(leaf.der())];
        for der in leaf.intermediates().iter().rev() {
            parts.push(with_issuing_key(world, der));
        }
        put(flaw.name(), &parts);
    }
}

fn with_issuing_key(world: &World, der: &[u8]) -> Vec<u8> {
    let point = |certificate: &Certificate| {
        let spki = certificate.key().expect("P-256").spki();
        spki[spki.len() - 64..].to_vec()
    };
    let own = Certificate::from_der(der).expect("DER");
    replace(own.tbs(), &point(&own), &point(&world.intermediate))
}

pub(super) fn revocations(corpus: &Corpus, world: &World) {
    let community = &world.community;
    let root = signed_part(&community.crl(community.root()).build());
    let list = || community.crl(community.intermediate());
    let put = |name: &str, lists: &[Vec<u8>]| {
        let lists: Vec<Vec<u8>> = lists.iter().map(|list| world.mark(list)).collect();
        corpus.put("revocation", name, lists.concat());
    };
    let good = signed_part(&list().build());
    let revoked = signed_part(&list().revoke(world.leaf.serial()).build());
    let hold = signed_part(&list().revoke(world.leaf.serial()).on_hold().build());
    let hour = time::Duration::hours(1);
    let old = signed_part(
        &list()
            .this_update(NOW - 9 * hour)
            .next_update(NOW - hour)
            .build(),
    );
    put("good", &[good.clone(), root.clone()]);
    put("revoked", &[revoked.clone(), root.clone()]);
    put("hold", &[hold, root.clone()]);
    put("old", &[old.clone(), root.clone()]);
    put("alone", std::slice::from_ref(&good));
    put(
        "four",
        &[
            good.clone(),
            root.clone(),
            revoked,
            root.clone(),
            old,
            root.clone(),
        ],
    );
    let by_root = community
        .crl(community.root())
        .revoke(world.community.intermediate().serial());
    put(
        "issuer-revoked",
        &[good.clone(), signed_part(&by_root.build())],
    );
    for (name, content) in scopes() {
        let odd = with_extension(&good, b"\x55\x1d\x1c", true, &content);
        put(name, &[odd.expect("it has extensions"), root.clone()]);
    }
}
