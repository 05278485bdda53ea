//! Debian's packages, installed where that needs no password.

use crate::{step::Step, workspace::Workspace};

/// What stands before `apt-get`: nothing, or `sudo`.
pub(crate) type Prefix = &'static [&'static str];

/// As root.
pub(crate) const DIRECTLY: Prefix = &[];
/// As somebody whom sudo does not ask for a password.
pub(crate) const BY_SUDO: Prefix = &["sudo", "-n"];

/// How packages can be installed without a password; none if they cannot.
pub(crate) fn way(workspace: &Workspace) -> Option<Prefix> {
    let step = |program: &str| Step::new(workspace, program);
    if !step("apt-get").arg("--version").succeeds() {
        return None;
    }
    let is_root = step("id").arg("-u").output().as_deref() == Some("0");
    way_of(is_root, || step("sudo").args(["-n", "true"]).succeeds())
}

fn way_of(is_root: bool, sudo_without_password: impl FnOnce() -> bool) -> Option<Prefix> {
    if is_root {
        Some(DIRECTLY)
    } else {
        sudo_without_password().then_some(BY_SUDO)
    }
}

/// Installs packages because `what` is missing; after a failure once more with fresh package lists, which a new
/// machine does not have. What came of it is for the caller to look at.
pub(crate) fn install(workspace: &Workspace, prefix: Prefix, packages: &[&str], what: &str) {
    eprintln!(
        "xtask: {what} missing; installing {} (this changes the system, once)",
        packages.join(", ")
    );
    let apt = |arguments: &[&str]| {
        let mut words = prefix
            .iter()
            .copied()
            .chain(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"])
            .chain(["-o", "DPkg::Lock::Timeout=120", "-qq"])
            .chain(arguments.iter().copied());
        let program = words.next().unwrap_or_default();
        Step::new(workspace, program).args(words).run()
    };
    let install = || apt(&[&["install", "-y", "--no-install-recommends"][..], packages].concat());
    if install().is_ok() {
        return;
    }
    eprintln!("xtask: trying again with fresh package lists");
    if let Err(failure) = apt(&["update"]).and_then(|()| install()) {
        eprintln!("xtask: {failure}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_installed_directly_only_by_root() {
        assert_eq!(
            way_of(true, || unreachable!("root needs no sudo")),
            Some(DIRECTLY)
        );
        assert_eq!(way_of(false, || true), Some(BY_SUDO));
        assert_eq!(way_of(false, || false), None);
    }
}
