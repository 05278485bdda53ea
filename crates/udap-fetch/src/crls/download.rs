//! One download of one list.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use udap::registry::CrlRecord;
use udap::trust::{Crl, CrlError};

use super::Inner;
use super::entry::{Entry, Held};
use crate::error::FetchError;
use crate::limits;
use crate::request::{Answer, Bounds, Request};

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
        places: &Semaphore,
        time: Duration,
    ) -> Result<Arc<Crl>, CrlFailure> {
        let outcome = self.try_download(entry, now, places, time).await;
        if let Err(error) = &outcome {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::warn!(url = %entry.url, error = error.kind(), cause, "CRL not fetched");
            entry.fail(error.kind(), None);
        }
        outcome
    }

    async fn try_download(
        &self,
        entry: &Entry,
        now: OffsetDateTime,
        places: &Semaphore,
        time: Duration,
    ) -> Result<Arc<Crl>, CrlFailure> {
        let answer = self.ask(entry, places, time).await?;
        if answer.is_not_modified()
            && let Some(held) = entry.held()
        {
            return Ok(self.confirm(entry, held, now).await);
        }
        let body = answer.body;
        let (crl, der) = self.decode(body).await?;
        let crl = Arc::new(crl);
        let issuer = &entry.issuer;
        // The list was hashed when it was decoded: verifying is quick however long it is.
        if !crl.is_issued_by(issuer) {
            return if crl.names(issuer) && crl.len() <= limits::CRL_UNPROVEN_ENTRIES {
                // Perhaps by another key of the same CA: that is for the path to tell.
                entry.fail(CrlFailure::Signer.kind(), Some(Arc::clone(&crl)));
                Ok(crl)
            } else {
                Err(CrlFailure::Signer)
            };
        }
        if let Some(held) = entry.held() {
            if held.crl.fingerprint() == crl.fingerprint() {
                return Ok(self.confirm(entry, held, now).await);
            }
            // A list in force that is older than ours proves nothing but that ours is withheld.
            if held.crl.is_newer_than(&crl) {
                return Err(CrlFailure::Older);
            }
        }
        let replaced = entry.held().map_or(0, |held| held.crl.len());
        if self.entries_held() + crl.len() > limits::CRL_ENTRIES_HELD + replaced {
            return Err(CrlFailure::TooMany);
        }
        self.known.add([Arc::clone(&crl)]);
        tracing::info!(url = %entry.url, entries = crl.len(), issuer = crl.issuer_text(),
            "revocation list fetched");
        let record = CrlRecord {
            url: entry.url.clone(),
            issuer: issuer.der().to_vec(),
            this_update: crl.this_update(),
            next_update: crl.next_update(),
            number: crl.number().map(<[u8]>::to_vec),
            entity_tag: answer.entity_tag.clone(),
            last_modified: answer.last_modified.clone(),
            fetched_at: now,
            der,
        };
        if let Err(error) = self.archive.put_crl(&record).await {
            tracing::warn!(url = %entry.url, %error, "a revocation list could not be stored");
        }
        entry.hold(Held {
            crl: Arc::clone(&crl),
            entity_tag: answer.entity_tag,
            last_modified: answer.last_modified,
            fetched_at: now,
        });
        Ok(crl)
    }

    async fn confirm(&self, entry: &Entry, held: Held, now: OffsetDateTime) -> Arc<Crl> {
        entry.confirm(now);
        if let Err(error) = self.archive.confirm_crl(&entry.url, now).await {
            tracing::warn!(url = %entry.url, %error, "a revocation list could not be confirmed");
        }
        held.crl
    }

    async fn ask(
        &self,
        entry: &Entry,
        places: &Semaphore,
        time: Duration,
    ) -> Result<Answer, CrlFailure> {
        let mut request = Request::guarded(
            &entry.url,
            Bounds {
                bytes: udap::limits::CRL_BYTES,
                time,
            },
        )
        .accept("application/pkix-crl, */*;q=0.1");
        if let Some(held) = entry.held() {
            if let Some(tag) = held.entity_tag {
                request = request.if_none_match(tag);
            }
            if let Some(date) = held.last_modified {
                request = request.if_modified_since(date);
            }
        }
        let host = self.host(&entry.url);
        let permits = async { (host.acquire().await, places.acquire().await) };
        let (_host, _download) = timeout(time, permits).await.map_err(|_| CrlFailure::Busy)?;
        Ok(self.fetcher.get(&request).await?)
    }

    /// Decodes and indexes off the asynchronous threads. Also gives the list in DER.
    pub(super) async fn decode(&self, body: Vec<u8>) -> Result<(Crl, Vec<u8>), CrlFailure> {
        let _place = self.decoding.acquire().await;
        let decoding = tokio::task::spawn_blocking(move || {
            let der = Crl::to_der(body)?;
            Ok((Crl::from_der(&der)?, der))
        });
        decoding.await.map_err(|_| CrlFailure::Decoding)?
    }
}
