//! The certificates and CRLs of PKITS, and how they are put to the library.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyPair};
use time::OffsetDateTime;
use time::macros::datetime;
use udap::certificate::Certificate;
use udap::trust::{
    CertvalJudge, Crl, CrlStore, Evidence, NoCrlAddress, Outcome, RevocationMode, TrustPolicy,
    TrustStore, evaluate,
};

use crate::cases::Case;

/// All of PKITS's certificates are valid then but those that are meant not to be.
const AT: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

/// An order of certificates, CRLs, anchors and of the cases themselves.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    Forwards,
    Backwards,
    Shuffled,
}

impl Order {
    pub(crate) const ALL: [Self; 3] = [Self::Forwards, Self::Backwards, Self::Shuffled];

    fn of<T: Clone>(self, items: &[T]) -> Vec<T> {
        let mut items = items.to_vec();
        match self {
            Self::Forwards => {}
            Self::Backwards => items.reverse(),
            Self::Shuffled => shuffle(&mut items),
        }
        items
    }
}

/// Fisher and Yates, by the same numbers each time.
fn shuffle<T>(items: &mut [T]) {
    let mut state = 20_261_122_u64;
    for last in (1..items.len()).rev() {
        // Knuth's MMIX generator; its upper bits are the good ones.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let other = usize::try_from(state >> 33).unwrap_or_default() % (last + 1);
        items.swap(last, other);
    }
}

pub(crate) struct Suite {
    anchors: Vec<Certificate>,
    authorities: Vec<Certificate>,
    leaves: BTreeMap<String, Result<Certificate, String>>,
    crls: Vec<Vec<u8>>,
    addresses: BTreeSet<String>,
    unread: Vec<String>,
}

impl Suite {
    pub(crate) fn read(folder: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        let mut suite = Self {
            anchors: Vec::new(),
            authorities: Vec::new(),
            leaves: BTreeMap::new(),
            crls: Vec::new(),
            addresses: BTreeSet::new(),
            unread: Vec::new(),
        };
        for (name, bytes) in files(&folder.join("certs"))? {
            let certificate = Certificate::from_der(&bytes).map_err(|error| error.to_string());
            if let Ok(certificate) = &certificate {
                let addresses = certificate.crl_distribution_points().iter();
                suite.addresses.extend(addresses.cloned());
            }
            match certificate {
                leaf if name.ends_with("EE") => {
                    suite.leaves.insert(name, leaf);
                }
                Ok(certificate) => {
                    if name == "TrustAnchorRootCertificate" {
                        suite.anchors.push(certificate.clone());
                    }
                    suite.authorities.push(certificate);
                }
                Err(error) => suite.unread.push(format!("{name} ({error})")),
            }
        }
        for (name, bytes) in files(&folder.join("crls"))? {
            match Crl::from_der(&bytes) {
                Ok(_) => suite.crls.push(bytes),
                Err(error) => suite.unread.push(format!("{name} ({error})")),
            }
        }
        // PKITS has one anchor. These make its place among others matter, and must not change
        // anything else.
        suite.anchors.push(stranger("Trust Anchor")?);
        suite.anchors.push(stranger("Stranger")?);
        Ok(suite)
    }

    pub(crate) fn leaves(&self) -> impl Iterator<Item = &str> {
        self.leaves.keys().map(String::as_str)
    }

    /// Files that do not decode; whatever depends on them must be refused.
    pub(crate) fn unread(&self) -> &[String] {
        &self.unread
    }

    /// The verdicts on all cases, everything given in this order and nothing remembered from
    /// before.
    pub(crate) fn judge(
        &self,
        cases: &[Case],
        order: Order,
    ) -> Result<Vec<Result<(), String>>, Box<dyn std::error::Error>> {
        let crls = order.of(&self.crls);
        let crls = crls.iter().map(|der| Crl::from_der(der).map(Arc::new));
        let crls = CrlStore::new(crls.collect::<Result<_, _>>()?);
        let candidates = order.of(&self.authorities);
        let judge = CertvalJudge::new();
        let mut policies = BTreeMap::new();
        let mut verdicts: Vec<(usize, Result<(), String>)> = Vec::new();
        for number in order.of(&(0..cases.len()).collect::<Vec<_>>()) {
            let Some(case) = cases.get(number) else {
                continue;
            };
            if !policies.contains_key(&case.policies) {
                let policy = TrustPolicy {
                    store: TrustStore::new(
                        order.of(&self.anchors),
                        Vec::new(),
                        order.of(&case.policies),
                    )?,
                    revocation: RevocationMode::Required,
                    no_crl_address: NoCrlAddress::Refuse,
                    aia: false,
                    ocsp: false,
                };
                policies.insert(case.policies.clone(), policy);
            }
            let evidence = Evidence {
                candidates: &candidates,
                crls: &crls,
                ocsp: &[],
                tried: &self.addresses,
            };
            let leaf = self.leaves.get(&case.name).ok_or("a leaf is missing")?;
            let policy = policies.get(&case.policies).ok_or("no policy")?;
            let verdict = match leaf {
                Err(error) => Err(error.clone()),
                Ok(leaf) => match evaluate(&judge, policy, leaf, &evidence, AT) {
                    Outcome::Trusted(_) => Ok(()),
                    Outcome::Untrusted(distrust) => Err(distrust.to_string()),
                    Outcome::Need(needs) => Err(format!("{needs:?}")),
                },
            };
            verdicts.push((number, verdict));
        }
        verdicts.sort_by_key(|(number, _)| *number);
        Ok(verdicts.into_iter().map(|(_, verdict)| verdict).collect())
    }
}

/// A root with a key of its own. PKITS's own is called "Trust Anchor".
fn stranger(name: &str) -> Result<Certificate, Box<dyn std::error::Error>> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for (kind, value) in [
        (DnType::CountryName, "US"),
        (DnType::OrganizationName, "Test Certificates 2011"),
        (DnType::CommonName, name),
    ] {
        params.distinguished_name.push(kind, value);
    }
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&KeyPair::generate()?)?;
    Ok(Certificate::from_der(certificate.der())?)
}

/// Files by name without extension, sorted.
fn files(folder: &Path) -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if let Some(name) = path.file_stem() {
            files.push((name.to_string_lossy().into_owned(), std::fs::read(&path)?));
        }
    }
    files.sort();
    Ok(files)
}
