//! The project's recipes, run as `cargo xtask RECIPE`.
//!
//! Each recipe prints the commands that it runs, stops at the first that fails and exits with its code.
//! Exit codes: 0 done, 2 wrong usage, otherwise that of the command that failed, or 1.

mod apt;
mod arguments;
mod conformance;
mod failure;
mod mariadb;
mod openssl;
mod recipe;
mod step;
mod test_report;
mod tool;
mod workspace;

use std::process::ExitCode;

use crate::{arguments::Arguments, failure::Failure, workspace::Workspace};

const USAGE: &str = "\
Usage: cargo xtask RECIPE [OPTIONS] [-- ARGUMENTS]

  demo [-- ARGUMENTS]        build and run `udap demo ARGUMENTS`
  test [-- ARGUMENTS]        run all tests: `cargo test --workspace`, then the black-box tests on MariaDB
                             with OpenEMR's table of 23, 24 and 25 columns; with ARGUMENTS only
                             `cargo test --workspace ARGUMENTS`, where the variable UDAP_TEST_STORE
                             chooses the store: mariadb-23, mariadb-24 or mariadb-25
  ci                         what a change has to pass: formatting, conformance table, lints,
                             documentation, licences and bans, tests
  lint                       clippy for all targets, warnings are errors
  doc                        the documentation, warnings are errors
  conformance [--check]      write docs/conformance.md from the tests; --check: compare only
  deny                       licences, bans and sources of the dependencies
  advisories                 known vulnerabilities of the dependencies (fetches the RustSec database)
  interop                    tests against other programs: python3, openssl, nginx, apache2,
                             mariadb, keytool
  faults [--kills N] [--seed N]
                             ends the database N times (default 500) while apps register, and now and
                             then the server, and compares what apps were told with the tables; --seed
                             repeats a run's random choices
  ca-faults [--kills N] [--seed N]
                             kills N commands of `udap ca` (default 500) at random moments, and looks
                             whether the certificate authority is whole after each
  pkits                      NIST's suite of certification paths (fetches it with pip)
  bench [-- ARGUMENTS]       benchmarks; ARGUMENTS go to Criterion
  fuzz [TARGET] [--seconds N]
                             fuzz one target, or each of them, for N seconds (default 60)

Options:
  --vendored                 build OpenSSL from source instead of using the system's
                             (demo, test, ci, lint, doc, interop, faults, ca-faults, pkits, bench, fuzz)
  --help                     this text

demo, test and the other recipes that compile need OpenSSL's headers. Where they are missing,
`apt-get install pkg-config libssl-dev` is run if that needs no password; otherwise OpenSSL is built
from source, which needs perl and make and takes some minutes. test, ci and faults start MariaDB servers
of their own; where mariadbd is missing, `apt-get install mariadb-server-core` is run if that needs no
password. UDAP_TEST_MYSQL_URL names a server for those tests that share one. deny, advisories and fuzz
install cargo-deny and cargo-fuzz into the target directory when they are missing.
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next();
    match run(name.as_deref(), Arguments::new(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            failure.exit_code()
        }
    }
}

fn run(name: Option<&str>, mut arguments: Arguments) -> Result<(), Failure> {
    let Some(name) = name else {
        return Err(Failure::usage(format!("no recipe given\n\n{USAGE}")));
    };
    if matches!(name, "--help" | "-h" | "help") || arguments.flag("--help") || arguments.flag("-h")
    {
        print!("{USAGE}");
        return Ok(());
    }
    let workspace = Workspace::find();
    match name {
        "demo" => recipe::demo::run(&workspace, arguments),
        "test" => recipe::test::run(&workspace, arguments),
        "ci" => recipe::ci::run(&workspace, arguments),
        "lint" => recipe::lint::run(&workspace, arguments),
        "doc" => recipe::doc::run(&workspace, arguments),
        "conformance" => recipe::conformance::run(&workspace, arguments),
        "deny" => recipe::deny::run(&workspace, arguments),
        "advisories" => recipe::advisories::run(&workspace, arguments),
        "interop" => recipe::interop::run(&workspace, arguments),
        "faults" => recipe::faults::run(&workspace, arguments),
        "ca-faults" => recipe::ca_faults::run(&workspace, arguments),
        "pkits" => recipe::pkits::run(&workspace, arguments),
        "bench" => recipe::bench::run(&workspace, arguments),
        "fuzz" => recipe::fuzz::run(&workspace, arguments),
        other => Err(Failure::usage(format!(
            "there is no recipe `{other}`\n\n{USAGE}"
        ))),
    }
}
