//! `cargo xtask advisories`: known vulnerabilities of the dependencies. Fetches the RustSec database.
//!
//! Not part of `ci`: a new advisory must not fail a change that has nothing to do with it.

use crate::{
    arguments::Arguments, failure::Failure, step::Step, tool::CARGO_DENY, workspace::Workspace,
};

pub(crate) fn run(workspace: &Workspace, arguments: Arguments) -> Result<(), Failure> {
    arguments.finish_without_passing_on()?;
    Step::new(workspace, CARGO_DENY.ready(workspace)?)
        .args(["check", "advisories"])
        .run()
}
