//! Finds the tests that name requirements.
//!
//! Read line by line, since the form is fixed: the line `/// Proves: B26, B27`, further doc comments and attributes,
//! one of them a test attribute, then the function. Whatever differs is a fault, so that no proof is lost unseen.

use super::requirement::is_id;

/// A test and the requirements that it proves.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Proof {
    /// From the root, with `/` between the parts.
    pub(super) path: String,
    /// Of the `Proves:` line, from 1.
    pub(super) line: usize,
    /// As `udap::jws::name` or `tests/behaviour/file::name`.
    pub(super) test: String,
    pub(super) ids: Vec<String>,
    /// `#[ignore]`d: run only when asked for.
    pub(super) ignored: bool,
}

const MARK: &str = "/// Proves:";

/// The lines between a mark and its function.
#[derive(Debug)]
struct Pending {
    line: usize,
    ids: Vec<String>,
    is_test: bool,
    ignored: bool,
    /// An attribute that goes on over lines: how many brackets are open.
    open_brackets: usize,
}

/// Adds the file's proofs, and its faults as `path:line: what`.
pub(super) fn scan(path: &str, source: &str, proofs: &mut Vec<Proof>, problems: &mut Vec<String>) {
    let module = module_path(path);
    let mut pending: Option<Pending> = None;
    for (number, line) in (1..).zip(source.lines()) {
        let line = line.trim();
        if let Some(listed) = line.strip_prefix(MARK) {
            match parse_ids(listed) {
                Err(problem) => problems.push(format!("{path}:{number}: {problem}")),
                Ok(ids) => pending.get_or_insert_with(|| Pending::new(number)).add(ids),
            }
        } else if is_near_miss(line) {
            problems.push(format!(
                "{path}:{number}: write it as `{MARK} A01, A02`, or it does not count"
            ));
        } else if let Some(mut open) = pending.take() {
            match open.read(line) {
                Reading::GoesOn => pending = Some(open),
                Reading::Function(name) if open.is_test => proofs.push(Proof {
                    path: path.to_owned(),
                    line: open.line,
                    test: format!("{module}::{name}"),
                    ids: open.ids,
                    ignored: open.ignored,
                }),
                Reading::Function(_) | Reading::SomethingElse => {
                    problems.push(not_a_test(path, &open))
                }
            }
        }
    }
    if let Some(open) = pending {
        problems.push(not_a_test(path, &open));
    }
}

fn not_a_test(path: &str, open: &Pending) -> String {
    format!(
        "{path}:{}: `{MARK}` does not stand right above a test",
        open.line
    )
}

enum Reading<'a> {
    GoesOn,
    Function(&'a str),
    SomethingElse,
}

impl Pending {
    fn new(line: usize) -> Self {
        Self {
            line,
            ids: Vec::new(),
            is_test: false,
            ignored: false,
            open_brackets: 0,
        }
    }

    fn add(&mut self, ids: Vec<String>) {
        for id in ids {
            if !self.ids.contains(&id) {
                self.ids.push(id);
            }
        }
    }

    fn read<'a>(&mut self, line: &'a str) -> Reading<'a> {
        if self.open_brackets > 0 {
            self.count_brackets(line);
            return Reading::GoesOn;
        }
        if let Some(attribute) = line.strip_prefix("#[") {
            let end = attribute
                .find(['(', ']', '=', ' '])
                .unwrap_or(attribute.len());
            match attribute[..end].rsplit("::").next() {
                Some("test") => self.is_test = true,
                Some("ignore") => self.ignored = true,
                _ => {}
            }
            self.count_brackets(line);
            return Reading::GoesOn;
        }
        if line.is_empty() || line.starts_with("//") {
            return Reading::GoesOn;
        }
        function_name(line).map_or(Reading::SomethingElse, Reading::Function)
    }

    fn count_brackets(&mut self, line: &str) {
        // A bracket in a string would count too; in attributes of tests that has to be balanced.
        self.open_brackets += line.matches('[').count();
        self.open_brackets = self.open_brackets.saturating_sub(line.matches(']').count());
    }
}

/// The name in `pub async fn name(…`.
fn function_name(line: &str) -> Option<&str> {
    let mut rest = line;
    loop {
        let (word, after) = rest.split_once(' ')?;
        rest = after.trim_start();
        match word {
            "fn" => break,
            "pub" | "pub(crate)" | "pub(super)" | "async" | "const" => {}
            _ => return None,
        }
    }
    let end = rest.find(['(', '<', ' '])?;
    Some(&rest[..end])
}

fn parse_ids(listed: &str) -> Result<Vec<String>, String> {
    listed
        .split(',')
        .map(str::trim)
        .map(|id| {
            if is_id(id) {
                Ok(id.to_owned())
            } else {
                Err(format!("`{id}` is no requirement id"))
            }
        })
        .collect()
}

/// A comment that was meant as a mark.
fn is_near_miss(line: &str) -> bool {
    let text = line.trim_start_matches(['/', '!', '*']);
    text.len() < line.len()
        && line.starts_with('/')
        && text
            .trim_start()
            .get(..7)
            .is_some_and(|start| start.eq_ignore_ascii_case("proves:"))
}

/// `crates/udap/src/trust/path.rs` → `udap::trust::path`; `crates/udap-ca/tests/directory.rs` →
/// `udap-ca/tests/directory`; `tests/behaviour/replay.rs` → `tests/behaviour/replay`.
fn module_path(path: &str) -> String {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let parts: Vec<&str> = path.split('/').collect();
    let named = match parts.as_slice() {
        [above @ .., "mod" | "lib" | "main" | "tests"] => above,
        all => all,
    };
    match named {
        ["crates", package, "src", modules @ ..] => {
            let package = package.replace('-', "_");
            std::iter::once(package.as_str())
                .chain(modules.iter().copied())
                .collect::<Vec<_>>()
                .join("::")
        }
        ["crates", rest @ ..] => rest.join("/"),
        all => all.join("/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Sources are joined from single lines, since this file is scanned too.
    fn scanned(lines: &[&str]) -> (Vec<Proof>, Vec<String>) {
        let mut proofs = Vec::new();
        let mut problems = Vec::new();
        scan(
            "crates/udap-ca/src/serial.rs",
            &lines.join("\n"),
            &mut proofs,
            &mut problems,
        );
        (proofs, problems)
    }

    #[test]
    fn a_test_below_its_mark_is_found() {
        let (proofs, problems) = scanned(&[
            "mod tests {",
            "    /// Proves: J07, A01",
            "    #[test]",
            "    fn serials_are_random() {",
        ]);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(
            proofs,
            [Proof {
                path: "crates/udap-ca/src/serial.rs".to_owned(),
                line: 2,
                test: "udap_ca::serial::serials_are_random".to_owned(),
                ids: vec!["J07".to_owned(), "A01".to_owned()],
                ignored: false,
            }]
        );
    }

    #[test]
    fn attributes_and_further_doc_lines_may_stand_between() {
        let (proofs, problems) = scanned(&[
            "/// Proves: A01",
            "/// Proves: A02, A01",
            "/// Why so.",
            "#[cfg(unix)]",
            "#[tokio::test(flavor = \"multi_thread\", worker_threads = 2)]",
            "#[expect(",
            "    clippy::too_many_lines,",
            "    reason = \"one [long] story\"",
            ")]",
            "// Indeed.",
            "async fn racing() {",
        ]);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(proofs.len(), 1);
        assert_eq!(proofs[0].ids, ["A01", "A02"]);
        assert_eq!(proofs[0].line, 1);
        assert!(proofs[0].test.ends_with("::racing"));
    }

    #[test]
    fn a_test_that_is_ignored_by_default_is_told_apart() {
        let (proofs, _) = scanned(&[
            "/// Proves: A01",
            "#[test]",
            "#[ignore = \"needs python3\"]",
            "fn interop() {",
        ]);
        assert!(proofs[0].ignored);
    }

    #[test]
    fn property_tests_are_found() {
        let (proofs, problems) = scanned(&[
            "proptest! {",
            "    /// Proves: A54",
            "    #[test]",
            "    fn hostile_bytes_never_panic(bytes in any::<Vec<u8>>()) {",
        ]);
        assert_eq!(problems, Vec::<String>::new());
        assert!(proofs[0].test.ends_with("::hostile_bytes_never_panic"));
    }

    #[test]
    fn a_mark_above_anything_but_a_test_is_a_fault() {
        for below in [
            &["fn helper() {"][..],
            &["#[cfg(test)]", "fn helper() {"],
            &["#[test]", "struct X;"],
            &["mod tests {", "#[test]", "fn t() {"],
            &[],
        ] {
            let (proofs, problems) = scanned(&[&["/// Proves: A01"], below].concat());
            assert_eq!(proofs, [], "{below:?}");
            assert_eq!(problems.len(), 1, "{below:?}");
            assert!(problems[0].starts_with("crates/udap-ca/src/serial.rs:1:"));
        }
    }

    #[test]
    fn lists_of_another_form_are_faults() {
        for listed in ["", " A01 A02", " A01-A03", " A01.", " A01,", " a01", " X01"] {
            let mark = format!("/// Proves:{listed}");
            let (proofs, problems) = scanned(&[&mark, "#[test]", "fn t() {"]);
            assert_eq!(proofs, [], "{mark}");
            assert_eq!(problems.len(), 1, "{mark}");
        }
    }

    #[test]
    fn marks_that_would_be_overlooked_are_faults() {
        for mark in [
            "// Proves: A01",
            "///Proves: A01",
            "/// proves: A01",
            "//! Proves: A01",
        ] {
            let (_, problems) = scanned(&[mark, "#[test]", "fn t() {"]);
            assert_eq!(problems.len(), 1, "{mark}");
        }
        let (_, problems) = scanned(&["/// Proves that it can be said in words."]);
        assert_eq!(problems, Vec::<String>::new());
    }

    #[test]
    fn tests_are_named_after_their_files() {
        for (path, module) in [
            ("crates/udap/src/trust/path.rs", "udap::trust::path"),
            ("crates/udap/src/trust/mod.rs", "udap::trust"),
            ("crates/udap/src/trust/tests.rs", "udap::trust"),
            ("crates/udap-axum/src/lib.rs", "udap_axum"),
            (
                "crates/udap-ca/tests/directory.rs",
                "udap-ca/tests/directory",
            ),
            ("tests/behaviour/main.rs", "tests/behaviour"),
            ("tests/behaviour/replay.rs", "tests/behaviour/replay"),
        ] {
            assert_eq!(module_path(path), module);
        }
    }
}
