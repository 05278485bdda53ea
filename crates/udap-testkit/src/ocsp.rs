//! OCSP responses with any dates, statuses and signers.

use openssl::sha::sha1;
use rcgen::SigningKey;
use time::{Duration, OffsetDateTime, macros::format_description};
use x509_parser::{certificate::X509Certificate, prelude::FromDer, x509::SubjectPublicKeyInfo};
use yasna::{DERWriter, Tag, models::ObjectIdentifier, tags::TAG_GENERALIZEDTIME};

use crate::{Error, KeyKind, TestCa, TestKey, authority::whole_seconds};

const SHA1: &[u64] = &[1, 3, 14, 3, 2, 26];
const BASIC: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 48, 1, 1];
const RSA_SHA256: &[u64] = &[1, 2, 840, 113_549, 1, 1, 11];
const ECDSA_SHA256: &[u64] = &[1, 2, 840, 10_045, 4, 3, 2];
const ECDSA_SHA384: &[u64] = &[1, 2, 840, 10_045, 4, 3, 3];
const ECDSA_SHA512: &[u64] = &[1, 2, 840, 10_045, 4, 3, 4];

/// How old an answer is at the community's time.
const AGE: Duration = Duration::hours(1);
/// How long an answer is valid.
const LIFETIME: Duration = Duration::days(1);
const KEY_COMPROMISE: u8 = 1;

#[derive(Debug, Clone, Copy)]
enum Status {
    Good,
    Revoked,
    Unknown,
}

/// An OCSP response in the making, about one certificate, by the authority that issued it.
#[derive(Debug, Clone)]
#[must_use = "call build()"]
pub struct OcspBuilder<'a> {
    authority: &'a TestCa,
    serial: Vec<u8>,
    status: Status,
    this_update: OffsetDateTime,
    next_update: Option<OffsetDateTime>,
    signing_key: TestKey,
}

impl<'a> OcspBuilder<'a> {
    pub(crate) fn new(authority: &'a TestCa, now: OffsetDateTime, serial: &[u8]) -> Self {
        let this_update = now - AGE;
        Self {
            authority,
            serial: serial.to_vec(),
            status: Status::Good,
            this_update,
            next_update: Some(this_update + LIFETIME),
            signing_key: authority.key.clone(),
        }
    }

    /// Says that the certificate is revoked, for keyCompromise.
    pub fn revoked(mut self) -> Self {
        self.status = Status::Revoked;
        self
    }

    /// Says that the responder does not know the certificate.
    pub fn unknown(mut self) -> Self {
        self.status = Status::Unknown;
        self
    }

    /// When the status was known to be right.
    pub fn this_update(mut self, date: OffsetDateTime) -> Self {
        self.this_update = date;
        self
    }

    /// When newer information is due; `None`: always.
    pub fn next_update(mut self, date: Option<OffsetDateTime>) -> Self {
        self.next_update = date;
        self
    }

    /// Signs with another key, under the authority's name.
    pub fn signed_by(mut self, key: &TestKey) -> Self {
        self.signing_key = key.clone();
        self
    }

    /// The signed part, ResponseData, in DER.
    ///
    /// # Panics
    /// If the authority's certificate does not decode.
    #[must_use]
    pub fn build_data(&self) -> Vec<u8> {
        self.try_build_data().expect("an answer can be made")
    }

    /// The response in DER.
    ///
    /// # Panics
    /// If the cryptographic library fails.
    #[must_use]
    pub fn build(self) -> Vec<u8> {
        self.try_build().expect("an answer can be made")
    }

    fn try_build_data(&self) -> Result<Vec<u8>, Error> {
        let (_, issuer) =
            X509Certificate::from_der(self.authority.der()).map_err(|_| Error::Unreadable)?;
        let (_, key) = SubjectPublicKeyInfo::from_der(self.authority.key.spki_der())
            .map_err(|_| Error::Unreadable)?;
        let name = issuer.subject().as_raw();
        let key_hash = sha1(&key.subject_public_key.data);
        Ok(yasna::construct_der(|writer| {
            writer.write_sequence(|data| {
                let by_name = data.next();
                by_name.write_tagged(Tag::context(1), |w| w.write_der(name));
                write_time(data.next(), self.this_update);
                data.next().write_sequence(|responses| {
                    responses.next().write_sequence(|single| {
                        single.next().write_sequence(|id| {
                            id.next().write_sequence(|algorithm| {
                                algorithm
                                    .next()
                                    .write_oid(&ObjectIdentifier::from_slice(SHA1));
                                algorithm.next().write_null();
                            });
                            id.next().write_bytes(&sha1(name));
                            id.next().write_bytes(&key_hash);
                            id.next().write_bigint_bytes(&self.serial, true);
                        });
                        self.write_status(single.next());
                        write_time(single.next(), self.this_update);
                        if let Some(next) = self.next_update {
                            single
                                .next()
                                .write_tagged(Tag::context(0), |w| write_time(w, next));
                        }
                    });
                });
            });
        }))
    }

    fn write_status(&self, writer: DERWriter<'_>) {
        match self.status {
            Status::Good => writer.write_tagged_implicit(Tag::context(0), |w| w.write_null()),
            Status::Unknown => writer.write_tagged_implicit(Tag::context(2), |w| w.write_null()),
            Status::Revoked => writer.write_tagged_implicit(Tag::context(1), |writer| {
                writer.write_sequence(|revoked| {
                    write_time(revoked.next(), self.this_update);
                    revoked.next().write_tagged(Tag::context(0), |reason| {
                        reason.write_enum(i64::from(KEY_COMPROMISE));
                    });
                });
            }),
        }
    }

    fn try_build(&self) -> Result<Vec<u8>, Error> {
        let data = self.try_build_data()?;
        let signature = self.signing_key.signer()?.sign(&data)?;
        let scheme = match self.signing_key.kind() {
            kind if kind.is_rsa() => RSA_SHA256,
            KeyKind::P384 => ECDSA_SHA384,
            KeyKind::P521 => ECDSA_SHA512,
            _ => ECDSA_SHA256,
        };
        let basic = yasna::construct_der(|writer| {
            writer.write_sequence(|basic| {
                basic.next().write_der(&data);
                basic.next().write_sequence(|algorithm| {
                    algorithm
                        .next()
                        .write_oid(&ObjectIdentifier::from_slice(scheme));
                });
                basic
                    .next()
                    .write_bitvec_bytes(&signature, signature.len() * 8);
            });
        });
        Ok(yasna::construct_der(|writer| {
            writer.write_sequence(|response| {
                response.next().write_enum(0);
                response.next().write_tagged(Tag::context(0), |writer| {
                    writer.write_sequence(|bytes| {
                        bytes.next().write_oid(&ObjectIdentifier::from_slice(BASIC));
                        bytes.next().write_bytes(&basic);
                    });
                });
            });
        }))
    }
}

/// GeneralizedTime as RFC 5280 §4.1.2.5.2 wants it.
fn write_time(writer: DERWriter<'_>, at: OffsetDateTime) {
    let format = format_description!("[year][month][day][hour][minute][second]Z");
    let text = whole_seconds(at).format(&format).unwrap_or_default();
    writer.write_tagged_implicit(TAG_GENERALIZEDTIME, |w| w.write_bytes(text.as_bytes()));
}
