//! A trust community: root, issuing CA, and the lists they publish.

use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, IsCa};
use time::OffsetDateTime;

use crate::{
    CrlBuilder, Error, KeyKind, LeafBuilder, OcspBuilder, TestCa, TestKey, TestLeaf,
    authority::{CaPlan, Urls},
};

/// How a community is set up.
#[derive(Debug, Clone)]
pub struct CommunityOptions {
    /// Its name, in the CAs' names.
    pub name: String,
    /// The kind of the CAs' keys.
    pub ca_key: KeyKind,
    /// Folder of URLs for revocation lists; without it no certificate names one.
    pub crl_base_url: Option<String>,
    /// Folder of URLs for CA certificates; without it no certificate names one.
    pub certificate_base_url: Option<String>,
}

impl CommunityOptions {
    /// P-256 keys, no addresses.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let name = name.to_owned();
        Self {
            name,
            ca_key: KeyKind::P256,
            crl_base_url: None,
            certificate_base_url: None,
        }
    }

    /// Names revocation lists and CA certificates under `base_url`, where the files of
    /// [`TestCommunity::published`] are to be served.
    #[must_use]
    pub fn published_at(mut self, base_url: &str) -> Self {
        self.crl_base_url = Some(base_url.to_owned());
        self.certificate_base_url = Some(base_url.to_owned());
        self
    }
}

/// A trust community with its certificate authorities.
#[derive(Debug)]
pub struct TestCommunity {
    options: CommunityOptions,
    now: OffsetDateTime,
    root: Arc<TestCa>,
    intermediate: Arc<TestCa>,
    state: Mutex<State>,
}

/// What grows while leaves are made and revoked.
#[derive(Debug, Default)]
struct State {
    authorities: Vec<Arc<TestCa>>,
    /// (slug of the issuer, serial number)
    revoked: Vec<(String, Vec<u8>)>,
    list_number: u64,
}

impl TestCommunity {
    /// A community with P-256 CAs, whose certificates name no addresses.
    ///
    /// # Panics
    /// If the cryptographic library fails.
    #[must_use]
    pub fn new(name: &str, now: OffsetDateTime) -> Self {
        Self::with(CommunityOptions::new(name), now)
    }

    /// A community set up as asked.
    ///
    /// # Panics
    /// If the cryptographic library fails.
    #[must_use]
    pub fn with(options: CommunityOptions, now: OffsetDateTime) -> Self {
        Self::try_with(options, now).expect("a community can be made")
    }

    /// A community set up as asked.
    ///
    /// # Errors
    /// [`Error::Certificate`] and others if the cryptographic library fails.
    pub fn try_with(options: CommunityOptions, now: OffsetDateTime) -> Result<Self, Error> {
        let mut plan = CaPlan::new(
            "root",
            format!("{} Root CA", options.name),
            TestKey::try_generate(options.ca_key)?,
            now,
        );
        plan.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        plan.urls = urls(&options, "root");
        let root = Arc::new(plan.self_signed()?);

        let mut plan = CaPlan::new(
            "intermediate",
            format!("{} Issuing CA", options.name),
            TestKey::try_generate(options.ca_key)?,
            now,
        );
        plan.urls = urls(&options, "intermediate");
        let intermediate = Arc::new(plan.signed_by(&root)?);

        let authorities = vec![Arc::clone(&root), Arc::clone(&intermediate)];
        let state = Mutex::new(State {
            authorities,
            ..State::default()
        });
        Ok(Self {
            options,
            now,
            root,
            intermediate,
            state,
        })
    }

    /// The community's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.options.name
    }

    /// The time for which everything is made.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        self.now
    }

    /// The root, the community's trust anchor.
    #[must_use]
    pub fn root(&self) -> &TestCa {
        &self.root
    }

    /// The issuing CA.
    #[must_use]
    pub fn intermediate(&self) -> &TestCa {
        &self.intermediate
    }

    /// A good client certificate with a pooled RSA-2048 key.
    ///
    /// # Panics
    /// If the cryptographic library fails.
    #[must_use]
    pub fn client(&self, uri: &str) -> TestLeaf {
        self.leaf(uri).build()
    }

    /// A good server certificate, for signing metadata, with a pooled RSA-2048 key.
    ///
    /// # Panics
    /// If the cryptographic library fails.
    #[must_use]
    pub fn server(&self, fhir_base_url: &str) -> TestLeaf {
        self.leaf(fhir_base_url).server().build()
    }

    /// Begins a leaf; as it stands it is a good client certificate.
    pub fn leaf(&self, uri: &str) -> LeafBuilder<'_> {
        LeafBuilder::new(self, uri)
    }

    /// Revokes a leaf: the lists made from now on name it.
    ///
    /// # Panics
    /// If another thread panicked while using the community.
    pub fn revoke(&self, leaf: &TestLeaf) {
        self.add_revoked(leaf.issuer(), leaf.serial())
            .expect("the community is usable");
    }

    /// Begins an authority's revocation list, which names everything revoked so far.
    pub fn crl<'a>(&self, authority: &'a TestCa) -> CrlBuilder<'a> {
        CrlBuilder::new(
            authority,
            self.now,
            self.next_list_number(),
            self.revoked_by(authority),
        )
    }

    /// Begins an authority's answer about the certificate with this serial number, whatever was
    /// revoked: as it stands, the authority says that it is good.
    pub fn ocsp<'a>(&self, authority: &'a TestCa, serial: &[u8]) -> OcspBuilder<'a> {
        OcspBuilder::new(authority, self.now, serial)
    }

    /// The present lists of root, issuing CA and all CAs that flawed leaves brought along, in DER,
    /// valid from an hour ago for seven days.
    ///
    /// # Panics
    /// If the cryptographic library fails.
    #[must_use]
    pub fn crls(&self) -> Vec<Vec<u8>> {
        let lists = self.try_crls().expect("lists can be made");
        lists.into_iter().map(|(_, list)| list).collect()
    }

    pub(crate) fn try_crls(&self) -> Result<Vec<(String, Vec<u8>)>, Error> {
        let authorities = self.state()?.authorities.clone();
        let listing = authorities.iter().filter(|authority| authority.lists);
        listing
            .map(|ca| Ok((format!("{}.crl", ca.slug), self.crl(ca).try_build()?)))
            .collect()
    }

    /// The files to serve at the base URL: name and content of each list and CA certificate.
    ///
    /// # Panics
    /// If the cryptographic library fails.
    #[must_use]
    pub fn published(&self) -> Vec<(String, Vec<u8>)> {
        self.try_published().expect("lists can be made")
    }

    pub(crate) fn try_published(&self) -> Result<Vec<(String, Vec<u8>)>, Error> {
        let mut files = self.try_crls()?;
        let state = self.state()?;
        let certificates = state.authorities.iter();
        files.extend(certificates.map(|ca| (format!("{}.cer", ca.slug), ca.certificate.clone())));
        Ok(files)
    }

    /// Adds an odd CA, planned under a slug of its own.
    pub(crate) fn add_authority(
        &self,
        slug: &str,
        issuer: &TestCa,
        change: impl FnOnce(&mut CaPlan),
    ) -> Result<Arc<TestCa>, Error> {
        let slug = {
            let state = self.state()?;
            let taken = state
                .authorities
                .iter()
                .filter(|ca| ca.slug.starts_with(slug))
                .count();
            if taken == 0 {
                slug.to_owned()
            } else {
                format!("{slug}-{}", taken + 1)
            }
        };
        let name = format!("{} {slug} CA", self.options.name);
        let mut plan = CaPlan::new(
            &slug,
            name,
            TestKey::try_generate(self.options.ca_key)?,
            self.now,
        );
        plan.urls = urls(&self.options, &slug);
        change(&mut plan);
        let authority = Arc::new(plan.signed_by(issuer)?);
        self.state()?.authorities.push(Arc::clone(&authority));
        Ok(authority)
    }

    pub(crate) fn issuing_ca(&self) -> Arc<TestCa> {
        Arc::clone(&self.intermediate)
    }

    pub(crate) fn ca_key_kind(&self) -> KeyKind {
        self.options.ca_key
    }

    pub(crate) fn add_revoked(&self, issuer: &str, serial: &[u8]) -> Result<(), Error> {
        self.state()?
            .revoked
            .push((issuer.to_owned(), serial.to_vec()));
        Ok(())
    }

    fn revoked_by(&self, authority: &TestCa) -> Vec<Vec<u8>> {
        let state = self.state();
        let revoked = state.iter().flat_map(|state| state.revoked.iter());
        revoked
            .filter(|(slug, _)| *slug == authority.slug)
            .map(|(_, s)| s.clone())
            .collect()
    }

    fn next_list_number(&self) -> u64 {
        self.state().map_or(1, |mut state| {
            state.list_number += 1;
            state.list_number
        })
    }

    fn state(&self) -> Result<std::sync::MutexGuard<'_, State>, Error> {
        self.state.lock().map_err(|_| Error::Poisoned)
    }
}

fn urls(options: &CommunityOptions, slug: &str) -> Urls {
    let under = |base: &Option<String>, end: &str| {
        base.iter()
            .map(|base| format!("{}/{slug}.{end}", base.trim_end_matches('/')))
            .collect()
    };
    Urls {
        responder: None,
        crls: under(&options.crl_base_url, "crl"),
        issuers: under(&options.certificate_base_url, "cer"),
    }
}
