//! `cargo xtask conformance`: writes `docs/conformance.md`, or with `--check` compares it.

use crate::{arguments::Arguments, conformance, failure::Failure, workspace::Workspace};

pub(crate) fn run(workspace: &Workspace, mut arguments: Arguments) -> Result<(), Failure> {
    let check = arguments.flag("--check");
    arguments.finish_without_passing_on()?;
    if check {
        conformance::check(workspace.root())
    } else {
        conformance::write(workspace.root())
    }
}
