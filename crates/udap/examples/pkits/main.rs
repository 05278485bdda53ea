//! Runs NIST's PKITS through [`udap::trust::evaluate`], each case with its inputs in several orders.
//!
//! `cargo xtask pkits` fetches the certificates and calls this. By hand:
//! `cargo run -p udap --example pkits -- FOLDER`, where FOLDER holds `certs/` and `crls/` of PKITS.
//!
//! It fails on a false accept, on a false reject that `expected.rs` does not list, on a listed one
//! that is none any more, and on a verdict that depends on the order.

mod cases;
mod expected;
mod suite;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use cases::Case;
use expected::Class;
use suite::{Order, Suite};

fn main() -> ExitCode {
    let Some(folder) = std::env::args().nth(1) else {
        eprintln!("usage: pkits FOLDER");
        return ExitCode::from(2);
    };
    match run(Path::new(&folder)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// How one set of cases came out.
#[derive(Default)]
struct Tally {
    right: usize,
    false_accepts: usize,
    /// Refused though valid, and expected to be.
    refused: BTreeMap<Class, Vec<String>>,
    /// Wrong in any other way.
    faults: Vec<String>,
}

fn run(folder: &Path) -> Result<bool, Box<dyn std::error::Error>> {
    let suite = Suite::read(folder)?;
    for unread in suite.unread() {
        println!("not read, so not used: {unread}");
    }
    let default = tally(&suite, cases::by_default(&suite), true)?;
    let policies = tally(&suite, cases::with_policies(&suite), false)?;

    let classes = [&default, &policies].map(|tally| {
        let lists = tally.refused.iter();
        lists.map(|(class, names)| (*class, names.len())).collect()
    });
    let [by_default, with_policies]: [BTreeMap<Class, usize>; 2] = classes;
    println!(
        "\n| result, each in {} orders | default inputs | a policy required |",
        Order::ALL.len()
    );
    println!("|---|---:|---:|");
    println!("| right | {} | {} |", default.right, policies.right);
    println!(
        "| false accepts | {} | {} |",
        default.false_accepts, policies.false_accepts
    );
    for class in Class::ALL {
        let count = |counts: &BTreeMap<Class, usize>| counts.get(&class).copied().unwrap_or(0);
        println!(
            "| refused though valid: {} | {} | {} |",
            class.reason(),
            count(&by_default),
            count(&with_policies)
        );
    }
    println!(
        "| other faults | {} | {} |\n",
        default.faults.len(),
        policies.faults.len()
    );

    for (class, names) in default.refused.iter().chain(&policies.refused) {
        println!("{}: {}", class.reason(), names.join(", "));
    }
    let faults: Vec<_> = default.faults.iter().chain(&policies.faults).collect();
    for fault in &faults {
        println!("FAULT  {fault}");
    }
    Ok(faults.is_empty())
}

fn tally(
    suite: &Suite,
    cases: Vec<Case>,
    is_whole: bool,
) -> Result<Tally, Box<dyn std::error::Error>> {
    let mut verdicts: Vec<Vec<Result<(), String>>> = vec![Vec::new(); cases.len()];
    for order in Order::ALL {
        for (verdict, given) in verdicts.iter_mut().zip(suite.judge(&cases, order)?) {
            verdict.push(given);
        }
    }
    let mut tally = Tally::default();
    for (case, verdicts) in cases.iter().zip(verdicts) {
        let Some(verdict) = verdicts.first() else {
            continue;
        };
        if verdicts.iter().any(|other| other != verdict) {
            tally
                .faults
                .push(format!("{case}: the order of inputs decides: {verdicts:?}"));
        }
        // What any order accepts is accepted.
        let is_accepted = verdicts.iter().any(Result::is_ok);
        match (case.is_valid, is_accepted) {
            (true, true) | (false, false) => tally.right += 1,
            (false, true) => {
                tally.false_accepts += 1;
                tally.faults.push(format!("{case}: false accept"));
            }
            (true, false) => match expected::class(&case.name) {
                Some(class) => {
                    tally
                        .refused
                        .entry(class)
                        .or_default()
                        .push(case.to_string());
                }
                None => {
                    let reason = verdict.as_ref().err().cloned().unwrap_or_default();
                    tally.faults.push(format!("{case}: false reject: {reason}"));
                }
            },
        }
    }
    if is_whole {
        for name in expected::names() {
            let is_refused = tally
                .refused
                .values()
                .flatten()
                .any(|refused| refused == name);
            if !is_refused {
                tally
                    .faults
                    .push(format!("{name} is listed as refused, and is not"));
            }
        }
    }
    Ok(tally)
}
