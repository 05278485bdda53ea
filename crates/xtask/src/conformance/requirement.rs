//! The list of requirements: a tab-separated file.

/// Whose matter a requirement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Ours: a test is due.
    Ours,
    /// OpenEMR meets it, or not.
    OpenEmr,
    /// Belongs to something that is left out on purpose.
    NotOffered,
}

/// One requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Requirement {
    /// A letter for the chapter and two digits.
    pub(super) id: String,
    pub(super) level: String,
    pub(super) wording: String,
    pub(super) source: String,
    pub(super) scope: Scope,
    /// A departure, or why it is not offered. May be empty.
    pub(super) note: String,
}

/// The chapters, by the first letter of the ids in them.
pub(super) const CHAPTERS: [(char, &str); 11] = [
    ('A', "Discovery, signed metadata, algorithms"),
    ('B', "Registration request and software statement"),
    ('C', "Signature, certificate, path, revocation, replay"),
    (
        'D',
        "Modification, cancellation, identity of a registration",
    ),
    ('E', "Answers and errors"),
    ('F', "Certifications and endorsements"),
    ('G', "Token endpoint"),
    ('H', "Tiered OAuth"),
    ('I', "EMR Direct's rules and link checks"),
    ('J', "Issued certificates"),
    ('N', "Whole cases over HTTP"),
];

/// How strong a requirement is, and whose, in the order in which they are counted.
pub(super) const LEVELS: [&str; 11] = [
    "SHALL",
    "SHALL NOT",
    "SHOULD",
    "SHOULD NOT",
    "MAY",
    "C-SHALL",
    "C-SHOULD",
    "SHALL (TEFCA)",
    "DEC",
    "rule",
    "case",
];

const HEADER: &str = "id\tlevel\trequirement\tsource\tscope\tnote";

/// Whether the text has the form of an id: a chapter's letter and two digits.
pub(super) fn is_id(text: &str) -> bool {
    let mut characters = text.chars();
    characters
        .next()
        .is_some_and(|letter| CHAPTERS.iter().any(|(known, _)| *known == letter))
        && text.len() == 3
        && characters.all(|digit| digit.is_ascii_digit())
}

/// Reads the list; all faults at once, each with its line.
pub(super) fn parse(text: &str) -> Result<Vec<Requirement>, Vec<String>> {
    let mut requirements: Vec<Requirement> = Vec::new();
    let mut problems = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.is_empty() || line.starts_with('#') || line == HEADER {
            continue;
        }
        match parse_line(line) {
            Err(problem) => problems.push(format!("line {number}: {problem}")),
            Ok(requirement) => {
                if requirements
                    .last()
                    .is_some_and(|last| last.id >= requirement.id)
                {
                    problems.push(format!(
                        "line {number}: {} is out of order or stands there twice",
                        requirement.id
                    ));
                }
                requirements.push(requirement);
            }
        }
    }
    if problems.is_empty() {
        Ok(requirements)
    } else {
        Err(problems)
    }
}

fn parse_line(line: &str) -> Result<Requirement, String> {
    let mut columns = line.split('\t');
    let mut next = || columns.next().unwrap_or_default().trim().to_owned();
    let (id, level, wording, source) = (next(), next(), next(), next());
    let (scope, note) = (next(), next());
    if columns.next().is_some() {
        return Err("more than six columns".to_owned());
    }
    if !is_id(&id) {
        return Err(format!("`{id}` is no requirement id"));
    }
    if !LEVELS.contains(&level.as_str()) {
        return Err(format!("{id}: `{level}` is no level"));
    }
    if wording.is_empty() || source.is_empty() {
        return Err(format!("{id}: wording and source must not be empty"));
    }
    let scope = match scope.as_str() {
        "" => Scope::Ours,
        "OpenEMR" => Scope::OpenEmr,
        "not offered" => Scope::NotOffered,
        other => return Err(format!("{id}: `{other}` is no scope")),
    };
    Ok(Requirement {
        id,
        level,
        wording,
        source,
        scope,
        note,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailing_columns_may_be_left_out() {
        let list = parse("# why\nA01\tSHALL\tAnswers\tHL7 §2.1\nG10\tSHALL\tx\ty\tOpenEMR\tz\n");
        let list = list.unwrap();
        assert_eq!(list.len(), 2);
        assert_eq!(list[0].scope, Scope::Ours);
        assert_eq!(list[0].note, "");
        assert_eq!(list[1].scope, Scope::OpenEmr);
        assert_eq!(list[1].note, "z");
    }

    #[test]
    fn every_fault_is_reported_with_its_line() {
        let text = [
            "A02\tSHALL\tx\ty",
            "A01\tSHALL\tx\ty",
            "A01\tSHALL\tx\ty",
            "Z01\tSHALL\tx\ty",
            "A03\tMUST\tx\ty",
            "A04\tSHALL\t\ty",
            "A05\tSHALL\tx\ty\tlater",
            "A06\tSHALL\tx\ty\t\tz\tmore",
        ]
        .join("\n");
        let problems = parse(&text).unwrap_err();
        let lines: Vec<_> = problems
            .iter()
            .filter_map(|problem| problem.split(':').next())
            .collect();
        assert_eq!(
            lines,
            [
                "line 2", "line 3", "line 4", "line 5", "line 6", "line 7", "line 8"
            ]
        );
    }

    #[test]
    fn an_id_is_a_chapters_letter_and_two_digits() {
        assert!(is_id("A01") && is_id("J13"));
        for text in ["", "A1", "A001", "K01", "a01", "A0x", "A०"] {
            assert!(!is_id(text), "{text}");
        }
    }
}
