//! `cargo xtask interop`: tests against other programs.
//!
//! They are the integration test targets named `interop…`. Each is `#[ignore]`d, so that `cargo xtask test`
//! needs nothing but the toolchain.

use super::{
    BINARY,
    test::{build, run_counting, with_built_binary},
};
use crate::{
    apt, arguments::Arguments, failure::Failure, mariadb, openssl::OpenSsl, step::Step,
    workspace::Workspace,
};

/// The programs that the tests start: how each tells its version, and Debian's package.
const PROGRAMS: [(&str, &str, &str); 6] = [
    ("python3", "--version", "python3"),
    ("openssl", "version", "openssl"),
    ("nginx", "-v", "nginx-light"),
    ("apache2", "-v", "apache2-bin"),
    ("mariadb", "--version", "mariadb-client-core"),
    ("keytool", "-help", "default-jre-headless"),
];

pub(crate) fn run(workspace: &Workspace, mut arguments: Arguments) -> Result<(), Failure> {
    let vendored = arguments.flag("--vendored");
    arguments.finish_without_passing_on()?;
    let openssl = OpenSsl::set_up(workspace, vendored)?;
    mariadb::set_up(workspace)?;
    for (program, version, package) in PROGRAMS {
        let is_there = || Step::new(workspace, program).arg(version).succeeds();
        if !is_there()
            && let Some(prefix) = apt::way(workspace)
        {
            apt::install(workspace, prefix, &[package], &format!("{program} is"));
        }
        if !is_there() {
            return Err(Failure::new(format!(
                "these tests run {program}, which is not installed (Debian, Ubuntu: sudo apt-get install {package})"
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
