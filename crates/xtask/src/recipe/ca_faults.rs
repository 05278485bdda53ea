//! `cargo xtask ca-faults`: commands of `udap ca` are killed at random moments, and the certificate authority is looked
//! at after each. `cargo xtask test` does the same with fewer kills.

use super::{
    BINARY,
    test::{build, run_counting, with_built_binary},
};
use crate::{
    arguments::Arguments, failure::Failure, openssl::OpenSsl, step::Step, workspace::Workspace,
};

/// What docs/reliability.md reports of.
const KILLS: u64 = 500;

pub(crate) fn run(workspace: &Workspace, mut arguments: Arguments) -> Result<(), Failure> {
    let vendored = arguments.flag("--vendored");
    let kills = arguments.number("--kills")?.unwrap_or(KILLS);
    let seed = arguments.number("--seed")?;
    arguments.finish_without_passing_on()?;
    let openssl = OpenSsl::set_up(workspace, vendored)?;
    build(workspace, openssl)?;
    let mut step = with_built_binary(workspace, Step::cargo(workspace))
        .env("UDAP_CA_FAULTS", kills.to_string());
    if let Some(seed) = seed {
        step = step.env("UDAP_CA_FAULTS_SEED", seed.to_string());
    }
    let step = step
        .args(["test", "--workspace", "--test", "ca_faults"])
        .args(openssl.features(BINARY))
        .args(["--", "--nocapture"]);
    if run_counting(step)?.passed == 0 {
        return Err(Failure::new("no test was run"));
    }
    Ok(())
}
