//! Authorities, certificates and CRLs for the tests, odd ones too.

use std::collections::BTreeSet;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, SerialNumber, SigningKey,
};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::certificate::Certificate;
use crate::trust::{
    CertvalJudge, Crl, CrlStore, Distrust, Evidence, NoCrlAddress, OcspAnswer, Outcome,
    RevocationMode, TrustNeed, TrustPolicy, TrustStore, TrustedPath, evaluate,
};

pub(crate) const AT: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);
pub(crate) const APP: &str = "https://app.example.org/udap";

pub(crate) fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}

/// DER of one element.
pub(crate) fn tlv(tag: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let mut der = vec![tag];
    match content.len() {
        length @ 0..=127 => der.push(length as u8),
        length @ 128..=255 => der.extend([0x81, length as u8]),
        length @ 256..=65_535 => der.extend([0x82, (length >> 8) as u8, length as u8]),
        length => der.extend([
            0x83,
            (length >> 16) as u8,
            (length >> 8) as u8,
            length as u8,
        ]),
    }
    der.extend_from_slice(content);
    der
}

pub(crate) fn extension(oid: &[u64], critical: bool, content: Vec<u8>) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(oid, content);
    extension.set_criticality(critical);
    extension
}

/// cRLDistributionPoints with one point of this content.
pub(crate) fn point(content: impl AsRef<[u8]>) -> CustomExtension {
    extension(&[2, 5, 29, 31], false, tlv(0x30, tlv(0x30, content)))
}

/// fullName with one URI, as a DistributionPointName under its tag.
pub(crate) fn full_name(url: &str) -> Vec<u8> {
    tlv(0xa0, tlv(0xa0, tlv(0x86, url)))
}

/// authorityInfoAccess with caIssuers at these addresses.
pub(crate) fn issuers_at(urls: &[&str]) -> CustomExtension {
    let method = tlv(0x06, [0x2b, 6, 1, 5, 5, 7, 48, 2]);
    let descriptions: Vec<u8> = urls
        .iter()
        .flat_map(|url| tlv(0x30, [method.clone(), tlv(0x86, url)].concat()))
        .collect();
    extension(&[1, 3, 6, 1, 5, 5, 7, 1, 1], false, tlv(0x30, descriptions))
}

pub(crate) fn params(name: &str) -> CertificateParams {
    static SERIAL: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    let serial = SERIAL.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(SerialNumber::from(serial));
    params.not_before = AT - Duration::days(1);
    params.not_after = AT + Duration::days(30);
    params.use_authority_key_identifier_extension = true;
    params
}

pub(crate) fn ca_params(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

pub(crate) fn leaf_params() -> CertificateParams {
    let mut params = params("App");
    params.subject_alt_names = vec![SanType::URI(APP.try_into().unwrap())];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params
}

/// Something that issues certificates: a CA, or what a test made of one.
pub(crate) struct Ca {
    pub(crate) params: CertificateParams,
    pub(crate) key: KeyPair,
    pub(crate) certificate: Certificate,
}

pub(crate) fn unchanged(_: &mut CertificateParams) {}

impl Ca {
    pub(crate) fn root(name: &str) -> Self {
        Self::root_with(name, unchanged)
    }

    pub(crate) fn root_with(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = ca_params(name);
        change(&mut params);
        let key = key();
        let certificate = decode(params.self_signed(&key).unwrap().der());
        Self {
            params,
            key,
            certificate,
        }
    }

    pub(crate) fn ca(&self, name: &str) -> Self {
        self.ca_with(name, unchanged)
    }

    pub(crate) fn ca_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = ca_params(name);
        change(&mut params);
        let key = key();
        let certificate = self.sign(&params, &key);
        Self {
            params,
            key,
            certificate,
        }
    }

    /// A certificate by this CA for another's name and key.
    pub(crate) fn certify(
        &self,
        other: &Self,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Certificate {
        let mut params = other.params.clone();
        params.serial_number = self::params("").serial_number;
        change(&mut params);
        self.sign(&params, &other.key)
    }

    pub(crate) fn leaf(&self) -> Certificate {
        self.leaf_with(unchanged)
    }

    pub(crate) fn leaf_with(&self, change: impl FnOnce(&mut CertificateParams)) -> Certificate {
        let mut params = leaf_params();
        change(&mut params);
        self.sign(&params, &key())
    }

    pub(crate) fn sign(&self, params: &CertificateParams, key: &KeyPair) -> Certificate {
        let issuer = Issuer::from_params(&self.params, &self.key);
        decode(params.signed_by(key, &issuer).unwrap().der())
    }

    pub(crate) fn crl(&self) -> CrlPlan<'_> {
        CrlPlan {
            issuer: self.certificate.subject_der().to_vec(),
            signer: &self.key,
            this_update: AT - Duration::hours(1),
            next_update: Some(AT + Duration::hours(1)),
            entries: Vec::new(),
            extensions: Vec::new(),
            number: 1,
        }
    }
}

pub(crate) fn decode(der: &[u8]) -> Certificate {
    Certificate::from_der(der).unwrap()
}

/// A CRL in the making, of any content.
pub(crate) struct CrlPlan<'a> {
    pub(crate) issuer: Vec<u8>,
    pub(crate) signer: &'a KeyPair,
    pub(crate) this_update: OffsetDateTime,
    pub(crate) next_update: Option<OffsetDateTime>,
    pub(crate) entries: Vec<Vec<u8>>,
    pub(crate) extensions: Vec<Vec<u8>>,
    pub(crate) number: u8,
}

/// Extension in DER.
pub(crate) fn raw_extension(oid: &[u8], critical: bool, content: &[u8]) -> Vec<u8> {
    let critical = if critical {
        tlv(0x01, [0xff])
    } else {
        Vec::new()
    };
    tlv(
        0x30,
        [tlv(0x06, oid), critical, tlv(0x04, content)].concat(),
    )
}

fn time(at: OffsetDateTime) -> Vec<u8> {
    let format = time::macros::format_description!(
        "[year repr:last_two][month][day][hour][minute][second]Z"
    );
    tlv(0x17, at.format(&format).unwrap())
}

impl CrlPlan<'_> {
    pub(crate) fn signed_by(mut self, signer: &Ca) -> CrlPlan<'_>
    where
        Self: Sized,
    {
        CrlPlan {
            issuer: std::mem::take(&mut self.issuer),
            signer: &signer.key,
            this_update: self.this_update,
            next_update: self.next_update,
            entries: self.entries,
            extensions: self.extensions,
            number: self.number,
        }
    }

    pub(crate) fn revoke(self, certificate: &Certificate) -> Self {
        self.entry(certificate.serial(), &[])
    }

    /// With reason 6 certificateHold, 8 removeFromCRL, and so on.
    pub(crate) fn revoke_for(self, certificate: &Certificate, reason: u8) -> Self {
        let reason = raw_extension(&[0x55, 29, 21], false, &tlv(0x0a, [reason]));
        self.entry(certificate.serial(), &reason)
    }

    pub(crate) fn entry(mut self, serial: &[u8], extensions: &[u8]) -> Self {
        let extensions = match extensions {
            [] => Vec::new(),
            extensions => tlv(0x30, extensions),
        };
        let date = time(self.this_update);
        self.entries
            .push(tlv(0x30, [tlv(0x02, serial), date, extensions].concat()));
        self
    }

    /// An entry whose issuer is `issuer` (certificateIssuer, critical).
    pub(crate) fn foreign_entry(self, certificate: &Certificate, issuer: &Certificate) -> Self {
        let names = tlv(0x30, tlv(0xa4, issuer.subject_der()));
        let issuer = raw_extension(&[0x55, 29, 29], true, &names);
        self.entry(certificate.serial(), &issuer)
    }

    /// An extension of the list below id-ce (2.5.29).
    pub(crate) fn extension(mut self, id: u8, critical: bool, content: impl AsRef<[u8]>) -> Self {
        self.extensions
            .push(raw_extension(&[0x55, 29, id], critical, content.as_ref()));
        self
    }

    /// An entry with an unknown critical extension.
    pub(crate) fn strange_entry(self) -> Self {
        let strange = raw_extension(&[0x55, 29, 99], true, &[5, 0]);
        self.entry(&[0x77], &strange)
    }

    /// IssuingDistributionPoint of this content.
    pub(crate) fn scope(self, content: impl AsRef<[u8]>) -> Self {
        self.extension(28, true, tlv(0x30, content))
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        let algorithm = tlv(0x30, tlv(0x06, [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]));
        let number = raw_extension(&[0x55, 29, 20], false, &tlv(0x02, [self.number]));
        let extensions = [number, self.extensions.concat()].concat();
        let entries = match self.entries.concat() {
            entries if entries.is_empty() => entries,
            entries => tlv(0x30, entries),
        };
        let list = tlv(
            0x30,
            [
                tlv(0x02, [1]),
                algorithm.clone(),
                self.issuer.clone(),
                time(self.this_update),
                self.next_update.map(time).unwrap_or_default(),
                entries,
                tlv(0xa0, tlv(0x30, extensions)),
            ]
            .concat(),
        );
        let signature = self.signer.sign(&list).unwrap();
        let signature = tlv(0x03, [vec![0], signature].concat());
        tlv(0x30, [list, algorithm, signature].concat())
    }

    pub(crate) fn build(&self) -> Arc<Crl> {
        Arc::new(Crl::from_der(&self.der()).unwrap())
    }
}

/// Policy and evidence with defaults that let everything pass but what a test is about.
pub(crate) struct World {
    pub(crate) policy: TrustPolicy,
    pub(crate) candidates: Vec<Certificate>,
    pub(crate) crls: Vec<Arc<Crl>>,
    pub(crate) ocsp: Vec<OcspAnswer>,
    pub(crate) tried: BTreeSet<String>,
    pub(crate) at: OffsetDateTime,
}

impl World {
    pub(crate) fn of(anchors: &[&Ca]) -> Self {
        let anchors = anchors.iter().map(|ca| ca.certificate.clone()).collect();
        Self::new(TrustStore::new(anchors, Vec::new(), Vec::new()).unwrap())
    }

    pub(crate) fn new(store: TrustStore) -> Self {
        Self {
            policy: TrustPolicy {
                store,
                revocation: RevocationMode::Required,
                no_crl_address: NoCrlAddress::Accept,
                aia: true,
                ocsp: true,
            },
            candidates: Vec::new(),
            crls: Vec::new(),
            ocsp: Vec::new(),
            tried: BTreeSet::new(),
            at: AT,
        }
    }

    pub(crate) fn candidates(mut self, cas: &[&Ca]) -> Self {
        self.candidates
            .extend(cas.iter().map(|ca| ca.certificate.clone()));
        self
    }

    pub(crate) fn certificates(mut self, certificates: &[Certificate]) -> Self {
        self.candidates.extend_from_slice(certificates);
        self
    }

    pub(crate) fn crls(mut self, crls: &[CrlPlan<'_>]) -> Self {
        self.crls.extend(crls.iter().map(CrlPlan::build));
        self
    }

    pub(crate) fn tried(mut self, urls: &[&str]) -> Self {
        self.tried.extend(urls.iter().map(|url| (*url).to_owned()));
        self
    }

    pub(crate) fn mode(mut self, mode: RevocationMode) -> Self {
        self.policy.revocation = mode;
        self
    }

    pub(crate) fn outcome(&self, leaf: &Certificate) -> Outcome {
        let crls = CrlStore::new(self.crls.clone());
        let evidence = Evidence {
            candidates: &self.candidates,
            crls: &crls,
            ocsp: &self.ocsp,
            tried: &self.tried,
        };
        evaluate(&CertvalJudge::new(), &self.policy, leaf, &evidence, self.at)
    }

    #[track_caller]
    pub(crate) fn trusted(&self, leaf: &Certificate) -> TrustedPath {
        match self.outcome(leaf) {
            Outcome::Trusted(path) => path,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn distrust(&self, leaf: &Certificate) -> Distrust {
        match self.outcome(leaf) {
            Outcome::Untrusted(distrust) => distrust,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn needs(&self, leaf: &Certificate) -> Vec<TrustNeed> {
        match self.outcome(leaf) {
            Outcome::Need(needs) => needs,
            other => panic!("{other:?}"),
        }
    }
}
