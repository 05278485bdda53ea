//! `cargo xtask fuzz`: libFuzzer on one target of `fuzz/`, or on each of them in turn.
//!
//! Without a sanitizer, so that the stable toolchain does: the code is free of `unsafe`, and what is sought is
//! panics, endless loops and memory hunger. New inputs and findings go to the target directory; `fuzz/corpus/TARGET`
//! holds the committed seeds.

use std::{fs, path::Path};

use crate::{
    arguments::Arguments, failure::Failure, openssl::OpenSsl, step::Step, tool::CARGO_FUZZ,
    workspace::Workspace,
};

const DEFAULT_SECONDS: u64 = 60;

/// The longest that one input may take: above all, no input may make the server hang.
const SECONDS_PER_INPUT: u64 = 10;

pub(crate) fn run(workspace: &Workspace, mut arguments: Arguments) -> Result<(), Failure> {
    let vendored = arguments.flag("--vendored");
    let seconds = arguments.number("--seconds")?.unwrap_or(DEFAULT_SECONDS);
    let wanted = arguments.positional();
    let passed_on = arguments.finish()?;

    let all = targets(&workspace.root().join("fuzz").join("fuzz_targets"))?;
    let chosen: Vec<&String> = all
        .iter()
        .filter(|target| wanted.as_ref().is_none_or(|wanted| wanted == *target))
        .collect();
    if chosen.is_empty() {
        return Err(Failure::usage(format!(
            "there is no such fuzz target; there are: {}",
            all.join(", ")
        )));
    }

    let openssl = OpenSsl::set_up(workspace, vendored)?;
    let program = CARGO_FUZZ.ready(workspace)?;
    for target in chosen {
        fuzz(workspace, &program, openssl, target, seconds, &passed_on)?;
    }
    Ok(())
}

fn fuzz(
    workspace: &Workspace,
    program: &Path,
    openssl: OpenSsl,
    target: &str,
    seconds: u64,
    passed_on: &[String],
) -> Result<(), Failure> {
    let folder = workspace.target().join("fuzz");
    let found = folder.join("corpus").join(target);
    let artifacts = folder.join("artifacts").join(target);
    for made in [&found, &artifacts] {
        fs::create_dir_all(made)
            .map_err(|error| Failure::new(format!("{} cannot be made: {error}", made.display())))?;
    }
    let seeds = workspace.root().join("fuzz").join("corpus").join(target);
    Step::new(workspace, program)
        .args(["fuzz", "run", "--sanitizer", "none", "--target-dir"])
        .arg(&folder)
        .args(openssl.features("udap"))
        .arg(target)
        // libFuzzer writes into the first folder and only reads the others.
        .arg(&found)
        .args(seeds.is_dir().then_some(&seeds))
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-timeout={SECONDS_PER_INPUT}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args(passed_on)
        .run()
}

/// The names of all targets, sorted.
fn targets(folder: &Path) -> Result<Vec<String>, Failure> {
    let unreadable = |error| Failure::new(format!("{} cannot be read: {error}", folder.display()));
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "rs")
            && let Some(name) = path.file_stem()
        {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}
