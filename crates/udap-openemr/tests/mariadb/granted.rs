//! An account with what `udap db grants` prints, and no more.

use sqlx::mysql::MySqlConnectOptions;
use sqlx::{ConnectOptions, MySqlConnection};
use udap_openemr::{Account, GrantedSchema, LaterColumns, PASSWORD_PLACEHOLDER, grants};
use udap_testdb::{OpenEmr, Schema, TestServer};
use uuid::Uuid;

const PASSWORD: &str = "it's no secret"; // as SQL has it below

/// The account, which is dropped with this value.
pub(crate) struct Granted {
    user: String,
    url: String,
}

impl Granted {
    /// Runs the statements as a database administrator does, with the password filled in.
    pub(crate) async fn new(registry: &Schema, openemrs: &[&OpenEmr]) -> Self {
        let server = TestServer::shared();
        let user = format!("udap_{}", &Uuid::new_v4().simple().to_string()[..24]);
        let account = Account::new(&user, "%").unwrap();
        let mut schemas = Vec::new();
        for openemr in openemrs {
            let mut connection = openemr.pool().acquire().await.unwrap();
            let name = openemr.schema().name();
            let later = LaterColumns::read(&mut connection, name).await.unwrap();
            assert_ne!(later, LaterColumns::Unseen);
            schemas.push(GrantedSchema {
                name: name.to_owned(),
                later,
            });
        }
        let statements: Vec<_> = grants(&account, registry.name(), &schemas)
            .into_iter()
            .map(|grant| grant.sql)
            .collect();
        let script = statements.join(";\n");
        let script = script.replace(PASSWORD_PLACEHOLDER, &PASSWORD.replace('\'', "''"));
        // Twice: whoever is not sure may run them again.
        for _ in 0..2 {
            server.execute(None, &script).await;
        }
        Self {
            url: server.url_of(&user, PASSWORD, registry.name()),
            user,
        }
    }

    /// The URL of the registrar's own schema, as in its configuration.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) async fn connect(&self) -> MySqlConnection {
        let options: MySqlConnectOptions = self.url.parse().unwrap();
        options.connect().await.unwrap()
    }
}

impl Drop for Granted {
    fn drop(&mut self) {
        let statement = format!("DROP USER IF EXISTS '{}'@'%'", self.user);
        // On a thread of its own, since the test's runtime cannot be waited for from within. If the
        // server is gone, so is the account.
        let _ = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(TestServer::shared().execute(None, &statement));
            std::io::Result::Ok(())
        })
        .join();
    }
}
