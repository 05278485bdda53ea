//! OCSP: signed parts of answers about the leaf, and one whole answer.

use udap_fuzz::world::{NOW, World};

use super::Corpus;

pub(super) fn answers(corpus: &Corpus, world: &World) {
    let of = &world.community;
    let about = |serial: &[u8]| of.ocsp(of.intermediate(), serial);
    let good = || about(world.leaf.serial());
    let put = |name: &str, der: &[u8]| corpus.put("ocsp", name, world.mark(der));
    put("whole", &good().build());
    put("good", &good().build_data());
    put("revoked", &good().revoked().build_data());
    put("unknown", &good().unknown().build_data());
    put(
        "no-next-update",
        &good().this_update(NOW).next_update(None).build_data(),
    );
    put("other", &about(&[7; 16]).build_data());
}
