//! `udap completions` and `udap man`.

use crate::ran::Place;

#[test]
fn completions_know_the_verbs_of_every_shell() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.run(&format!("completions {shell}")).good().out;
        assert!(script.contains("needs-renewal"), "{shell}");
    }
    place.run("completions cmd").misused();
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let place = Place::new();
    place.run("man pages").good();
    for page in [
        "udap.1",
        "udap-ca.1",
        "udap-ca-needs-renewal.1",
        "udap-lint.1",
    ] {
        assert!(
            place.read(&format!("pages/{page}")).contains(".TH"),
            "{page}"
        );
    }
    let page = place.read("pages/udap-ca-export.1");
    assert!(page.contains("PKCS#12"), "{page}");
}
