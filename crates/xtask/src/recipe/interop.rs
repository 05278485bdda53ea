//! `cargo xtask interop`: tests against other programs.
//!
//! They are the integration test targets named `interop…`. Each is `#[ignore]`d, so that `cargo xtask test`
//! needs nothing but the toolchain.

use super::{
    BINARY,
    test::{build, run_counting, with_built_binary},
};
use crate::{
    arguments::Arguments, failure::Failure, openssl::OpenSsl, step::Step, workspace::Workspace,
};

/// The programs that the tests start.
const PROGRAMS: [(&str, &str); 2] = [("python3", "--version"), ("openssl", "version")];

pub(crate) fn run(workspace: &Workspace, mut arguments: Arguments) -> Result<(), Failure> {
    let vendored = arguments.flag("--vendored");
    arguments.finish_without_passing_on()?;
    let openssl = OpenSsl::set_up(workspace, vendored)?;
    for (program, version) in PROGRAMS {
        if !Step::new(workspace, program).arg(version).succeeds() {
            return Err(Failure::new(format!(
                "these tests run {program}, which is not installed (Debian, Ubuntu: sudo apt-get install {program})"
            )));
        }
    }
    build(workspace, openssl)?;
    let report = run_counting(
        with_built_binary(workspace, Step::cargo(workspace))
            .args(["test", "--workspace", "--test", "interop*"])
            .args(openssl.features(BINARY))
            .args(["--", "--include-ignored"]),
    )?;
    if report.passed == 0 {
        return Err(Failure::new("no test was run"));
    }
    Ok(())
}
