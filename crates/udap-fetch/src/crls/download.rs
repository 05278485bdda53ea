//! One download of one list.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use udap::registry::CrlRecord;
use udap::trust::{Authority, Crl, CrlError};

use super::Inner;
use super::addresses::Admission;
use super::entry::{Entry, Held, LAPSED};
use crate::error::FetchError;
use crate::limits;
use crate::places::{Place, Places};
use crate::request::{Answer, Bounds, Request};
use crate::target::shown;

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CrlFailure {
    /// Too many downloads are under way.
    #[error("too many downloads are under way")]
    Busy,
    /// The server did not give it.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// What it gave is no CRL.
    #[error(transparent)]
    Content(#[from] CrlError),
    /// It gave a list that the certificate's issuer did not sign.
    #[error("the list is not signed by the CA that the certificate names")]
    Signer,
    /// It gave an older list than the one that is known.
    #[error("the list is older than the one that is known")]
    Older,
    /// All lists together would take more memory than is spent on them.
    #[error("all revocation lists together have too many entries")]
    TooMany,
    /// It is longer than its entries account for.
    #[error("the list is longer than its entries account for")]
    Bloated,
    /// The server has the list that is known, which has lapsed.
    #[error("there is no newer list than the one that has lapsed")]
    Lapsed,
    /// Decoding ended abnormally.
    #[error("the list could not be decoded")]
    Decoding,
}

impl CrlFailure {
    /// The word for logs and metrics.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Fetch(error) => error.kind(),
            Self::Content(_) => "not_a_crl",
            Self::Signer => "wrong_signer",
            Self::Older => "older",
            Self::TooMany => "too_many_entries",
            Self::Bloated => "too_long_for_its_entries",
            Self::Lapsed => LAPSED,
            Self::Decoding => "decoding",
        }
    }
}

impl Inner {
    /// Fetches the list of an entry, whose turn the caller holds. Returns what is to be judged.
    pub(super) async fn download(
        &self,
        entry: &Entry,
        now: OffsetDateTime,
        place: (Authority, Place),
        time: Duration,
    ) -> Result<Arc<Crl>, CrlFailure> {
        let outcome = self.try_download(entry, now, place, time).await;
        outcome.inspect_err(|error| note(entry, error))
    }

    /// Notes that there was no place for a download.
    pub(super) fn busy(&self, entry: &Entry) -> CrlFailure {
        note(entry, &CrlFailure::Busy);
        CrlFailure::Busy
    }

    /// Waits for a place for a download, for as long as that takes.
    pub(super) async fn place(&self, entry: &Entry, places: &Places) -> (Authority, Place) {
        let owners = self.addresses().owners(&entry.key);
        // There is always one.
        let owner = places.freest(&owners).unwrap_or(Authority {
            anchor: entry.key,
            ca: entry.key,
        });
        (owner, places.take(owner, &entry.url).await)
    }

    async fn try_download(
        &self,
        entry: &Entry,
        now: OffsetDateTime,
        (owner, place): (Authority, Place),
        time: Duration,
    ) -> Result<Arc<Crl>, CrlFailure> {
        let answer = self.ask(entry, now, owner, time).await?;
        if answer.is_not_modified()
            && let Some(held) = entry.held()
        {
            return self.confirm(entry, held, now).await;
        }
        let body = answer.body;
        let (crl, der) = self.decode(body).await?;
        // Kept until here: what waits to be decoded is bounded too.
        drop(place);
        let crl = Arc::new(crl);
        let issuer = &entry.issuer;
        // The list was hashed when it was decoded: verifying is quick however long it is.
        if !crl.is_issued_by(issuer) {
            // Perhaps by another key of the same CA: that is for the path to tell.
            let is_kept = crl.names(issuer)
                && crl.len() <= limits::CRL_UNPROVEN_ENTRIES
                && self.admit(entry, &crl, Admission::Unproven);
            return if is_kept {
                entry.fail(CrlFailure::Signer.kind(), Some(Arc::clone(&crl)));
                Ok(crl)
            } else {
                Err(CrlFailure::Signer)
            };
        }
        if let Some(held) = entry.held() {
            if held.crl.fingerprint() == crl.fingerprint() {
                return self.confirm(entry, held, now).await;
            }
            // A list in force that is older than ours proves nothing but that ours is withheld.
            if held.crl.is_newer_than(&crl) {
                return Err(CrlFailure::Older);
            }
        }
        let held = Held {
            crl: Arc::clone(&crl),
            entity_tag: answer.entity_tag.clone(),
            last_modified: answer.last_modified.clone(),
            fetched_at: now,
        };
        let has_lapsed = held.has_lapsed(now);
        if !self.admit(entry, &crl, Admission::Fetched(held)) {
            return Err(CrlFailure::TooMany);
        }
        if has_lapsed {
            // What it revokes counts all the same.
            entry.lapse();
        }
        tracing::info!(url = %shown(&entry.url), entries = crl.len(), issuer = crl.issuer_text(),
            "revocation list fetched");
        let record = CrlRecord {
            url: entry.url.clone(),
            issuer: issuer.der().to_vec(),
            issuer_key: entry.key,
            this_update: crl.this_update(),
            next_update: crl.next_update(),
            number: crl.number().map(<[u8]>::to_vec),
            entity_tag: answer.entity_tag,
            last_modified: answer.last_modified,
            fetched_at: now,
            der,
        };
        if let Err(error) = self.archive.put_crl(&record).await {
            tracing::warn!(url = %shown(&entry.url), %error, "a revocation list could not be stored");
        }
        Ok(crl)
    }

    /// The list that is held is the newest that there is.
    async fn confirm(
        &self,
        entry: &Entry,
        held: Held,
        now: OffsetDateTime,
    ) -> Result<Arc<Crl>, CrlFailure> {
        if held.has_lapsed(now) {
            return Err(CrlFailure::Lapsed);
        }
        entry.confirm(now);
        let confirmed = (self.archive)
            .confirm_crl(&entry.url, &entry.key, now)
            .await;
        if let Err(error) = confirmed {
            tracing::warn!(url = %shown(&entry.url), %error, "a revocation list could not be confirmed");
        }
        Ok(held.crl)
    }

    /// Waiting for a place takes no longer than `time`, and so does the answer: whoever stood in line
    /// behind the other lists of its CA has as long as those.
    async fn ask(
        &self,
        entry: &Entry,
        now: OffsetDateTime,
        owner: Authority,
        time: Duration,
    ) -> Result<Answer, CrlFailure> {
        let bounds = Bounds {
            bytes: udap::limits::CRL_BYTES,
            time,
        };
        let mut request = Request::guarded(&entry.url, bounds)
            .on_behalf_of(owner)
            .accept("application/pkix-crl, */*;q=0.1");
        // That a lapsed list is still the newest would be of no use.
        if let Some(held) = entry.held().filter(|held| !held.has_lapsed(now)) {
            if let Some(tag) = held.entity_tag {
                request = request.if_none_match(tag);
            }
            if let Some(date) = held.last_modified {
                request = request.if_modified_since(date);
            }
        }
        Ok(self.fetcher.get(&request).await?)
    }

    /// Decodes and indexes off the asynchronous threads. Also gives the list in DER.
    pub(super) async fn decode(&self, body: Vec<u8>) -> Result<(Crl, Vec<u8>), CrlFailure> {
        let _place = self.decoding.acquire().await;
        let decoding = tokio::task::spawn_blocking(move || {
            let der = Crl::to_der(body)?;
            let crl = Crl::from_der(&der)?;
            // What is no entry is stored, but of no use to anybody.
            if der.len() > limits::CRL_OCTETS + crl.listed() * limits::CRL_OCTETS_OF_ENTRY {
                return Err(CrlFailure::Bloated);
            }
            Ok((crl, der))
        });
        decoding.await.map_err(|_| CrlFailure::Decoding)?
    }
}

fn note(entry: &Entry, error: &CrlFailure) {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::warn!(url = %shown(&entry.url), error = error.kind(), cause, "CRL not fetched");
    entry.fail(error.kind(), None);
}
