//! Certificates by themselves and in `x5c`.

use serde_json::Value;
use udap::certificate::Certificate;
use udap_fuzz::world::{APP, world, x5c_entry};
use udap_testkit::{KeyKind, LeafFlaw};

use super::Corpus;
use super::extensions::odd_signed_parts;
use super::statements::Fixture;

pub(super) fn certificates(corpus: &Corpus, fixture: &Fixture) {
    let Fixture { community, leaf } = fixture;
    let put = |name: &str, der: &[u8]| corpus.put("certificate", name, der);
    put("root", community.root().der());
    put("intermediate", community.intermediate().der());
    put("p256", leaf.der());
    for kind in [KeyKind::P384, KeyKind::Rsa2048, KeyKind::Rsa3072] {
        let leaf = community.leaf(APP).key_kind(kind).build();
        put(&format!("{kind:?}").to_lowercase(), leaf.der());
    }
    for flaw in LeafFlaw::ALL {
        // What is wrong with their paths does not show in them.
        if !flaw.name().contains("intermediate") {
            put(flaw.name(), community.leaf(APP).flaw(flaw).build().der());
        }
    }
    for (name, signed) in odd_signed_parts(Certificate::from_der(leaf.der()).expect("DER").tbs()) {
        put(name, &world().by_intermediate(&signed));
    }
    put("pem", leaf.chain_pem().as_bytes());
    let noise = format!("subject=x\r\n{}\n{}", leaf.key().public_pem(), leaf.pem());
    put("pem-with-noise", noise.as_bytes());

    let x5c = |name: &str, content: &[u8]| corpus.put("x5c", name, content);
    let (own, above, root) = (
        leaf.der(),
        community.intermediate().der(),
        community.root().der(),
    );
    x5c("one", own);
    x5c("three", &[own, above, root].concat());
    x5c("repeated", &[own, above, own, above, above].concat());
    x5c("eleven", &own.repeat(11));
    let texts: Vec<Value> = [own, above].map(|der| x5c_entry(der).into()).to_vec();
    x5c("json", Value::from(texts).to_string().as_bytes());
    x5c("json-empty", b"[]");
    x5c("json-numbers", b"[1,\"\",null,\"MAA=\"]");
    x5c("json-no-list", b"{\"x5c\":\"MAA=\"}");
}
