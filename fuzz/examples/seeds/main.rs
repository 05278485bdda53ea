//! Writes `fixtures` and `corpus` anew, from communities of the test kit:
//!
//! ```text
//! cargo run --manifest-path fuzz/Cargo.toml --example seeds
//! ```
//!
//! Keys are new each time and none is kept, so every file of a community changes. Corpus files of
//! other names, such as findings, stay.
mod answers;
mod certificates;
mod extensions;
mod lists;
mod paths;
mod statements;
mod texts;

use std::fs;
use std::path::{Path, PathBuf};

use udap_fuzz::world::world;

use statements::Fixture;

fn main() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = Corpus(here.join("corpus"));
    let fixture = Fixture::new();
    fixture.write(&here.join("fixtures"));

    statements::requests(&corpus, &fixture);
    statements::statements(&corpus, &fixture);
    statements::certifications(&corpus, &fixture);
    statements::tokens(&corpus, &fixture);
    certificates::certificates(&corpus, &fixture);
    lists::lists(&corpus, &fixture);
    answers::answers(&corpus, world());
    paths::paths(&corpus, world());
    paths::revocations(&corpus, world());
    texts::claims(&corpus);
    texts::texts(&corpus);
}

/// The folder `corpus`.
struct Corpus(PathBuf);

impl Corpus {
    fn put(&self, target: &str, name: &str, content: impl AsRef<[u8]>) {
        write(&self.0.join(target), name, content.as_ref());
    }
}

fn write(folder: &Path, name: &str, content: &[u8]) {
    fs::create_dir_all(folder).expect("a folder can be made");
    fs::write(folder.join(name), content).expect("a file can be written");
}
