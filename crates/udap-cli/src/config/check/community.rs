//! `[[community]]` and `[[certification]]`.

use std::num::NonZeroU32;

use super::Checker;
use crate::config::{
    address, file, files,
    problem::{Fault, Place},
    settings::{Certification, Community, LinkChecks, Profile},
};

/// Decision 5.
const LONGEST_COMMUNITY_URI: usize = 512;
/// As long as a client URI may be (decision 5).
const LONGEST_URI: usize = 2048;
/// HL7's list of purposes of use is shorter.
const MOST_PURPOSES: i64 = 1000;

impl Checker<'_> {
    pub(super) fn communities(
        &mut self,
        communities: Vec<file::Community>,
        sites: &[String],
    ) -> Option<Vec<Community>> {
        let some = (!communities.is_empty()).then_some(());
        let advice = "at least one [[community]], with id, uri, anchors, server_certificate, server_key and enable";
        self.problems
            .require(Place::Top, "community", some, advice)?;
        let mut ids = Vec::new();
        let mut uris = Vec::new();
        let checked: Vec<Option<Community>> = communities
            .into_iter()
            .enumerate()
            .map(|(index, community)| {
                self.community(
                    Place::Community(index),
                    community,
                    sites,
                    &mut ids,
                    &mut uris,
                )
            })
            .collect();
        checked.into_iter().collect()
    }

    fn community(
        &mut self,
        place: Place,
        community: file::Community,
        sites: &[String],
        ids: &mut Vec<String>,
        uris: &mut Vec<String>,
    ) -> Option<Community> {
        let id = self.id(place, community.id, ids);
        let uri = self.community_uri(place, community.uri, uris);
        let anchors = self.anchors(place, community.anchors);
        let intermediates = self.paths(place, "intermediates", &community.intermediates);
        let crls = self.paths(place, "crls", &community.crls);
        let advice = "a PEM file with the certificate that signs metadata, then its intermediates";
        let server_certificate = self
            .problems
            .require(
                place,
                "server_certificate",
                community.server_certificate,
                advice,
            )
            .and_then(|path| self.file(place, "server_certificate", &path));
        let advice = "a PEM file with the key of server_certificate, readable by its owner only";
        let server_key = self
            .problems
            .require(place, "server_key", community.server_key, advice)
            .and_then(|path| self.at(place, "server_key", files::key_file(self.folder, &path)));
        let advice = "\"all\", \"patient\" or \"never\"";
        let enable = self
            .problems
            .require(place, "enable", community.enable, advice);
        let scopes = self.optional(&community.scopes, |checker, scopes| {
            checker.scopes(place, scopes)
        });
        let sites = self.known_ids(place, "sites", community.sites.as_ref(), sites);
        let policies = self.each(place, "policies", &community.policies, |text| policy(text));
        let client_uris = self.each(place, "client_uris", &community.client_uris, |text| {
            address::absolute_uri(text, LONGEST_URI).map(|()| text.clone())
        });
        let purposes_of_use = self.texts(place, "purposes_of_use", &community.purposes_of_use);
        let purposes_max = self.number(
            place,
            "purposes_max",
            community.purposes_max,
            0..=MOST_PURPOSES,
        );
        let organization_ids = self.texts(place, "organization_ids", &community.organization_ids);
        Some(Community {
            id: id?,
            uri: uri?,
            anchors: anchors?,
            intermediates: intermediates?,
            crls: crls?,
            server_certificate: server_certificate?,
            server_key: server_key?,
            profile: community.profile,
            revocation: community.revocation,
            no_crl_address: community.no_crl_address,
            // Decision 19.
            link_checks: community.link_checks.unwrap_or(match community.profile {
                Profile::EmrDirect => LinkChecks::On,
                Profile::Hl7 => LinkChecks::Off,
            }),
            enable: enable?,
            scopes: scopes?,
            sites: sites?,
            policies: policies?,
            client_uris: client_uris?,
            contact_match: community.contact_match,
            allow_client_credentials: community.allow_client_credentials,
            allow_http_pages: community.allow_http_pages,
            b2b: community.b2b,
            purposes_of_use: purposes_of_use?,
            purposes_max: NonZeroU32::new(purposes_max?),
            organization_ids: organization_ids?,
        })
    }

    fn community_uri(
        &mut self,
        place: Place,
        uri: Option<String>,
        taken: &mut Vec<String>,
    ) -> Option<String> {
        let advice = "the URI by which the community calls itself";
        let uri = self.problems.require(place, "uri", uri, advice)?;
        self.at(
            place,
            "uri",
            address::absolute_uri(&uri, LONGEST_COMMUNITY_URI),
        )?;
        if taken.contains(&uri) {
            let fault = Fault::new("is that of another community", "give each its own");
            self.fault(place, "uri", fault);
            return None;
        }
        taken.push(uri.clone());
        Some(uri)
    }

    fn anchors(
        &mut self,
        place: Place,
        anchors: Option<Vec<std::path::PathBuf>>,
    ) -> Option<Vec<std::path::PathBuf>> {
        let advice = "a list of files or folders with the community's trust anchors";
        let anchors = self.problems.require(place, "anchors", anchors, advice)?;
        if anchors.is_empty() {
            let fault = Fault::new("is empty", "name at least one file or folder");
            self.fault(place, "anchors", fault);
            return None;
        }
        self.paths(place, "anchors", &anchors)
    }

    fn texts(&mut self, place: Place, key: &str, texts: &[String]) -> Option<Vec<String>> {
        self.each(place, key, texts, |text| {
            if text.is_empty() || text.trim() != text {
                return Err(Fault::new(
                    "is empty or has spaces around it",
                    "write the exact value",
                ));
            }
            Ok(text.clone())
        })
    }

    pub(super) fn certifications(
        &mut self,
        certifications: Vec<file::Certification>,
        communities: &[String],
    ) -> Option<Vec<Certification>> {
        let mut taken: Vec<(String, String)> = Vec::new();
        let checked: Vec<Option<Certification>> = certifications
            .into_iter()
            .enumerate()
            .map(|(index, certification)| {
                self.certification(
                    Place::Certification(index),
                    certification,
                    communities,
                    &mut taken,
                )
            })
            .collect();
        checked.into_iter().collect()
    }

    fn certification(
        &mut self,
        place: Place,
        certification: file::Certification,
        communities: &[String],
        taken: &mut Vec<(String, String)>,
    ) -> Option<Certification> {
        let advice = "the URI that names the certification";
        let uri = self
            .problems
            .require(place, "uri", certification.uri, advice)
            .filter(|uri| {
                self.at(place, "uri", address::absolute_uri(uri, LONGEST_URI))
                    .is_some()
            });
        let anchors = self.paths(place, "anchors", &certification.anchors);
        let issuers = self.each(place, "issuers", &certification.issuers, |issuer| {
            address::absolute_uri(issuer, LONGEST_URI).map(|()| issuer.clone())
        });
        match (
            certification.anchors.is_empty(),
            certification.issuers.is_empty(),
        ) {
            (false, true) => {
                let fault = Fault::new(
                    "is required",
                    "with anchors, the exact URIs of the certifiers whose word counts",
                );
                self.fault(place, "issuers", fault);
            }
            (true, false) => {
                let fault = Fault::new(
                    "stands without anchors",
                    "name the certifiers' anchors, or leave issuers out: apps then certify themselves",
                );
                self.fault(place, "issuers", fault);
            }
            _ => {}
        }
        let communities = self.known_ids(
            place,
            "communities",
            certification.communities.as_ref(),
            communities,
        );
        if let (Some(uri), Some(communities)) = (&uri, &communities) {
            let pairs = communities
                .iter()
                .map(|community| (uri.clone(), community.clone()));
            let (again, new): (Vec<_>, Vec<_>) = pairs.partition(|pair| taken.contains(pair));
            if let Some((_, community)) = again.first() {
                let fault = Fault::new(
                    format!("is described twice for community {community:?}"),
                    "keep one [[certification]] of a URI for each community",
                );
                self.fault(place, "uri", fault);
            }
            taken.extend(new);
        }
        Some(Certification {
            uri: uri?,
            anchors: anchors?,
            issuers: issuers?,
            communities: communities?,
            required: certification.required,
        })
    }
}

/// A dotted object identifier.
fn policy(text: &str) -> Result<String, Fault> {
    let arcs: Vec<&str> = text.split('.').collect();
    let decimal = |arc: &&str| {
        !arc.is_empty()
            && arc.bytes().all(|byte| byte.is_ascii_digit())
            && (*arc == "0" || !arc.starts_with('0'))
    };
    let rooted = matches!(arcs.first(), Some(&("0" | "1" | "2")));
    if arcs.len() >= 2 && rooted && arcs.iter().all(decimal) {
        return Ok(text.to_owned());
    }
    Err(Fault::new(
        "is not an object identifier",
        "write numbers and dots, such as \"2.16.840.1.113883.3\"",
    ))
}
