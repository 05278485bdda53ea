//! Serial numbers of revoked certificates, packed and sorted.

use super::crl::Reason;

/// Serial numbers, each with a reason: one octet more than the numbers themselves, which are filled
/// up to a multiple of four octets.
#[derive(Default)]
pub(crate) struct Serials {
    /// By the longest number in them. Few lengths occur in one list: one or two.
    rows: Vec<(usize, Box<dyn Rows>)>,
}

impl Serials {
    /// With room for these numbers, so that nothing is moved while they are added.
    pub(crate) fn expecting<'a>(numbers: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut counts: Vec<(usize, usize)> = Vec::new();
        for longest in numbers.filter_map(|number| longest(minimal(number)?.len())) {
            match counts.iter_mut().find(|(known, _)| *known == longest) {
                Some((_, count)) => *count += 1,
                None => counts.push((longest, 1)),
            }
        }
        let rows = counts
            .into_iter()
            .filter_map(|(longest, count)| Some((longest, rows_for(longest, count)?)));
        Self {
            rows: rows.collect(),
        }
    }

    /// Adds one. `None` if it is no INTEGER's content, or longer than any serial number.
    pub(crate) fn push(&mut self, serial: &[u8], reason: Reason) -> Option<()> {
        let serial = minimal(serial)?;
        let longest = longest(serial.len())?;
        if let Some((_, rows)) = self.rows.iter_mut().find(|(known, _)| *known == longest) {
            rows.push(serial, reason.code());
        } else {
            let mut rows = rows_for(longest, 0)?;
            rows.push(serial, reason.code());
            self.rows.push((longest, rows));
        }
        Some(())
    }

    /// To be called once after the last [`Serials::push`].
    pub(crate) fn sort(&mut self) {
        self.rows.iter_mut().for_each(|(_, rows)| rows.sort());
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.iter().map(|(_, rows)| rows.len()).sum()
    }

    /// The reason that stands with a serial number. If it is listed twice, one that revokes.
    pub(crate) fn find(&self, serial: &[u8]) -> Option<Reason> {
        let serial = minimal(serial)?;
        let longest = longest(serial.len())?;
        let (_, rows) = self.rows.iter().find(|(known, _)| *known == longest)?;
        rows.find(serial).map(Reason::from_code)
    }
}

/// The longest number in the rows where one of this length has its place: narrow steps where there
/// are many (RFC 5280 §4.1.2.2 allows 20 octets), few steps beyond.
fn longest(length: usize) -> Option<usize> {
    match length {
        1..=24 => Some(length.next_multiple_of(4)),
        25..=255 => Some(length.next_power_of_two().min(255)),
        _ => None,
    }
}

fn rows_for(longest: usize, room: usize) -> Option<Box<dyn Rows>> {
    fn of<const WIDTH: usize>(room: usize) -> Option<Box<dyn Rows>> {
        Some(Box::new(Packed::<WIDTH>(Vec::with_capacity(room))))
    }
    // One octet more, for the reason.
    match longest {
        4 => of::<5>(room),
        8 => of::<9>(room),
        12 => of::<13>(room),
        16 => of::<17>(room),
        20 => of::<21>(room),
        24 => of::<25>(room),
        32 => of::<33>(room),
        64 => of::<65>(room),
        128 => of::<129>(room),
        255 => of::<256>(room),
        _ => None,
    }
}

trait Rows: Send + Sync {
    fn push(&mut self, serial: &[u8], reason: u8);
    fn sort(&mut self);
    fn len(&self) -> usize;
    fn find(&self, serial: &[u8]) -> Option<u8>;
}

/// Rows of a number and a reason. Numbers are filled up in front as two's complement is, so that
/// different numbers stay different without their lengths.
struct Packed<const WIDTH: usize>(Vec<[u8; WIDTH]>);

impl<const WIDTH: usize> Packed<WIDTH> {
    fn row(serial: &[u8], reason: u8) -> [u8; WIDTH] {
        let is_negative = serial.first().is_some_and(|first| *first >= 0x80);
        let mut row = [if is_negative { 0xff } else { 0 }; WIDTH];
        if let Some((last, number)) = row.split_last_mut() {
            *last = reason;
            // Rows take only what fits.
            let start = number.len().saturating_sub(serial.len());
            for (place, octet) in number.iter_mut().skip(start).zip(serial) {
                *place = *octet;
            }
        }
        row
    }

    /// The first row that is not below `wanted`.
    fn position(&self, wanted: &[u8; WIDTH]) -> usize {
        self.0.partition_point(|row| is_less(row, wanted))
    }
}

impl<const WIDTH: usize> Rows for Packed<WIDTH> {
    fn push(&mut self, serial: &[u8], reason: u8) {
        self.0.push(Self::row(serial, reason));
    }

    fn sort(&mut self) {
        self.0.sort_unstable_by(order);
        self.0.shrink_to_fit();
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn find(&self, serial: &[u8]) -> Option<u8> {
        let lowest = Self::row(serial, 0);
        let start = self.position(&lowest);
        let reason_of = |index: usize| {
            let (reason, number) = self.0.get(index)?.split_last()?;
            let (_, wanted) = lowest.split_last()?;
            (number == wanted).then_some(*reason)
        };
        let first = reason_of(start)?;
        if Reason::from_code(first).revokes() {
            return Some(first);
        }
        // Reasons stand in order: if not the first of them revokes, the last may. However often a
        // number is listed, these two are looked at.
        let end = self.position(&Self::row(serial, u8::MAX));
        reason_of(end)
            .or_else(|| reason_of(end.saturating_sub(1)))
            .or(Some(first))
    }
}

/// The order of octets. The first eight are compared at once, which settles it for random numbers.
fn order<const WIDTH: usize>(a: &[u8; WIDTH], b: &[u8; WIDTH]) -> std::cmp::Ordering {
    head(a).cmp(&head(b)).then_with(|| a.cmp(b))
}

fn is_less<const WIDTH: usize>(a: &[u8; WIDTH], b: &[u8; WIDTH]) -> bool {
    order(a, b).is_lt()
}

fn head<const WIDTH: usize>(row: &[u8; WIDTH]) -> u64 {
    row.first_chunk()
        .map_or(0, |octets| u64::from_be_bytes(*octets))
}

/// The content of an INTEGER without redundant leading octets: sloppy encoders add them, and a
/// comparison must not miss an entry for it. -1 and 255 stay apart.
pub(crate) fn minimal(mut content: &[u8]) -> Option<&[u8]> {
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
    use std::collections::HashMap;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn serials<'a>(entries: impl IntoIterator<Item = (&'a [u8], u8)>) -> Serials {
        let mut serials = Serials::default();
        for (serial, reason) in entries {
            serials
                .push(serial, Reason::from_code(reason))
                .expect("a serial number");
        }
        serials.sort();
        serials
    }

    #[test]
    fn serials_are_found_whatever_their_encoding_and_order() {
        let list = [&[5][..], &[0, 0, 9], &[1, 2, 3], &[0, 0xff], &[0x7f; 20]];
        let mut serials = serials(list.map(|serial| (serial, 1)));
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
        for reasons in [
            &[8, 1][..],
            &[1, 8],
            &[8, 9],
            &[9, 8],
            &[8, 255, 8],
            &[8, 0],
        ] {
            let serials = serials(reasons.iter().map(|reason| (&[7][..], *reason)));
            let found = serials.find(&[7]).unwrap();
            assert!(found.revokes(), "{reasons:?}");
            assert!(reasons.contains(&found.code()));
        }
        let removed = serials([(&[7][..], 8), (&[7], 8), (&[8], 1)]);
        assert_eq!(removed.find(&[7]), Some(Reason::REMOVE_FROM_CRL));
    }

    #[test]
    fn serials_at_the_edges_of_every_width_stay_apart() {
        let mut all = Vec::new();
        for length in 1..=255 {
            for first in [0x01, 0x7f, 0x80, 0xfe] {
                for fill in [0x00, 0xff] {
                    let mut serial = vec![fill; length];
                    serial[0] = first;
                    all.push(serial);
                }
            }
        }
        let (listed, others): (Vec<_>, Vec<_>) = all
            .iter()
            .enumerate()
            .partition(|(index, _)| index % 3 == 0);
        let listed: std::collections::HashSet<_> =
            listed.into_iter().map(|(_, serial)| serial).collect();
        let serials = serials(listed.iter().map(|serial| (serial.as_slice(), 1)));
        for (_, other) in others {
            let expected = listed.contains(other);
            assert_eq!(serials.find(other).is_some(), expected, "{other:?}");
        }
        for present in listed {
            assert!(serials.find(present).is_some(), "{present:?}");
        }
    }

    /// Numbers that lie close to each other, of all lengths and encodings.
    fn content() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            vec(prop_oneof![Just(0), Just(0xff), Just(0x80), Just(1)], 1..28),
            vec(any::<u8>(), 1..4),
            vec(any::<u8>(), 14..24),
            vec(Just(0xff), 1..255),
        ]
    }

    proptest! {
        /// The reference is a map from numbers to all their reasons.
        #[test]
        fn serials_are_found_as_in_a_map(
            entries in vec((content(), prop_oneof![Just(8), 0..12_u8]), 0..200),
            others in vec(content(), 0..50),
            expected in 0..300_usize,
        ) {
            let numbers = entries.iter().map(|(serial, _)| serial.as_slice());
            let mut serials = Serials::expecting(numbers.take(expected));
            let mut map: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
            for (serial, reason) in &entries {
                serials.push(serial, Reason::from_code(*reason)).expect("a serial number");
                map.entry(minimal(serial).expect("a number").to_vec()).or_default().push(*reason);
            }
            serials.sort();
            prop_assert_eq!(serials.len(), entries.len());
            for serial in entries.iter().map(|(serial, _)| serial).chain(&others) {
                let expected = map.get(minimal(serial).expect("a number"));
                let found = serials.find(serial).map(Reason::code);
                prop_assert_eq!(found.is_some(), expected.is_some());
                if let (Some(found), Some(reasons)) = (found, expected) {
                    prop_assert!(reasons.contains(&found));
                    let revokes = reasons.iter().any(|code| *code != 8);
                    prop_assert_eq!(Reason::from_code(found).revokes(), revokes);
                }
            }
        }
    }
}
