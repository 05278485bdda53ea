//! Distribution points of certificates, and the issuing distribution point of a CRL.
//!
//! Read field by field: `x509-parser` passes over a `nameRelativeToCRLIssuer` and over fields in
//! the wrong order, and a list would then seem to cover what it does not.

use x509_parser::asn1_rs::{Any, Class, FromDer, Tag};
use x509_parser::extensions::GeneralName;
use x509_parser::x509::AttributeTypeAndValue;

use super::general_name::{PointName, point_names};
use super::name::{NameKey, rdn_key};

/// DistributionPointName.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    /// fullName.
    Full(Vec<PointName>),
    /// nameRelativeToCRLIssuer, as [`rdn_key`].
    Relative(Vec<u8>),
}

impl Point {
    /// The names that it stands for, where CRLs are issued by `issuer`.
    pub(crate) fn names(&self, issuer: &NameKey) -> Vec<PointName> {
        match self {
            Self::Full(names) => names.clone(),
            Self::Relative(rdn) => vec![PointName::Directory(issuer.join(rdn))],
        }
    }

    fn read(content: &[u8]) -> Option<Self> {
        match fields(content, 1)?.as_slice() {
            [(0, names)] => Some(Self::Full(general_names(names)?)),
            [(1, rdn)] => {
                let mut attributes = Vec::new();
                let mut rest = *rdn;
                while !rest.is_empty() {
                    let attribute;
                    (rest, attribute) = AttributeTypeAndValue::from_der(rest).ok()?;
                    attributes.push(attribute);
                }
                (!attributes.is_empty()).then(|| Self::Relative(rdn_key(attributes.iter())))
            }
            _ => None,
        }
    }
}

/// One distribution point of a certificate (RFC 5280 §4.2.1.13).
#[derive(Clone, Debug, Default)]
pub(crate) struct DistributionPoint {
    pub(crate) point: Option<Point>,
    /// Whether it serves only some reasons.
    pub(crate) some_reasons: bool,
    /// cRLIssuer; empty if the certificate's issuer signs the CRL.
    pub(crate) crl_issuer: Vec<PointName>,
}

impl DistributionPoint {
    /// The points of an extension's value. `None` if any part does not decode.
    pub(crate) fn read_all(value: &[u8]) -> Option<Vec<Self>> {
        let mut points = Vec::new();
        let mut rest = whole_sequence(value)?;
        while !rest.is_empty() {
            let content;
            (rest, content) = sequence(rest)?;
            let mut point = Self::default();
            for (tag, content) in fields(content, 2)? {
                match tag {
                    0 => point.point = Some(Point::read(content)?),
                    1 => point.some_reasons = true,
                    _ => point.crl_issuer = general_names(content)?,
                }
            }
            // A point that says neither where nor who is none (RFC 5280 §4.2.1.13).
            if point.point.is_none() && point.crl_issuer.is_empty() {
                return None;
            }
            points.push(point);
        }
        (!points.is_empty()).then_some(points)
    }

    /// Its URLs.
    pub(crate) fn urls(&self) -> impl Iterator<Item = &String> {
        let names = match &self.point {
            Some(Point::Full(names)) => names.as_slice(),
            _ => &[],
        };
        names.iter().filter_map(|name| match name {
            PointName::Uri(url) => Some(url),
            _ => None,
        })
    }
}

/// IssuingDistributionPoint: what a CRL is about (RFC 5280 §5.2.5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) point: Option<Point>,
    pub(crate) only_users: bool,
    pub(crate) only_cas: bool,
    pub(crate) only_attributes: bool,
    pub(crate) some_reasons: bool,
    pub(crate) indirect: bool,
}

impl Scope {
    /// The value of an extension. `None` if any part does not decode.
    pub(crate) fn read(value: &[u8]) -> Option<Self> {
        let mut scope = Self::default();
        for (tag, content) in fields(whole_sequence(value)?, 5)? {
            match tag {
                0 => scope.point = Some(Point::read(content)?),
                1 => scope.only_users = boolean(content)?,
                2 => scope.only_cas = boolean(content)?,
                3 => scope.some_reasons = true,
                4 => scope.indirect = boolean(content)?,
                _ => scope.only_attributes = boolean(content)?,
            }
        }
        Some(scope)
    }
}

/// What follows a SEQUENCE, and its content.
pub(super) fn sequence(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (rest, element) = Any::from_der(input).ok()?;
    (element.tag() == Tag::Sequence && element.class() == Class::Universal)
        .then_some((rest, element.data))
}

/// The content of a SEQUENCE that nothing follows.
pub(super) fn whole_sequence(input: &[u8]) -> Option<&[u8]> {
    let (rest, content) = sequence(input)?;
    rest.is_empty().then_some(content)
}

/// Optional fields with context tags up to `last`, in ascending order, as (tag, content).
fn fields(mut rest: &[u8], last: u32) -> Option<Vec<(u32, &[u8])>> {
    let mut fields: Vec<(u32, &[u8])> = Vec::new();
    while !rest.is_empty() {
        let field;
        (rest, field) = Any::from_der(rest).ok()?;
        let tag = field.tag().0;
        let follows = fields.last().is_none_or(|(before, _)| *before < tag);
        if field.class() != Class::ContextSpecific || tag > last || !follows {
            return None;
        }
        fields.push((tag, field.data));
    }
    Some(fields)
}

fn boolean(content: &[u8]) -> Option<bool> {
    match content {
        [0x00] => Some(false),
        [0xff] => Some(true),
        _ => None,
    }
}

/// The content of GeneralNames, of which there must be one.
pub(super) fn general_names(mut rest: &[u8]) -> Option<Vec<PointName>> {
    let mut names = Vec::new();
    while !rest.is_empty() {
        let name;
        (rest, name) = GeneralName::from_der(rest).ok()?;
        names.push(name);
    }
    point_names(&names).filter(|names| !names.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_scope_are_read_in_their_order_only() {
        let users_and_indirect = [0x30, 6, 0x81, 1, 0xff, 0x84, 1, 0xff];
        let scope = Scope::read(&users_and_indirect).unwrap();
        assert!(scope.only_users && scope.indirect && !scope.only_cas);
        assert_eq!(Scope::read(&[0x30, 0]), Some(Scope::default()));
        for broken in [
            &[0x30, 6, 0x84, 1, 0xff, 0x81, 1, 0xff][..],
            &[0x30, 3, 0x81, 1, 1],
            &[0x30, 3, 0x86, 1, 0xff],
            &[0x30, 3, 0x01, 1, 0xff],
            &[0x30, 2, 0xa0, 0],
            &[0x30, 0, 0],
            &[],
        ] {
            assert_eq!(Scope::read(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn a_relative_name_is_read_and_not_passed_over() {
        // [0] { [1] { commonName "x" } }
        let relative = [
            0x30, 14, 0xa0, 12, 0xa1, 10, 0x30, 8, 0x06, 3, 0x55, 4, 3, 0x0c, 1, b'x',
        ];
        let scope = Scope::read(&relative).unwrap();
        assert!(matches!(scope.point, Some(Point::Relative(_))));
        let points = DistributionPoint::read_all(&[&[0x30, 16][..], &relative].concat()).unwrap();
        assert_eq!(points.first().unwrap().point, scope.point);
    }
}
