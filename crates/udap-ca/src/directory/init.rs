//! Setting up.

use std::{fs, io::ErrorKind, path::Path};

use rand::Rng;
use time::{Duration, OffsetDateTime};

use super::{
    CaDirectory,
    layout::{
        INDEX, ISSUED, OLD_INDEX, cer_file, files_of_an_authority, key_file, pem_file,
        remove_left_overs,
    },
    lock::Lock,
    publication,
};
use crate::{
    Authority, Error, Index, IssuerRole, KeyAlgorithm, Passphrase, PrivateKey, ProfileName,
    PublicKey, Settings, Subject,
    authority::check_publication_url,
    files::{refuse_existing, write_new_private_file, write_public_file},
    index::{NewEntry, SetUp},
    profile::CRL_LIFETIME,
};

/// How a new certificate authority is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitOptions {
    /// The community's name; the CAs are called "NAME Root CA" and "NAME Issuing CA".
    pub name: String,
    /// The operator's organisation.
    pub organization: Option<String>,
    /// The community's URI, kept in the index.
    pub community: Option<String>,
    /// The root's key: RSA-4096 or P-384 (J09).
    pub root_key: KeyAlgorithm,
    /// The issuing CA's key.
    pub intermediate_key: KeyAlgorithm,
    /// Folder of http URLs where the revocation lists will be (`root.crl`, `intermediate.crl`).
    pub crl_base_url: Option<String>,
    /// Folder of http URLs where the CA certificates will be (`root.cer`, `intermediate.cer`).
    pub certificate_base_url: Option<String>,
    /// How long each of the issuing CA's revocation lists is valid.
    pub crl_lifetime: Duration,
    /// The same for the root's, if it differs: its key may be where it is seldom at hand.
    pub root_crl_lifetime: Option<Duration>,
    /// What encrypts both keys; without it they lie in the folder as they are.
    pub passphrase: Option<Passphrase>,
}

impl InitOptions {
    /// RSA-4096 for both CAs, no published addresses, lists valid for 7 days, keys not encrypted.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            organization: None,
            community: None,
            root_key: KeyAlgorithm::Rsa4096,
            intermediate_key: KeyAlgorithm::Rsa4096,
            crl_base_url: None,
            certificate_base_url: None,
            crl_lifetime: CRL_LIFETIME,
            root_crl_lifetime: None,
            passphrase: None,
        }
    }
}

impl CaDirectory {
    /// Sets up root and issuing CA in `path`, which is made if missing, and signs their first
    /// revocation lists. If that was interrupted before, it begins afresh.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] if any file of an authority is there; [`Error::Locked`];
    /// [`Error::KeyAlgorithmNotAllowed`], [`Error::InvalidSubject`],
    /// [`Error::InvalidPublicationUrl`], [`Error::InvalidUri`] for the options; [`Error::Crypto`];
    /// [`Error::Index`]; [`Error::Io`].
    pub fn init(
        path: &Path,
        options: &InitOptions,
        now: OffsetDateTime,
        rng: &mut impl Rng,
    ) -> Result<Self, Error> {
        if !matches!(options.root_key, KeyAlgorithm::Rsa4096 | KeyAlgorithm::P384) {
            return Err(Error::KeyAlgorithmNotAllowed {
                profile: IssuerRole::Root.as_str(),
                algorithm: options.root_key,
                reason: "a root lives for 20 years, so it is RSA-4096 or P-384",
            });
        }
        let settings = settings(options)?;
        let organization = options.organization.as_deref();
        let root_subject = Subject::new(&format!("{} Root CA", options.name.trim()), organization)?;
        let subject = Subject::new(&format!("{} Issuing CA", options.name.trim()), organization)?;

        fs::create_dir_all(path.join(ISSUED)).map_err(Error::io(path))?;
        let lock = Lock::take(path)?;
        make_room(path)?;
        let index = Index::create(&path.join(INDEX), settings, |issuer| match issuer {
            IssuerRole::Root => options.root_crl_lifetime.unwrap_or(options.crl_lifetime),
            IssuerRole::Intermediate => options.crl_lifetime,
        })?;

        let mut new_key = |issuer, algorithm| {
            let key = PrivateKey::generate(algorithm)?;
            write_key(&path.join(key_file(issuer)), &key, options, rng)?;
            Ok::<_, Error>(key)
        };
        let root_key = new_key(IssuerRole::Root, options.root_key)?;
        let key = new_key(IssuerRole::Intermediate, options.intermediate_key)?;
        let public = key.public_key().clone();

        let addresses = |issuer| publication(index.settings(), issuer);
        let root_addresses = addresses(IssuerRole::Root)?;
        let root = Authority::new_root(&root_subject, root_key, root_addresses, now, rng)?;
        let addresses = addresses(IssuerRole::Intermediate)?;
        let intermediate = root.new_issuing_ca(&subject, key, addresses, now, rng)?;
        for (issuer, authority) in [
            (IssuerRole::Root, &root),
            (IssuerRole::Intermediate, &intermediate),
        ] {
            let pem = authority.certificate_pem();
            write_public_file(&path.join(pem_file(issuer)), pem.as_bytes())?;
            write_public_file(&path.join(cer_file(issuer)), authority.certificate_der())?;
        }
        let mut directory = Self {
            path: path.to_owned(),
            passphrase: options.passphrase.clone(),
            root: root.into(),
            intermediate,
            index,
            _lock: lock,
        };
        directory.list_issuing_ca(&subject, &public)?;
        directory.sign_crls(now)?;
        // Last: it is the sign that all is there.
        directory.index.set_ready()?;
        Ok(directory)
    }

    fn list_issuing_ca(&mut self, subject: &Subject, key: &PublicKey) -> Result<(), Error> {
        let certificate = self.intermediate.as_issued();
        self.index.add(&NewEntry {
            certificate: &certificate,
            issuer: IssuerRole::Root,
            profile: ProfileName::IssuingCa,
            subject,
            names: Vec::new(),
            uris: &[],
            key,
            follows: &[],
            metadata: None,
        })?;
        // Its file is intermediate.pem.
        self.index.is_filed(certificate.serial())
    }
}

fn settings(options: &InitOptions) -> Result<Settings, Error> {
    let shortest = options.root_crl_lifetime.unwrap_or(options.crl_lifetime);
    if shortest.min(options.crl_lifetime) < Duration::SECOND {
        return Err(Error::CrlLifetimeNotAllowed);
    }
    if let Some(community) = &options.community {
        community.parse::<crate::SanUri>()?;
    }
    let urls = [&options.crl_base_url, &options.certificate_base_url];
    for url in urls.into_iter().flatten() {
        check_publication_url(url)?;
    }
    Ok(Settings {
        community: options.community.clone(),
        crl_base_url: options.crl_base_url.clone(),
        certificate_base_url: options.certificate_base_url.clone(),
    })
}

/// Refuses a folder with an authority, and clears one whose setting up was interrupted.
fn make_room(path: &Path) -> Result<(), Error> {
    refuse_existing(&path.join(OLD_INDEX))?;
    let index = path.join(INDEX);
    if index.exists() {
        match Index::open(&index)? {
            (_, SetUp::Ready) => return Err(Error::AlreadyExists { path: index }),
            // The layout was not there yet, so no file after it was made by us.
            (_, SetUp::Empty) => {}
            (_, SetUp::Unfinished) => {
                remove_left_overs(path)?;
                for file in files_of_an_authority(path) {
                    remove_if_there(&file)?;
                }
            }
        }
    }
    for file in files_of_an_authority(path) {
        refuse_existing(&file)?;
    }
    Ok(())
}

fn remove_if_there(file: &Path) -> Result<(), Error> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io(file)(error)),
        _ => Ok(()),
    }
}

fn write_key(
    path: &Path,
    key: &PrivateKey,
    options: &InitOptions,
    rng: &mut impl Rng,
) -> Result<(), Error> {
    match &options.passphrase {
        Some(secret) => {
            let pem = key.to_encrypted_pem(secret, rng)?;
            write_new_private_file(path, pem.as_bytes())
        }
        None => write_new_private_file(path, key.to_pem().as_bytes()),
    }
}
