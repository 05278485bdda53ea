//! A client secret that nobody knows.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRngCore;
use rand::rngs::OsRng;

/// The operating system gave no random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no random numbers")]
pub struct NoRandomness;

/// What stands in `client_secret`: random, and told to nobody.
///
/// With an empty column, OpenEMR's token introspection takes any secret. It begins with a letter,
/// so that no version takes it for ciphertext of its own.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecret(String);

impl ClientSecret {
    /// As long as OpenEMR's own: 64 octets in base64url.
    const CHARS: usize = 86;

    /// A new secret of 510 random bits.
    ///
    /// # Errors
    /// If the operating system gives no random numbers.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut octets = [0_u8; 64];
        OsRng
            .try_fill_bytes(&mut octets)
            .map_err(|_| NoRandomness)?;
        let mut text = String::from("x");
        text.push_str(&URL_SAFE_NO_PAD.encode(octets));
        text.truncate(Self::CHARS);
        Ok(Self(text))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ClientSecret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_new_each_time_and_in_the_form_that_no_version_decrypts() {
        let one = ClientSecret::generate().unwrap();
        let other = ClientSecret::generate().unwrap();
        assert_ne!(one.as_str(), other.as_str());
        assert_eq!(one.as_str().len(), 86);
        assert!(one.as_str().starts_with('x') && one.as_str().is_ascii());
        assert_eq!(format!("{one:?}"), "ClientSecret");
    }
}
