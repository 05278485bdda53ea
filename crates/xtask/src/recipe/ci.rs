//! `cargo xtask ci`: what a change has to pass, the quick checks first.

use std::time::Instant;

use super::{deny::deny, doc::doc, lint::lint, test::test};
use crate::{
    arguments::Arguments, conformance, failure::Failure, openssl::OpenSsl, step::Step,
    workspace::Workspace,
};

pub(crate) fn run(workspace: &Workspace, mut arguments: Arguments) -> Result<(), Failure> {
    let vendored = arguments.flag("--vendored");
    arguments.finish_without_passing_on()?;
    let started = Instant::now();
    let part = |name: &str| {
        eprintln!("\n── {name} ({} s) ──", started.elapsed().as_secs());
    };

    part("formatting");
    Step::cargo(workspace)
        .args(["fmt", "--all", "--check"])
        .run()?;
    part("conformance table");
    conformance::check(workspace.root())?;
    part("OpenSSL");
    let openssl = OpenSsl::set_up(workspace, vendored)?;
    part("lints");
    lint(workspace, openssl)?;
    part("documentation");
    doc(workspace, openssl)?;
    part("licences, bans, sources");
    deny(workspace)?;
    part("tests");
    test(workspace, openssl, &[])?;
    part("done");
    Ok(())
}
