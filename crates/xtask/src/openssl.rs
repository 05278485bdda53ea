//! OpenSSL, the one thing that a build needs and cargo does not bring: the system's headers, or its source.

use crate::{
    apt,
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
    Install(apt::Prefix),
    BuildFromSource,
    GiveUp,
}

/// What was found on this machine.
#[derive(Debug, Clone, Copy)]
struct Machine {
    headers: bool,
    apt: Option<apt::Prefix>,
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
            apt::install(workspace, prefix, &PACKAGES, "OpenSSL's headers are");
            machine.headers = headers_are_there(workspace);
            machine.apt = None;
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
            apt: if headers { None } else { apt::way(workspace) },
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
        } else if let Some(prefix) = self.apt {
            Plan::Install(prefix)
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

#[cfg(test)]
mod tests {
    use super::*;

    const BARE: Machine = Machine {
        headers: false,
        apt: None,
        perl_and_make: false,
    };

    #[test]
    fn headers_that_are_there_are_used_and_nothing_is_installed() {
        let machine = Machine {
            headers: true,
            apt: Some(apt::DIRECTLY),
            ..BARE
        };
        assert_eq!(machine.plan(), Plan::UseSystem);
    }

    #[test]
    fn what_can_be_installed_is_not_built() {
        let machine = Machine {
            apt: Some(apt::BY_SUDO),
            perl_and_make: true,
            ..BARE
        };
        assert_eq!(machine.plan(), Plan::Install(apt::BY_SUDO));
    }

    #[test]
    fn where_nothing_can_be_installed_openssl_is_built_from_source() {
        let machine = Machine {
            perl_and_make: true,
            ..BARE
        };
        assert_eq!(machine.plan(), Plan::BuildFromSource);
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
