//! `cargo xtask test`: all tests, the black-box ones also on MariaDB, and their sum.

use std::{env::consts::EXE_SUFFIX, time::Instant};

use super::BINARY;
use crate::{
    arguments::Arguments,
    failure::Failure,
    mariadb,
    openssl::OpenSsl,
    step::Step,
    test_report::TestReport,
    workspace::{Workspace, environment},
};

/// The stores that the black-box tests run on beside the embedded one: MariaDB, with OpenEMR's table of clients as it
/// was in 6.1, is in 7.0.2, and since 7.0.3. `UDAP_TEST_STORE` takes these names.
const STORES: [(&str, u32); 3] = [("mariadb-23", 23), ("mariadb-24", 24), ("mariadb-25", 25)];

/// The longest tests mostly wait, for databases and for the clock, so that more of them than there are cores run at a
/// time.
const THREADS: &str = "6";

/// What libtest reads their number from.
const THREADS_VARIABLE: &str = "RUST_TEST_THREADS";

/// Black-box tests that choose their stores themselves.
const ELSEWHERE: [&str; 3] = ["database_faults::", "openemr::", "tokens::"];

pub(crate) fn run(workspace: &Workspace, mut arguments: Arguments) -> Result<(), Failure> {
    let vendored = arguments.flag("--vendored");
    let passed_on = arguments.finish()?;
    test(workspace, OpenSsl::set_up(workspace, vendored)?, &passed_on)
}

/// Builds the binary, which black-box tests run, and then runs the tests.
pub(super) fn test(
    workspace: &Workspace,
    openssl: OpenSsl,
    passed_on: &[String],
) -> Result<(), Failure> {
    if !Step::new(workspace, "openssl").arg("version").succeeds() {
        return Err(Failure::new(
            "the tests compare with the openssl command, which is not installed \
             (Debian, Ubuntu: sudo apt-get install openssl)",
        ));
    }
    mariadb::set_up(workspace)?;
    build(workspace, openssl)?;
    let mut step = with_built_binary(workspace, Step::cargo(workspace))
        .args(["test", "--workspace"])
        .args(openssl.features(BINARY))
        .args(passed_on);
    if environment(THREADS_VARIABLE).is_none() {
        step = step.env(THREADS_VARIABLE, THREADS);
    }
    let report = run_counting(step)?;
    if !passed_on.is_empty() {
        return Ok(());
    }
    if report.passed == 0 {
        return Err(Failure::new("no test was run"));
    }
    on_mariadb(workspace, openssl, report)
}

/// Runs the black-box tests on each of [`STORES`].
fn on_mariadb(
    workspace: &Workspace,
    openssl: OpenSsl,
    mut total: TestReport,
) -> Result<(), Failure> {
    for (store, columns) in STORES {
        println!("\n── black-box tests on MariaDB, OpenEMR's table with {columns} columns ──");
        let started = Instant::now();
        // All packages, though one has the tests: their features together are what is built already.
        let step = with_built_binary(workspace, Step::cargo(workspace))
            .env("UDAP_TEST_STORE", store)
            .args(["test", "--workspace", "--test", "behaviour"])
            .args(openssl.features(BINARY))
            .args(["--", "--test-threads", THREADS])
            .args(ELSEWHERE.map(|module| ["--skip", module]).as_flattened());
        let report = run_counting(step)?;
        if report.passed == 0 {
            return Err(Failure::new(format!("no test was run on {store}")));
        }
        println!("{store}: {} s", started.elapsed().as_secs());
        total.add(&report);
    }
    println!("\nall stores together, {total}");
    Ok(())
}

/// Tells the black-box tests which binary to run; untold, they build one, without the workspace's features.
pub(super) fn with_built_binary(workspace: &Workspace, step: Step) -> Step {
    let binary = workspace
        .target()
        .join("debug")
        .join(format!("udap{EXE_SUFFIX}"));
    if environment("CARGO_BUILD_TARGET").is_none() && binary.is_file() {
        step.env("UDAP_TEST_BINARY", binary)
    } else {
        step
    }
}

/// Builds the binary with the tests' own dependencies, so that nothing is compiled twice.
pub(super) fn build(workspace: &Workspace, openssl: OpenSsl) -> Result<(), Failure> {
    Step::cargo(workspace)
        .args(["build", "--workspace", "--bins", "--lib", "--tests"])
        .args(openssl.features(BINARY))
        .run()
}

/// Runs a `cargo test` and prints the sum over all its programs, also after a failure.
pub(super) fn run_counting(step: Step) -> Result<TestReport, Failure> {
    let mut report = TestReport::default();
    let result = step.run_seeing(|line| report.see(line));
    println!("\n{report}");
    result.map(|()| report)
}
