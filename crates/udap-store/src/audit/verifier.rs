//! Verification, event by event: no database, constant memory.

use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::finding::{Finding, Purge, Unsealed, Verification};
use super::key::SealKey;
use super::seal::{Digester, Seal, SealedEvent};
use crate::instant;
use crate::table::audit_event::Kind;

/// How long an event may wait for its seal. A running server seals within seconds.
const SEALED_WITHIN: Duration = Duration::minutes(5);

/// Findings that are listed. Neighbouring batches with one fault are one finding.
const FINDINGS: usize = 100;

/// What an operator knows from elsewhere, such as the log of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// This batch was sealed: a log that ends before it was cut.
    pub batch: Option<i64>,
    /// This seal was made, of that batch if it is given: a log without it was cut or rewritten.
    pub seal: Option<[u8; 32]>,
    /// From this batch on there was a key. One that is added later cannot seal what was before.
    pub keyed_since: i64,
}

impl Default for Expectation {
    fn default() -> Self {
        Self {
            batch: None,
            seal: None,
            keyed_since: 1,
        }
    }
}

/// A verification under way. Seals are given in their order, each followed by its events.
pub(crate) struct Verifier<'a> {
    key: &'a SealKey,
    expected: &'a Expectation,
    report: Verification,
    current: Option<Batch>,
    /// The seal before, and its batch's number.
    before: Option<(i64, [u8; 32])>,
    /// The last of the batches without events that are followed by none with.
    emptied: Option<i64>,
    any_events: bool,
    found_seal: bool,
}

/// The batch whose events are given.
struct Batch {
    seal: Seal,
    /// Whether the seal itself is good.
    trusted: bool,
    digester: Digester,
    found: i64,
    purge: Option<Purge>,
}

impl<'a> Verifier<'a> {
    pub(crate) fn new(key: &'a SealKey, expected: &'a Expectation) -> Self {
        Self {
            key,
            expected,
            report: Verification {
                whole: false,
                keyed: key.is_keyed(),
                batches: 0,
                events: 0,
                last_batch: None,
                last_seal: None,
                plain_batches: 0,
                purge: None,
                unsealed: Unsealed::default(),
                findings: Vec::new(),
                more_findings: 0,
            },
            current: None,
            before: None,
            emptied: None,
            any_events: false,
            found_seal: false,
        }
    }

    /// The next seal.
    pub(crate) fn seal(&mut self, seal: Seal) {
        self.end_of_batch();
        let batch = seal.batch;
        let (last, previous) = self.before.unwrap_or((0, Seal::NONE));
        let next = last.saturating_add(1);
        if batch > next {
            self.find(Finding::SealsMissing {
                first: next,
                last: batch - 1,
            });
        } else if batch < next || seal.previous != previous {
            self.find(Finding::ChainBroken {
                first: batch,
                last: batch,
            });
        }
        let trusted = self.judge(&seal);
        let expected_here = self.expected.batch.is_none_or(|expected| expected == batch);
        if expected_here && self.expected.seal == Some(seal.seal) {
            self.found_seal = true;
        }
        self.before = Some((batch, seal.seal));
        self.report.batches += 1;
        self.report.plain_batches += u64::from(!seal.keyed);
        self.report.last_batch = Some(batch);
        self.report.last_seal = Some(seal.to_hex());
        self.current = Some(Batch {
            seal,
            trusted,
            digester: Digester::default(),
            found: 0,
            purge: None,
        });
    }

    /// Whether a seal was made with the key over what it says. Where only the key is missing, that
    /// is found once, and not what would follow from it.
    fn judge(&mut self, seal: &Seal) -> bool {
        let (first, last) = (seal.batch, seal.batch);
        if seal.keyed && !self.key.is_keyed() {
            self.find(Finding::KeyMissing { first, last });
            return true;
        }
        let plain = SealKey::plain();
        let key = if seal.keyed { self.key } else { &plain };
        if !seal.keyed && self.key.is_keyed() && seal.batch >= self.expected.keyed_since {
            self.find(Finding::SealsPlain { first, last });
        }
        let holds = seal.holds(key);
        if !holds {
            self.find(Finding::SealsWrong { first, last });
        }
        holds
    }

    /// The next event of the batch whose seal was given last.
    pub(crate) fn event(&mut self, event: &SealedEvent) {
        let Some(batch) = &mut self.current else {
            return;
        };
        batch.found += 1;
        batch.digester.add(event);
        self.report.events += 1;
        if event.kind == Kind::Purged.as_str().as_bytes() {
            batch.purge = purge(event).or(batch.purge.take());
        }
    }

    fn end_of_batch(&mut self) {
        let Some(batch) = self.current.take() else {
            return;
        };
        let number = batch.seal.batch;
        if batch.found == 0 && !self.any_events {
            self.emptied = Some(number);
            return;
        }
        self.any_events = true;
        if batch.found != batch.seal.events {
            self.find(Finding::EventsMissing {
                batch: number,
                sealed: batch.seal.events,
                found: batch.found,
            });
        } else if batch.digester.finish() != batch.seal.digest {
            self.find(Finding::EventsAltered {
                first: number,
                last: number,
            });
        } else if let (true, Some(purge)) = (batch.trusted, batch.purge) {
            let through = self.purged_through();
            if through.is_none_or(|through| purge.through >= through) {
                self.report.purge = Some(purge);
            }
        }
    }

    fn purged_through(&self) -> Option<i64> {
        self.report.purge.as_ref().map(|purge| purge.through)
    }

    /// After the last seal and its events: what is not sealed, and how many events have a place in
    /// a batch without a seal.
    pub(crate) fn finish(
        mut self,
        unsealed: Unsealed,
        without_seal: u64,
        now: OffsetDateTime,
    ) -> Verification {
        self.end_of_batch();
        let purged = self.purged_through().unwrap_or(0);
        if let Some(last) = self.emptied.filter(|last| *last > purged) {
            let first = purged.saturating_add(1);
            self.find(Finding::NotPurged { first, last });
        }
        if without_seal > 0 {
            self.find(Finding::EventsWithoutSeal {
                events: without_seal,
            });
        }
        let last = self.report.last_batch;
        if let Some(expected) = self.expected.batch
            && last.is_none_or(|last| last < expected)
        {
            self.find(Finding::EndCut { expected, last });
        }
        if let Some(expected) = self.expected.seal
            && !self.found_seal
        {
            self.find(Finding::SealNotFound {
                expected: hex::encode(expected),
            });
        }
        self.report.unsealed = unsealed;
        if let Some(oldest) = unsealed.oldest
            && oldest < now - SEALED_WITHIN
        {
            self.find(Finding::SealOverdue {
                events: unsealed.events,
                oldest,
            });
        }
        self.report.whole = self.report.findings.is_empty();
        self.report
    }

    fn find(&mut self, finding: Finding) {
        let findings = &mut self.report.findings;
        if findings
            .iter_mut()
            .rev()
            .take(NEIGHBOURS)
            .any(|earlier| earlier.extend(&finding))
        {
            return;
        }
        if findings.len() < FINDINGS {
            findings.push(finding);
        } else {
            self.report.more_findings += 1;
        }
    }
}

/// One batch has so many findings at most: a finding of the batch before is not further back.
const NEIGHBOURS: usize = 6;

/// What a purge's event says.
fn purge(event: &SealedEvent) -> Option<Purge> {
    let detail: Value = serde_json::from_slice(&event.detail).ok()?;
    Some(Purge {
        through: detail.get("through")?.as_i64()?,
        at: instant::from_micros(event.occurred_at)?,
        operator: detail.get("operator")?.as_str()?.to_owned(),
    })
}
