//! `cargo xtask deny`: what `deny.toml` says of licences, bans and sources. Needs no network once cargo-deny is there.

use crate::{
    arguments::Arguments, failure::Failure, step::Step, tool::CARGO_DENY, workspace::Workspace,
};

pub(crate) fn run(workspace: &Workspace, arguments: Arguments) -> Result<(), Failure> {
    arguments.finish_without_passing_on()?;
    deny(workspace)
}

pub(super) fn deny(workspace: &Workspace) -> Result<(), Failure> {
    Step::new(workspace, CARGO_DENY.ready(workspace)?)
        .args(["check", "--hide-inclusion-graph"])
        .args(["licenses", "bans", "sources"])
        .run()
}
