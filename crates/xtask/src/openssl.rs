//! OpenSSL, the one thing that a build needs and cargo does not bring: the system's headers, or its source.

use crate::{
    failure::Failure,
    step::Step,
    workspace::{Workspace, environment},
};

/// Debian's packages that bring the headers, and the command that tests use as an oracle.
const PACKAGES: [&str; 3] = ["pkg-config", "libssl-dev", "openssl"];

/// What OpenSSL's own build asks of perl, beyond the bare interpreter.
const PERL_MODULES: [&str; 4] = ["FindBin", "IPC::Cmd", "File::Compare", "File::Copy"];

/// Which OpenSSL a build links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OpenSsl {
    System,
    Vendored,
}

/// How this machine gets to one.
#[derive(Debug, PartialEq, Eq)]
enum Plan {
    UseSystem,
    /// Runs apt-get behind these words.
    Install(&'static [&'static str]),
    BuildFromSource,
    GiveUp,
}

/// What was found on this machine.
#[derive(Debug, Clone, Copy)]
struct Machine {
    headers: bool,
    apt: bool,
    root: bool,
    sudo_without_password: bool,
    perl_and_make: bool,
}

impl OpenSsl {
    /// Looks for the system's OpenSSL unless `vendored` is asked for, and installs it if that can be done.
    pub(crate) fn set_up(workspace: &Workspace, vendored: bool) -> Result<Self, Failure> {
        if vendored {
            return Ok(Self::Vendored);
        }
        let mut machine = Machine::look(workspace);
        if let Plan::Install(prefix) = machine.plan() {
            install(workspace, prefix);
            machine.headers = headers_are_there(workspace);
            machine.apt = false;
        }
        match machine.plan() {
            Plan::UseSystem => Ok(Self::System),
            Plan::BuildFromSource => {
                eprintln!(
                    "xtask: OpenSSL's headers are missing (packages {}); building OpenSSL from source, \
                     which takes some minutes the first time",
                    PACKAGES.join(" ")
                );
                Ok(Self::Vendored)
            }
            Plan::Install(_) | Plan::GiveUp => Err(Failure::new(format!(
                "OpenSSL's headers are missing. Install them, then run this again:\n\
                 \x20   Debian, Ubuntu: sudo apt-get install {}\n\
                 \x20   Fedora:         sudo dnf install pkgconf openssl-devel openssl\n\
                 \x20   Alpine:         sudo apk add pkgconf openssl-dev openssl\n\
                 Or install perl and make, and OpenSSL is built from source.",
                PACKAGES.join(" ")
            ))),
        }
    }

    /// The feature flags that a cargo command needs for it. `owner`: the package that passes the feature on.
    pub(crate) fn features(self, owner: &str) -> Vec<String> {
        match self {
            Self::System => Vec::new(),
            Self::Vendored => vec!["--features".to_owned(), format!("{owner}/vendored")],
        }
    }
}

impl Machine {
    fn look(workspace: &Workspace) -> Self {
        let step = |program: &str| Step::new(workspace, program);
        let headers = headers_are_there(workspace);
        Self {
            headers,
            apt: !headers && step("apt-get").arg("--version").succeeds(),
            root: step("id").arg("-u").output().as_deref() == Some("0"),
            sudo_without_password: !headers && step("sudo").args(["-n", "true"]).succeeds(),
            perl_and_make: step("make").arg("--version").succeeds()
                && step("perl")
                    .args(PERL_MODULES.map(|module| format!("-M{module}")))
                    .args(["-e", "1"])
                    .succeeds(),
        }
    }

    fn plan(self) -> Plan {
        if self.headers {
            Plan::UseSystem
        } else if self.apt && self.root {
            Plan::Install(&[])
        } else if self.apt && self.sudo_without_password {
            Plan::Install(&["sudo", "-n"])
        } else if self.perl_and_make {
            Plan::BuildFromSource
        } else {
            Plan::GiveUp
        }
    }
}

/// Whether the build of `openssl-sys` will find them: told by its variables, by pkg-config, or by Homebrew.
fn headers_are_there(workspace: &Workspace) -> bool {
    environment("OPENSSL_DIR").is_some()
        || environment("OPENSSL_INCLUDE_DIR").is_some()
        || Step::new(workspace, "pkg-config")
            .args(["--exists", "openssl >= 1.1.1"])
            .succeeds()
        || (cfg!(target_os = "macos")
            && Step::new(workspace, "brew")
                .args(["--prefix", "--installed", "openssl@3"])
                .succeeds())
}

/// Installs the packages; after a failure once more with fresh package lists, which a new machine does not have.
/// What came of it is for the caller to look at.
fn install(workspace: &Workspace, prefix: &[&str]) {
    eprintln!(
        "xtask: OpenSSL's headers are missing; installing {} (this changes the system, once)",
        PACKAGES.join(", ")
    );
    let apt = |arguments: &[&str]| {
        prefix
            .iter()
            .copied()
            .chain(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"])
            .chain(["-o", "DPkg::Lock::Timeout=120", "-qq"])
            .chain(arguments.iter().copied())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let run = |words: Vec<String>| {
        let mut words = words.into_iter();
        let program = words.next().unwrap_or_default();
        Step::new(workspace, program).args(words).run()
    };
    let install = || {
        run(apt(&[
            &["install", "-y", "--no-install-recommends"][..],
            &PACKAGES,
        ]
        .concat()))
    };
    if install().is_ok() {
        return;
    }
    eprintln!("xtask: trying again with fresh package lists");
    if let Err(failure) = run(apt(&["update"])).and_then(|()| install()) {
        eprintln!("xtask: {failure}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARE: Machine = Machine {
        headers: false,
        apt: false,
        root: false,
        sudo_without_password: false,
        perl_and_make: false,
    };

    #[test]
    fn headers_that_are_there_are_used_and_nothing_is_installed() {
        let machine = Machine {
            headers: true,
            apt: true,
            root: true,
            ..BARE
        };
        assert_eq!(machine.plan(), Plan::UseSystem);
    }

    #[test]
    fn packages_are_installed_directly_only_by_root() {
        let machine = Machine {
            apt: true,
            root: true,
            perl_and_make: true,
            ..BARE
        };
        assert_eq!(machine.plan(), Plan::Install(&[]));
        let machine = Machine {
            root: false,
            sudo_without_password: true,
            ..machine
        };
        assert_eq!(machine.plan(), Plan::Install(&["sudo", "-n"]));
    }

    #[test]
    fn where_nothing_can_be_installed_openssl_is_built_from_source() {
        let machine = Machine {
            apt: true,
            perl_and_make: true,
            ..BARE
        };
        assert_eq!(machine.plan(), Plan::BuildFromSource);
        let without_apt = Machine {
            apt: false,
            root: true,
            ..machine
        };
        assert_eq!(without_apt.plan(), Plan::BuildFromSource);
    }

    #[test]
    fn without_any_way_the_recipe_gives_up() {
        assert_eq!(BARE.plan(), Plan::GiveUp);
    }

    #[test]
    fn the_vendored_feature_is_asked_of_its_owner() {
        assert!(OpenSsl::System.features("udap-cli").is_empty());
        assert_eq!(
            OpenSsl::Vendored.features("udap-cli"),
            ["--features", "udap-cli/vendored"]
        );
    }
}
