//! What an OpenEMR is made with.

use std::collections::BTreeMap;

use super::generation::Version;
use super::{Generation, OpenEmr};
use crate::{Schema, TestServer};

/// How an [`OpenEmr`] differs from the usual one of its generation.
#[derive(Clone, Debug)]
pub struct OpenEmrBuilder {
    generation: Generation,
    charset: String,
    version: Version,
    globals: BTreeMap<String, String>,
}

impl OpenEmrBuilder {
    pub(super) fn new(generation: Generation) -> Self {
        let globals = generation.globals();
        Self {
            generation,
            charset: "utf8mb4".to_owned(),
            version: generation.version(),
            globals: globals
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        }
    }

    /// The character set of the schema, as in `latin1`. Default: `utf8mb4`.
    #[must_use]
    pub fn charset(mut self, charset: &str) -> Self {
        charset.clone_into(&mut self.charset);
        self
    }

    /// The version that table `version` tells, without a tag: `(8, 5, 0)`.
    #[must_use]
    pub fn version(mut self, major: u32, minor: u32, patch: u32) -> Self {
        self.version.numbers = [major, minor, patch];
        self.version.tag.clear();
        self
    }

    /// The tag of the version, as in `-dev`.
    #[must_use]
    pub fn version_tag(mut self, tag: &str) -> Self {
        tag.clone_into(&mut self.version.tag);
        self
    }

    /// `v_database`, the number of the tables' version.
    #[must_use]
    pub fn version_database(mut self, number: u32) -> Self {
        self.version.database = number;
        self
    }

    /// Another value of a global, or one more global.
    #[must_use]
    pub fn global(mut self, name: &str, value: &str) -> Self {
        self.globals.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Leaves a global out.
    #[must_use]
    pub fn without_global(mut self, name: &str) -> Self {
        self.globals.remove(name);
        self
    }

    /// Makes schema, tables and rows.
    ///
    /// # Panics
    /// If the server refuses.
    pub async fn create(self, server: &TestServer) -> OpenEmr {
        let schema = Schema::create(server, Some(&self.charset)).await;
        server
            .execute(Some(schema.name()), &self.generation.statements())
            .await;
        let pool = schema.pool().await;
        let [major, minor, patch] = self.version.numbers;
        sqlx::query(
            "INSERT INTO version (v_major, v_minor, v_patch, v_tag, v_database) \
             VALUES (?, ?, ?, ?, ?)",
        )
        .bind(major)
        .bind(minor)
        .bind(patch)
        .bind(&self.version.tag)
        .bind(self.version.database)
        .execute(&pool)
        .await
        .expect("the version is written");
        let emr = OpenEmr::new(schema, pool, self.generation);
        for (name, value) in &self.globals {
            emr.set_global(name, value).await;
        }
        emr
    }
}
