//! Re-signs a certificate with SHA-1, which other libraries refuse to do.

use openssl::{
    asn1::{Asn1Object, Asn1OctetString},
    hash::MessageDigest,
    pkey::PKey,
    x509::{X509, X509Builder, X509Extension},
};
use x509_parser::{certificate::X509Certificate, prelude::FromDer as _};

use crate::{Error, TestKey};

/// The same certificate, field by field, but signed with SHA-1.
pub(crate) fn resign(der: &[u8], signing_key: &TestKey) -> Result<Vec<u8>, Error> {
    let old = X509::from_der(der)?;
    let (_, parsed) = X509Certificate::from_der(der).map_err(|_| Error::Unreadable)?;
    let mut new = X509Builder::new()?;
    new.set_version(old.version())?;
    new.set_serial_number(old.serial_number())?;
    new.set_issuer_name(old.issuer_name())?;
    new.set_subject_name(old.subject_name())?;
    new.set_not_before(old.not_before())?;
    new.set_not_after(old.not_after())?;
    let public_key = old.public_key()?;
    new.set_pubkey(&public_key)?;
    for extension in parsed.extensions() {
        let oid = Asn1Object::from_str(&extension.oid.to_id_string())?;
        let value = Asn1OctetString::new_from_bytes(extension.value)?;
        new.append_extension(X509Extension::new_from_der(
            &oid,
            extension.critical,
            &value,
        )?)?;
    }
    let key = PKey::private_key_from_pkcs8(signing_key.pkcs8_der())?;
    new.sign(&key, MessageDigest::sha1())?;
    Ok(new.build().to_der()?)
}
