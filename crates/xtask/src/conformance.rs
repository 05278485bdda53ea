//! The conformance table: which test proves which requirement.
//!
//! `docs/requirements.tsv` lists the requirements. A test names those that it proves in a doc comment of the form
//! `/// Proves: B26, B27`. From the two `docs/conformance.md` is written, so that it cannot go stale.

mod proof;
mod requirement;
mod source_files;
mod table;

use std::{collections::BTreeSet, fs, path::Path};

use crate::failure::Failure;
use proof::Proof;
use requirement::Requirement;

const REQUIREMENTS: &str = "docs/requirements.tsv";
const TABLE: &str = "docs/conformance.md";

/// Where tests are looked for.
const SOURCES: [&str; 2] = ["crates", "tests"];

/// Writes the table.
pub(crate) fn write(root: &Path) -> Result<(), Failure> {
    let text = generate(root)?;
    fs::write(root.join(TABLE), &text)
        .map_err(|error| Failure::new(format!("{TABLE} cannot be written: {error}")))?;
    eprintln!("xtask: {TABLE} written");
    Ok(())
}

/// Compares the committed table with what would be written.
pub(crate) fn check(root: &Path) -> Result<(), Failure> {
    let wanted = generate(root)?;
    let committed = fs::read_to_string(root.join(TABLE)).unwrap_or_default();
    match first_difference(&committed, &wanted) {
        None => {
            eprintln!("xtask: {TABLE} is up to date");
            Ok(())
        }
        Some(difference) => Err(Failure::new(format!(
            "{TABLE} is out of date; write it by `cargo xtask conformance`\n{difference}"
        ))),
    }
}

fn generate(root: &Path) -> Result<String, Failure> {
    let text = read(root, REQUIREMENTS)?;
    let requirements = requirement::parse(&text)
        .map_err(|problems| Failure::new(format!("{REQUIREMENTS}:\n{}", problems.join("\n"))))?;

    let mut proofs = Vec::new();
    let mut problems = Vec::new();
    for path in source_files::under(root, &SOURCES)? {
        let source = read(root, &path)?;
        proof::scan(&path, &source, &mut proofs, &mut problems);
    }
    problems.extend(unknown_ids(&requirements, &proofs));
    if problems.is_empty() {
        Ok(table::render(&requirements, &proofs))
    } else {
        Err(Failure::new(format!(
            "the tests' `Proves:` lines have faults:\n{}",
            problems.join("\n")
        )))
    }
}

fn unknown_ids(requirements: &[Requirement], proofs: &[Proof]) -> Vec<String> {
    let known: BTreeSet<&str> = requirements.iter().map(|known| known.id.as_str()).collect();
    proofs
        .iter()
        .flat_map(|proof| proof.ids.iter().map(move |id| (proof, id)))
        .filter(|(_, id)| !known.contains(id.as_str()))
        .map(|(proof, id)| {
            format!(
                "{}:{}: {REQUIREMENTS} has no requirement {id}",
                proof.path, proof.line
            )
        })
        .collect()
}

fn read(root: &Path, path: &str) -> Result<String, Failure> {
    fs::read_to_string(root.join(path))
        .map_err(|error| Failure::new(format!("{path} cannot be read: {error}")))
}

fn first_difference(committed: &str, wanted: &str) -> Option<String> {
    if committed == wanted {
        return None;
    }
    let mut committed = committed.lines();
    let mut wanted = wanted.lines();
    let mut line = 0;
    loop {
        line += 1;
        match (committed.next(), wanted.next()) {
            (None, None) => return Some("only the line ends differ".to_owned()),
            (is, should_be) if is != should_be => {
                return Some(format!(
                    "line {line}\n  is:        {}\n  should be: {}",
                    is.unwrap_or("(missing)"),
                    should_be.unwrap_or("(nothing)")
                ));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_no_requirement_has_is_named_with_its_place() {
        let requirements = requirement::parse("A01\tSHALL\tx\tours").unwrap();
        let mut proofs = Vec::new();
        let mut problems = Vec::new();
        let source = ["/// Proves: A01, A99", "#[test]", "fn t() {}"].join("\n");
        proof::scan("crates/x/src/lib.rs", &source, &mut proofs, &mut problems);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(
            unknown_ids(&requirements, &proofs),
            ["crates/x/src/lib.rs:1: docs/requirements.tsv has no requirement A99"]
        );
    }

    #[test]
    fn the_first_line_that_differs_is_shown() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        let difference = first_difference("a\nb\n", "a\nc\n").unwrap();
        assert!(difference.contains("line 2"), "{difference}");
        let missing = first_difference("", "a\n").unwrap();
        assert!(missing.contains("(missing)"), "{missing}");
        assert!(first_difference("a\r\n", "a\n").is_some());
    }

    /// The list in the repository can be read, whatever the tests of the other crates say.
    #[test]
    fn the_committed_requirements_have_no_fault() {
        let workspace = crate::workspace::Workspace::find();
        let text = read(workspace.root(), REQUIREMENTS).unwrap();
        let requirements = requirement::parse(&text).unwrap();
        assert!(requirements.len() > 200, "{}", requirements.len());
    }
}
