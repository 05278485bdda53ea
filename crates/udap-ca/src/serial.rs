//! Certificate serial numbers.

use std::{fmt, str::FromStr};

use rand::Rng;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::Error;

/// RFC 5280 §4.1.2.2: at most 20 octets.
const MAX_OCTETS: usize = 20;

/// A certificate's serial number: a positive integer, shown in lower-case hexadecimal.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Serial(Vec<u8>);

impl Serial {
    /// A new random serial number: 16 octets, positive, 126 of the bits random (J07).
    ///
    /// rcgen would derive it from the public key, so that two certificates for one key shared
    /// their number and revoking one revoked both.
    pub fn random(rng: &mut impl Rng) -> Self {
        let mut octets: [u8; 16] = rng.random();
        // Never negative, and of one length.
        octets[0] = (octets[0] & 0x7f) | 0x40;
        Self(octets.to_vec())
    }

    /// Big-endian octets, without leading zeros.
    ///
    /// # Errors
    /// [`Error::InvalidSerial`] if zero, or beyond 20 octets.
    pub fn from_be_bytes(octets: &[u8]) -> Result<Self, Error> {
        let significant: Vec<u8> = octets
            .iter()
            .copied()
            .skip_while(|&octet| octet == 0)
            .collect();
        if significant.is_empty() || significant.len() > MAX_OCTETS {
            return Err(Error::InvalidSerial);
        }
        Ok(Self(significant))
    }

    /// Big-endian octets, without leading zeros.
    #[must_use]
    pub fn as_be_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn for_signing(&self) -> rcgen::SerialNumber {
        rcgen::SerialNumber::from_slice(&self.0)
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({self})")
    }
}

impl FromStr for Serial {
    type Err = Error;

    /// Hexadecimal in either case, with or without colons, as tools print it.
    fn from_str(text: &str) -> Result<Self, Error> {
        let mut digits = text.replace(':', "");
        if digits.len() % 2 == 1 {
            digits.insert(0, '0');
        }
        Self::from_be_bytes(&hex::decode(digits).map_err(|_| Error::InvalidSerial)?)
    }
}

impl Serialize for Serial {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Serial {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::{SeedableRng as _, rngs::StdRng};

    proptest! {
        /// Proves: J07
        #[test]
        fn random_serials_are_positive_have_16_octets_and_survive_text(seed: u64) {
            let serial = Serial::random(&mut StdRng::seed_from_u64(seed));
            prop_assert_eq!(serial.as_be_bytes().len(), 16);
            prop_assert!(serial.as_be_bytes()[0] < 0x80 && serial.as_be_bytes()[0] > 0);
            prop_assert_eq!(&serial.to_string().parse::<Serial>().unwrap(), &serial);
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(text in ".{0,60}") {
            if let Ok(serial) = text.parse::<Serial>() {
                prop_assert!((1..=20).contains(&serial.as_be_bytes().len()));
            }
        }
    }

    #[test]
    fn openssl_style_serials_are_read() {
        let plain: Serial = "0a0b".parse().unwrap();
        assert_eq!("0A:0B".parse::<Serial>().unwrap(), plain);
        assert_eq!("A0B".parse::<Serial>().unwrap(), plain);
        assert!("00".parse::<Serial>().is_err());
        assert!("".parse::<Serial>().is_err());
        assert!("11".repeat(21).parse::<Serial>().is_err());
    }
}
