//! The openssl command, for a second opinion.

use std::process::Command;

use crate::ran::Place;

/// Runs `openssl` in the place. Returns whether it went well, and all that it said.
pub(crate) fn openssl(place: &Place, line: &str) -> (bool, String) {
    let output = Command::new("openssl")
        .args(line.split_whitespace())
        .current_dir(place.path(""))
        .output()
        .expect("the openssl command line tool is needed for this test");
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

/// The same, where it has to go well.
#[track_caller]
pub(crate) fn openssl_says(place: &Place, line: &str) -> String {
    let (good, text) = openssl(place, line);
    assert!(good, "openssl {line}: {text}");
    text
}
