//! Writes the table in Markdown.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write},
};

use super::{
    proof::Proof,
    requirement::{CHAPTERS, LEVELS, Requirement, Scope},
};

const INTRODUCTION: &str = "\
# Conformance

<!-- Written by `cargo xtask conformance` from requirements.tsv and the tests. Do not edit. -->

Each requirement and case, with the tests that prove it: such a test would fail if the rule were removed. A test names its
requirements in a comment, `/// Proves: B26`, from which this table is written; `cargo xtask ci` fails when it is out
of date.

**Level**: SHALL, SHOULD, MAY: the source's own strength on the server. C-SHALL, C-SHOULD: an obligation of the
client, which the server checks. DEC: the sources are silent, and this is what we decided. rule: a rule of EMR
Direct's page. SHALL (TEFCA): for TEFCA only. case: a request and its answer, made from the requirements named as its
source.

**Status**: *tested*; *on request*: tested against other programs, by `cargo xtask interop`; *not yet*: no test names
it; *OpenEMR*: its part, not ours; *not offered*: left out on purpose.

**Sources**: HL7 = Security for Scalable Registration, Authentication, and Authorization 2.0.0 (STU2); HL7 1.1 = its
version 1.1.0. UDAP.org: DCR = Dynamic Client Registration, MD = Server Metadata, AUTHN = JWT-Based Client
Authentication, AUTHZ = Client Authorization Grants, CERT = Certifications and Endorsements, TO = Tiered OAuth. EMR
Direct = Requirements for Client Registration. TEFCA SOP = Facilitated FHIR Implementation 2.0. Inferno = the UDAP
Security Test Kit. The wording is ours; the sources decide.
";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Status {
    Tested,
    OnRequest,
    NotYet,
    OpenEmr,
    NotOffered,
}

impl Status {
    const ALL: [Self; 5] = [
        Self::Tested,
        Self::OnRequest,
        Self::NotYet,
        Self::OpenEmr,
        Self::NotOffered,
    ];

    fn of(requirement: &Requirement, proofs: &[&Proof]) -> Self {
        if proofs.iter().any(|proof| !proof.ignored) {
            Self::Tested
        } else if !proofs.is_empty() {
            Self::OnRequest
        } else {
            match requirement.scope {
                Scope::Ours => Self::NotYet,
                Scope::OpenEmr => Self::OpenEmr,
                Scope::NotOffered => Self::NotOffered,
            }
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Tested => "tested",
            Self::OnRequest => "on request",
            Self::NotYet => "not yet",
            Self::OpenEmr => "OpenEMR",
            Self::NotOffered => "not offered",
        })
    }
}

/// The whole table. The same input gives the same text, in whatever order the proofs come.
pub(super) fn render(requirements: &[Requirement], proofs: &[Proof]) -> String {
    let mut by_id: BTreeMap<&str, Vec<&Proof>> = BTreeMap::new();
    for proof in proofs {
        for id in &proof.ids {
            by_id.entry(id).or_default().push(proof);
        }
    }
    for tests in by_id.values_mut() {
        tests.sort_by_key(|proof| (&proof.path, &proof.test));
    }
    let rows: Vec<Row<'_>> = requirements
        .iter()
        .map(|requirement| {
            let tests = by_id
                .get(requirement.id.as_str())
                .cloned()
                .unwrap_or_default();
            Row {
                status: Status::of(requirement, &tests),
                requirement,
                tests,
            }
        })
        .collect();

    let mut text = String::from(INTRODUCTION);
    // Writing into a String cannot fail.
    let _ = write_summary(&mut text, &rows, proofs);
    for (letter, title) in CHAPTERS {
        let _ = write_chapter(&mut text, letter, title, &rows);
    }
    text
}

struct Row<'a> {
    requirement: &'a Requirement,
    tests: Vec<&'a Proof>,
    status: Status,
}

fn write_summary(text: &mut String, rows: &[Row<'_>], proofs: &[Proof]) -> fmt::Result {
    let tests: BTreeSet<(&str, &str)> = proofs
        .iter()
        .map(|proof| (proof.path.as_str(), proof.test.as_str()))
        .collect();
    let tested = count(rows, |row| row.status == Status::Tested);
    writeln!(text, "\n## Summary\n")?;
    writeln!(
        text,
        "{tested} of {} lines are tested, by {} tests.\n",
        rows.len(),
        tests.len()
    )?;
    writeln!(
        text,
        "| level | {} | all |",
        Status::ALL.map(|status| status.to_string()).join(" | ")
    )?;
    writeln!(text, "|---|{}---:|", "---:|".repeat(Status::ALL.len()))?;
    for level in LEVELS {
        let counted = |row: &Row<'_>| row.requirement.level == level;
        if rows.iter().any(counted) {
            write_counts(text, level, rows, counted)?;
        }
    }
    write_counts(text, "**all**", rows, |_| true)
}

fn write_counts(
    text: &mut String,
    name: &str,
    rows: &[Row<'_>],
    counted: impl Fn(&Row<'_>) -> bool,
) -> fmt::Result {
    write!(text, "| {name} |")?;
    for status in Status::ALL {
        let number = count(rows, |row| counted(row) && row.status == status);
        write!(text, " {number} |")?;
    }
    writeln!(text, " {} |", count(rows, &counted))
}

fn count(rows: &[Row<'_>], counted: impl Fn(&Row<'_>) -> bool) -> usize {
    rows.iter().filter(|row| counted(row)).count()
}

fn write_chapter(text: &mut String, letter: char, title: &str, rows: &[Row<'_>]) -> fmt::Result {
    let mut rows = rows
        .iter()
        .filter(|row| row.requirement.id.starts_with(letter))
        .peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    writeln!(text, "\n## {letter}. {title}\n")?;
    writeln!(
        text,
        "| id | level | requirement | source | tests | status |"
    )?;
    writeln!(text, "|---|---|---|---|---|---|")?;
    for row in rows {
        let requirement = row.requirement;
        let mut wording = cell(&requirement.wording);
        if !requirement.note.is_empty() {
            wording.push_str(&format!(" *{}.*", cell(&requirement.note)));
        }
        let tests = row.tests.iter().map(|proof| {
            // The table lies in docs/, one folder below the root.
            format!("[`{}`](../{})", proof.test, proof.path)
        });
        writeln!(
            text,
            "| {} | {} | {wording} | {} | {} | {} |",
            requirement.id,
            requirement.level,
            cell(&requirement.source),
            tests.collect::<Vec<_>>().join("<br>"),
            row.status,
        )?;
    }
    Ok(())
}

/// Text that cannot end its cell or become markup.
fn cell(text: &str) -> String {
    text.replace('\\', r"\\")
        .replace('|', r"\|")
        .replace('*', r"\*")
        .replace('_', r"\_")
        .replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::{super::requirement, *};

    fn proof(test: &str, ids: &[&str], ignored: bool) -> Proof {
        Proof {
            path: "crates/udap/src/jws.rs".to_owned(),
            line: 1,
            test: format!("udap::jws::{test}"),
            ids: ids.iter().map(|id| (*id).to_owned()).collect(),
            ignored,
        }
    }

    fn requirements() -> Vec<Requirement> {
        requirement::parse(
            &[
                "A01\tSHALL\tOne_thing | another\tours",
                "A02\tSHALL\tx\tours",
                "B01\tMAY\tx\tours",
                "G10\tSHALL\tx\tours\tOpenEMR",
                "H01\tSHALL\tx\tours\tnot offered\tWhy",
            ]
            .join("\n"),
        )
        .unwrap()
    }

    fn row<'a>(text: &'a str, id: &str) -> &'a str {
        let start = format!("| {id} |");
        text.lines().find(|line| line.starts_with(&start)).unwrap()
    }

    #[test]
    fn each_requirement_has_one_row_with_its_tests_and_its_status() {
        let proofs = [
            proof("b", &["A01", "A02"], false),
            proof("a", &["A01"], true),
            proof("c", &["B01"], true),
        ];
        let text = render(&requirements(), &proofs);
        assert_eq!(
            row(&text, "A01"),
            r"| A01 | SHALL | One\_thing \| another | ours | [`udap::jws::a`](../crates/udap/src/jws.rs)<br>[`udap::jws::b`](../crates/udap/src/jws.rs) | tested |"
        );
        assert!(row(&text, "B01").ends_with("| on request |"));
        assert!(row(&text, "G10").ends_with("| OpenEMR |"));
        assert_eq!(
            row(&text, "H01"),
            "| H01 | SHALL | x *Why.* | ours |  | not offered |"
        );
    }

    #[test]
    fn a_requirement_without_a_test_is_never_shown_as_tested() {
        let text = render(&requirements(), &[]);
        assert!(row(&text, "A01").ends_with("| not yet |"));
        assert!(text.contains("0 of 5 lines are tested, by 0 tests."));
    }

    #[test]
    fn the_summary_counts_by_level_and_status() {
        let text = render(&requirements(), &[proof("b", &["A01", "A02"], false)]);
        assert!(text.contains("2 of 5 lines are tested, by 1 tests."));
        assert!(text.contains("| SHALL | 2 | 0 | 0 | 1 | 1 | 4 |"), "{text}");
        assert!(text.contains("| MAY | 0 | 0 | 1 | 0 | 0 | 1 |"));
        assert!(text.contains("| **all** | 2 | 0 | 1 | 1 | 1 | 5 |"));
    }

    #[test]
    fn the_order_of_the_proofs_does_not_matter() {
        let first = [proof("a", &["A01"], false), proof("b", &["A01"], false)];
        let second = [proof("b", &["A01"], false), proof("a", &["A01"], false)];
        assert_eq!(
            render(&requirements(), &first),
            render(&requirements(), &second)
        );
    }
}
