//! `cargo xtask test`: all tests, and their sum.

use std::env::consts::EXE_SUFFIX;

use super::BINARY;
use crate::{
    arguments::Arguments,
    failure::Failure,
    openssl::OpenSsl,
    step::Step,
    test_report::TestReport,
    workspace::{Workspace, environment},
};

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
    build(workspace, openssl)?;
    let step = with_built_binary(workspace, Step::cargo(workspace))
        .args(["test", "--workspace"])
        .args(openssl.features(BINARY))
        .args(passed_on);
    let report = run_counting(step)?;
    if report.passed == 0 && passed_on.is_empty() {
        return Err(Failure::new("no test was run"));
    }
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
