//! The clock, the source of random numbers and the environment: the only place where they are asked.
#![expect(
    clippy::disallowed_methods,
    reason = "the binary's edge, where clock, chance and environment become parameters"
)]

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::Rng;
use time::OffsetDateTime;

use crate::config::{Config, ConfigError};

/// Octets of randomness in an id.
const ID_OCTETS: usize = 32;

/// The time now, in UTC.
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// A fresh random id, in base64url: a `jti`, a client_id. It never begins with a hyphen: `udap
/// clients disable -x…` would be taken for an option, when there is no time to learn why.
pub(crate) fn random_id() -> String {
    loop {
        let octets: [u8; ID_OCTETS] = rng().random();
        let id = URL_SAFE_NO_PAD.encode(octets);
        if !id.starts_with('-') {
            return id;
        }
    }
}

/// A cryptographically secure generator, seeded by the operating system.
pub(crate) fn rng() -> impl Rng {
    rand::rng()
}

/// What was typed.
pub(crate) fn arguments() -> Vec<std::ffi::OsString> {
    std::env::args_os().collect()
}

/// Clock and chance for the server's routes.
pub(crate) const ENVIRONMENT: udap_axum::Environment = udap_axum::Environment { now, random_id };

/// The configuration in a file, under this process's environment.
///
/// # Errors
/// As [`Config::load`].
pub(crate) fn configuration(path: &Path) -> Result<Config, ConfigError> {
    Config::load(path, std::env::vars_os())
}

/// Who runs this command, for the audit: the person behind `sudo`, where there is one.
pub(crate) fn operator() -> String {
    ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_looks_like_an_option() {
        assert!((0..2_000).all(|_| !random_id().starts_with('-')));
    }

    #[test]
    fn ids_have_256_bits_and_do_not_repeat() {
        let (one, other) = (random_id(), random_id());
        assert_ne!(one, other);
        assert_eq!(URL_SAFE_NO_PAD.decode(one).unwrap().len(), ID_OCTETS);
    }
}
