//! Serial numbers of revoked certificates, packed and sorted.

use super::crl::Reason;

/// Serial numbers in one buffer, each with a reason: about eight octets more than the numbers
/// themselves, however many there are.
#[derive(Default)]
pub(crate) struct Serials {
    octets: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    start: u32,
    length: u8,
    reason: u8,
}

impl Serials {
    /// Adds one. `None` if it is no INTEGER's content, or longer than any serial number.
    pub(crate) fn push(&mut self, serial: &[u8], reason: Reason) -> Option<()> {
        let serial = minimal(serial)?;
        self.entries.push(Entry {
            start: u32::try_from(self.octets.len()).ok()?,
            length: u8::try_from(serial.len()).ok()?,
            reason: reason.code(),
        });
        self.octets.extend_from_slice(serial);
        Some(())
    }

    /// To be called once after the last [`Serials::push`].
    pub(crate) fn sort(&mut self) {
        let octets = &self.octets;
        self.entries
            .sort_unstable_by(|a, b| a.key(octets).cmp(&(b.key(octets))));
        self.entries.shrink_to_fit();
        self.octets.shrink_to_fit();
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The reason that stands with a serial number. If it is listed twice, one that revokes.
    pub(crate) fn find(&self, serial: &[u8]) -> Option<Reason> {
        let serial = minimal(serial)?;
        let wanted = (serial.len(), serial);
        let octets = &self.octets;
        let start = self
            .entries
            .partition_point(|entry| entry.key(octets) < wanted);
        let reasons = self
            .entries
            .get(start..)
            .unwrap_or_default()
            .iter()
            .take_while(|entry| entry.key(octets) == wanted)
            .map(|entry| Reason::from_code(entry.reason));
        reasons.reduce(|found, next| {
            if found == Reason::REMOVE_FROM_CRL {
                next
            } else {
                found
            }
        })
    }
}

impl Entry {
    fn key<'a>(&self, octets: &'a [u8]) -> (usize, &'a [u8]) {
        let start = self.start as usize;
        let end = start + usize::from(self.length);
        (end - start, octets.get(start..end).unwrap_or_default())
    }
}

/// The content of an INTEGER without redundant leading octets: sloppy encoders add them, and a
/// comparison must not miss an entry for it. -1 and 255 stay apart.
pub(super) fn minimal(mut content: &[u8]) -> Option<&[u8]> {
    while let [first, rest @ ..] = content {
        let redundant = match (first, rest.first()) {
            (0x00, Some(next)) => *next < 0x80,
            (0xff, Some(next)) => *next >= 0x80,
            _ => false,
        };
        if !redundant {
            return Some(content);
        }
        content = rest;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serials_are_found_whatever_their_encoding_and_order() {
        let mut serials = Serials::default();
        for serial in [&[5][..], &[0, 0, 9], &[1, 2, 3], &[0, 0xff], &[0x7f; 20]] {
            serials.push(serial, Reason::from_code(1)).unwrap();
        }
        serials.sort();
        assert_eq!(serials.len(), 5);
        for present in [&[5][..], &[0, 5], &[9], &[1, 2, 3], &[0, 0xff], &[0x7f; 20]] {
            assert!(serials.find(present).is_some(), "{present:?}");
        }
        for absent in [&[4][..], &[0xff], &[], &[1, 2], &[1, 2, 3, 4], &[0x7f; 21]] {
            assert!(serials.find(absent).is_none(), "{absent:?}");
        }
        assert!(serials.push(&[], Reason::UNSPECIFIED).is_none());
        assert!(serials.push(&[1; 256], Reason::UNSPECIFIED).is_none());
    }

    #[test]
    fn a_revoking_entry_wins_over_a_removal_of_the_same_serial() {
        for reasons in [[8, 1], [1, 8]] {
            let mut serials = Serials::default();
            for reason in reasons {
                serials.push(&[7], Reason::from_code(reason)).unwrap();
            }
            serials.sort();
            assert_eq!(serials.find(&[7]), Some(Reason::from_code(1)));
        }
    }
}
