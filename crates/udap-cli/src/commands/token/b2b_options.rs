//! Options that say who asks for data, and what for: the object `hl7-b2b` (G13).

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use serde_json::{Map, Value, json};
use udap::b2b::B2bExtension;

use crate::material;

/// Who asks. An option takes the place of what the file says.
#[derive(Args, Clone, Debug)]
pub(super) struct B2bOptions {
    /// A JSON object with the members of hl7-b2b
    #[arg(long, value_name = "FILE.json", help_heading = "hl7-b2b")]
    b2b: Option<PathBuf>,

    /// The organization that asks, as a URI
    #[arg(long, value_name = "URI", help_heading = "hl7-b2b")]
    organization_id: Option<String>,

    /// Its name
    #[arg(long, value_name = "NAME", help_heading = "hl7-b2b")]
    organization_name: Option<String>,

    /// What for: codes such as urn:oid:2.16.840.1.113883.5.8#TREAT
    #[arg(long, value_name = "CODE", num_args = 1.., help_heading = "hl7-b2b")]
    purpose_of_use: Vec<String>,

    /// The person who asks
    #[arg(long, value_name = "NAME", help_heading = "hl7-b2b")]
    subject_name: Option<String>,

    /// That person's id
    #[arg(long, value_name = "ID", help_heading = "hl7-b2b")]
    subject_id: Option<String>,

    /// That person's role
    #[arg(long, value_name = "CODE", help_heading = "hl7-b2b")]
    subject_role: Option<String>,

    /// Policies that a patient agreed to
    #[arg(long, value_name = "URI", num_args = 1.., help_heading = "hl7-b2b")]
    consent_policy: Vec<String>,

    /// Where that is recorded
    #[arg(long, value_name = "URL", num_args = 1.., help_heading = "hl7-b2b")]
    consent_reference: Vec<String>,
}

impl B2bOptions {
    pub(super) fn is_given(&self) -> bool {
        self.b2b.is_some() || !self.members().is_empty()
    }

    /// The object, `None` if nothing is said.
    pub(super) fn extension(&self) -> anyhow::Result<Option<B2bExtension>> {
        if !self.is_given() {
            return Ok(None);
        }
        let mut members = match &self.b2b {
            Some(path) => udap::json::object(&material::read(path)?)?,
            None => Map::new(),
        };
        // Files often hold the object under its name.
        if let Some(Value::Object(inner)) = members.remove(udap::b2b::NAME) {
            members = inner;
        }
        members.entry("version").or_insert_with(|| json!("1"));
        members.extend(self.members());
        match B2bExtension::parse(&members.into()) {
            Ok(extension) => Ok(Some(extension)),
            Err(violations) => {
                let said: Vec<_> = violations
                    .iter()
                    .map(|one| format!("{} {}", one.claim, one.message))
                    .collect();
                bail!("hl7-b2b: {}", said.join("; "))
            }
        }
    }

    fn members(&self) -> Map<String, Value> {
        let texts = [
            ("organization_id", &self.organization_id),
            ("organization_name", &self.organization_name),
            ("subject_name", &self.subject_name),
            ("subject_id", &self.subject_id),
            ("subject_role", &self.subject_role),
        ];
        let lists = [
            ("purpose_of_use", &self.purpose_of_use),
            ("consent_policy", &self.consent_policy),
            ("consent_reference", &self.consent_reference),
        ];
        let texts = texts
            .into_iter()
            .filter_map(|(name, value)| Some((name, json!(value.as_ref()?))));
        let lists = lists
            .into_iter()
            .filter(|(_, values)| !values.is_empty())
            .map(|(name, values)| (name, json!(values)));
        texts
            .chain(lists)
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}
