//! OpenSSL as a second opinion: what we trust, it must not refuse.
//!
//! Certificates of many shapes are made by hand, wrong in many ways, signed in earnest, and judged
//! by both. A path that we trust and OpenSSL refuses fails the test unless `classes.rs` says why
//! it may; so does a refusal of ours that OpenSSL does not share and `classes.rs` does not expect.
//!
//! `cargo test -p udap --test openssl_oracle -- --ignored --nocapture` runs many more cases and
//! prints how they came out.

mod classes;
mod constraints;
mod der;
mod dice;
mod oddity;
mod plan;
mod scene;
mod verdict;

use std::collections::BTreeMap;
use std::ops::Range;

use crate::scene::Scene;
use crate::verdict::{Path, Signed};

/// What OpenSSL says for want of an initial policy set, which its Rust binding cannot set.
const NO_EXPLICIT_POLICY: &str = "no explicit policy";

/// Cases of an ordinary run, in two halves: a few seconds of a debug build.
const CASES: u64 = 1_600;

/// Cases of a run by hand.
const MANY_CASES: u64 = 20_000;

/// What came out how often.
#[derive(Default)]
struct Report {
    /// Whether the program `openssl` may be run.
    may_run_openssl: bool,
    trusted_by_both: BTreeMap<&'static str, usize>,
    refused_by_both: BTreeMap<&'static str, usize>,
    /// Trusted by us only, for these reasons of OpenSSL's.
    excused: BTreeMap<String, usize>,
    /// Trusted by both, but not by OpenSSL's stricter profile.
    strict: BTreeMap<String, usize>,
    /// Refused by us only, for these reasons of ours.
    stricter: BTreeMap<String, usize>,
    /// Trusted by us; to be put to the program `openssl`.
    left_open: usize,
    faults: Vec<String>,
}

impl Report {
    fn take(&mut self, case: u64) {
        let scene = Scene::throw(case);
        let signed = Signed::new(&scene);
        match signed.judged() {
            Ok(path) => self.trusted(case, &path, &signed),
            Err(reason) => match self.refused(&signed) {
                Err(_) => *self.refused_by_both.entry(scene.shape).or_default() += 1,
                Ok(()) => {
                    if !classes::may_be_stricter(&reason, scene.shape) {
                        self.faults
                            .push(format!("{case}: refused ({reason}), not by OpenSSL"));
                    }
                    *self.stricter.entry(reason).or_default() += 1;
                }
            },
        }
    }

    /// OpenSSL's verdict where we refuse.
    fn refused(&self, signed: &Signed<'_>) -> Result<(), String> {
        let question = signed.question();
        let verdict = question.openssl(false);
        let is_open = question.explicit_policy && verdict.is_ok()
            || verdict == Err(NO_EXPLICIT_POLICY.to_owned());
        if is_open && self.may_run_openssl {
            question.program()
        } else if is_open {
            Err(NO_EXPLICIT_POLICY.to_owned())
        } else {
            verdict
        }
    }

    fn trusted(&mut self, case: u64, path: &Path, signed: &Signed<'_>) {
        if let Err(difference) = path.reads_as_openssl() {
            self.faults.push(format!("{case}: {difference}"));
        }
        if !path.is_linked() {
            self.faults.push(format!(
                "{case}: trusted, yet not linked by name and signature"
            ));
        }
        let question = path.question();
        let mut verdict = question.openssl(false);
        let is_open = question.explicit_policy || verdict == Err(NO_EXPLICIT_POLICY.to_owned());
        if is_open {
            if self.may_run_openssl {
                verdict = question.program();
            } else {
                self.left_open += 1;
                if verdict == Err(NO_EXPLICIT_POLICY.to_owned()) {
                    return;
                }
            }
        }
        if let Err(reason) = verdict {
            let oddities = path.oddities(signed);
            if !classes::is_excused(&reason, &oddities) {
                let fault = format!("{case}: trusted, OpenSSL: {reason} ({oddities:?})");
                self.faults.push(fault);
            }
            *self.excused.entry(reason).or_default() += 1;
            return;
        }
        *self.trusted_by_both.entry(signed.scene.shape).or_default() += 1;
        if !is_open && let Err(reason) = question.openssl(true) {
            if !classes::is_profile(&reason) {
                self.faults
                    .push(format!("{case}: trusted, OpenSSL strictly: {reason}"));
            }
            *self.strict.entry(reason).or_default() += 1;
        }
    }

    fn print(&self) {
        let sum = |counts: &BTreeMap<&'static str, usize>| counts.values().sum::<usize>();
        println!(
            "trusted by both: {}: {:?}",
            sum(&self.trusted_by_both),
            self.trusted_by_both
        );
        println!(
            "refused by both: {}: {:?}",
            sum(&self.refused_by_both),
            self.refused_by_both
        );
        for (title, counts) in [
            (
                "trusted by us only, for a reason that is no matter of RFC 5280 §6",
                &self.excused,
            ),
            (
                "trusted by both, not by OpenSSL's X509_STRICT",
                &self.strict,
            ),
            ("refused by us only", &self.stricter),
        ] {
            println!("{title}: {}", counts.values().sum::<usize>());
            for (reason, count) in counts {
                println!("  {count:6} {reason}");
            }
        }
        println!("left to a run by hand: {}", self.left_open);
        println!("faults: {}", self.faults.len());
        for fault in self.faults.iter() {
            println!("  {fault}");
        }
    }
}

fn run(cases: Range<u64>, may_run_openssl: bool) -> Report {
    let mut report = Report {
        may_run_openssl,
        ..Report::default()
    };
    for case in cases {
        report.take(case);
    }
    report.print();
    report
}

fn some_cases(cases: Range<u64>) {
    let count = usize::try_from(cases.end - cases.start).expect("there are few");
    let report = run(cases, false);
    assert_eq!(report.faults, Vec::<String>::new());
    // Enough of each, or nothing was compared.
    for counts in [&report.trusted_by_both, &report.refused_by_both] {
        assert_eq!(counts.len(), scene::SHAPES);
        assert!(counts.values().sum::<usize>() > count / 5, "{counts:?}");
    }
}

/// Proves: C12
#[test]
fn whatever_we_trust_openssl_trusts() {
    some_cases(0..CASES / 2);
}

/// Proves: C12
#[test]
fn whatever_we_trust_openssl_trusts_as_ever() {
    some_cases(CASES / 2..CASES);
}

const BY_HAND: Range<u64> = CASES..CASES + MANY_CASES;

#[test]
#[ignore = "takes minutes, and runs the program openssl"]
fn many_more_cases() {
    let half = BY_HAND.start..BY_HAND.start + MANY_CASES / 2;
    assert_eq!(run(half, true).faults, Vec::<String>::new());
}

#[test]
#[ignore = "takes minutes, and runs the program openssl"]
fn many_more_cases_again() {
    let half = BY_HAND.start + MANY_CASES / 2..BY_HAND.end;
    assert_eq!(run(half, true).faults, Vec::<String>::new());
}
