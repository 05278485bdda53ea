//! What a seal covers, octet by octet.
//!
//! The digest of a batch is SHA-256 over its events in order, each with all its columns. The seal is
//! made over the number of the batch, its time, the number of its events, whether there is a key,
//! that digest and the seal before. So a seal can be checked long after its events were purged.
//! Every part has a fixed length or its length before it: no two contents have one encoding.

use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::key::SealKey;
use crate::identity::Hash;
use crate::instant;

/// Before everything that is sealed: no other use of the key, and no later form, makes such a seal.
const DOMAIN: &[u8] = b"udap audit seal 1";

/// A seal, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// The batch, counted from 1.
    pub batch: i64,
    /// When it was sealed.
    pub sealed_at: OffsetDateTime,
    /// How many events it holds.
    pub events: i64,
    /// Whether it was made with a key.
    pub keyed: bool,
    /// SHA-256 over the events.
    pub digest: [u8; 32],
    /// The seal of the batch before; zeroes for the first.
    pub previous: [u8; 32],
    /// The seal.
    pub seal: [u8; 32],
}

impl Seal {
    /// Before the first.
    pub(crate) const NONE: Hash = [0; 32];

    /// The seal in hexadecimal, as it is logged.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex::encode(self.seal)
    }

    /// Whether it was made with this key over what it says.
    pub(crate) fn holds(&self, key: &SealKey) -> bool {
        let made = seal(
            key,
            self.batch,
            self.sealed_at,
            self.events,
            self.digest,
            self.previous,
        );
        // Not a secret to be guessed: whoever reads the comparison's time can read the seal.
        self.keyed == made.keyed && self.seal == made.seal
    }
}

/// Seals a batch.
pub(crate) fn seal(
    key: &SealKey,
    batch: i64,
    sealed_at: OffsetDateTime,
    events: i64,
    digest: Hash,
    previous: Hash,
) -> Seal {
    let mut content = Vec::with_capacity(DOMAIN.len() + 3 * 8 + 1 + 2 * 32);
    content.extend_from_slice(DOMAIN);
    content.extend_from_slice(&batch.to_be_bytes());
    content.extend_from_slice(&instant::to_micros(sealed_at).to_be_bytes());
    content.extend_from_slice(&events.to_be_bytes());
    content.push(u8::from(key.is_keyed()));
    content.extend_from_slice(&digest);
    content.extend_from_slice(&previous);
    let mut seal = Seal::NONE;
    for (to, from) in seal.iter_mut().zip(key.tag(&content)) {
        *to = from;
    }
    Seal {
        batch,
        sealed_at,
        events,
        keyed: key.is_keyed(),
        digest,
        previous,
        seal,
    }
}

/// An event's columns, octet by octet as they are stored: a row that was tampered with need not hold
/// text, and is to be found all the same.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct SealedEvent {
    pub(crate) id: Vec<u8>,
    pub(crate) occurred_at: i64,
    pub(crate) kind: Vec<u8>,
    pub(crate) request_id: Option<Vec<u8>>,
    pub(crate) client_id: Option<Vec<u8>>,
    pub(crate) detail: Vec<u8>,
    pub(crate) position: i64,
}

/// Takes in the events of a batch, one after the other.
#[derive(Clone, Default)]
pub(crate) struct Digester(Sha256);

impl Digester {
    /// Takes in the next event, at the position that it has or is given.
    pub(crate) fn add(&mut self, event: &SealedEvent) {
        self.0.update(event.position.to_be_bytes());
        self.part(&event.id);
        self.0.update(event.occurred_at.to_be_bytes());
        self.part(&event.kind);
        self.optional(event.request_id.as_deref());
        self.optional(event.client_id.as_deref());
        self.part(&event.detail);
    }

    /// The digest of the batch.
    pub(crate) fn finish(self) -> Hash {
        self.0.finalize().into()
    }

    fn part(&mut self, part: &[u8]) {
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part);
    }

    fn optional(&mut self, part: Option<&[u8]>) {
        self.0.update([u8::from(part.is_some())]);
        if let Some(part) = part {
            self.part(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    prop_compose! {
        // Few octets and short parts, so that parts which run into each other are met.
        fn event()(
            id in part(),
            occurred_at in -1..2_i64,
            kind in part(),
            request_id in prop::option::of(part()),
            client_id in prop::option::of(part()),
            detail in part(),
            position in 1..3_i64,
        ) -> SealedEvent {
            SealedEvent { id, occurred_at, kind, request_id, client_id, detail, position }
        }
    }

    fn part() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(0..2_u8, 0..3)
    }

    fn digest(events: &[SealedEvent]) -> Hash {
        let mut digester = Digester::default();
        for event in events {
            digester.add(event);
        }
        digester.finish()
    }

    proptest! {
        #[test]
        fn no_two_lists_of_events_have_one_digest(
            one in prop::collection::vec(event(), 0..3),
            other in prop::collection::vec(event(), 0..3),
        ) {
            prop_assert_eq!(digest(&one) == digest(&other), one == other);
        }
    }

    #[test]
    fn a_seal_holds_for_its_own_content_and_key_only() {
        let key = SealKey::keyed(&[1; 32]).unwrap();
        let at = datetime!(2026-11-22 12:00 UTC);
        let good = seal(&key, 3, at, 2, [4; 32], [5; 32]);
        assert!(good.holds(&key));
        let other_key = SealKey::keyed(&[2; 32]).unwrap();
        assert!(!good.holds(&other_key) && !good.holds(&SealKey::plain()));
        let changes: [fn(&mut Seal); 7] = [
            |seal| seal.batch += 1,
            |seal| seal.sealed_at += time::Duration::MICROSECOND,
            |seal| seal.events += 1,
            |seal| seal.keyed = false,
            |seal| seal.digest[31] ^= 1,
            |seal| seal.previous[31] ^= 1,
            |seal| seal.seal[31] ^= 1,
        ];
        for change in changes {
            let mut changed = good.clone();
            change(&mut changed);
            assert!(!changed.holds(&key), "{changed:?}");
        }
    }
}
