//! A database server for tests.

mod keeper;
mod private;
mod programs;

use std::path::Path;
use std::sync::OnceLock;

use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, MySqlConnection};
use url::Url;

use private::Private;

/// Names a server whose account may create schemas and users, as in `mysql://root@127.0.0.1:3306`.
pub const SERVER_VARIABLE: &str = "UDAP_TEST_MYSQL_URL";

/// A MariaDB server, or a MySQL server that [`SERVER_VARIABLE`] names.
#[derive(Debug)]
pub struct TestServer {
    /// With the administrator's account, without a schema.
    url: Url,
    /// If it was started here.
    private: Option<Private>,
    is_shared: bool,
}

impl TestServer {
    /// The one that the tests of this process share. What they make there they name differently.
    ///
    /// The first call takes about a second if a server is to be started.
    ///
    /// # Panics
    /// If there is no server: MariaDB is not installed, or [`SERVER_VARIABLE`] is no URL.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<TestServer> = OnceLock::new();
        SHARED.get_or_init(|| match named() {
            Some(url) => Self {
                url: Url::parse(&url)
                    .unwrap_or_else(|error| panic!("{SERVER_VARIABLE} is no URL: {error}")),
                private: None,
                is_shared: true,
            },
            None => Self {
                is_shared: true,
                ..Self::private()
            },
        })
    }

    /// One of the caller's own, which may be stopped, killed and frozen. It ends with its owner.
    ///
    /// # Panics
    /// If MariaDB is not installed, or does not start.
    #[must_use]
    pub fn private() -> Self {
        let private = Private::new();
        let url = format!("mysql://root@127.0.0.1:{}", private.port());
        Self {
            url: Url::parse(&url).expect("this is a URL"),
            private: Some(private),
            is_shared: false,
        }
    }

    /// Whether it was made by [`TestServer::private`], so that it may be stopped.
    #[must_use]
    pub fn is_private(&self) -> bool {
        !self.is_shared
    }

    /// The URL of a schema, with the administrator's account.
    #[must_use]
    pub fn url(&self, schema: &str) -> String {
        let mut url = self.url.clone();
        url.set_path(schema);
        url.into()
    }

    /// The URL of a schema, with another account.
    ///
    /// # Panics
    /// Never: such a URL has a host.
    #[must_use]
    pub fn url_of(&self, user: &str, password: &str, schema: &str) -> String {
        let mut url = self.url.clone();
        url.set_path(schema);
        url.set_username(user)
            .and_then(|()| url.set_password(Some(password)))
            .expect("it has a host");
        url.into()
    }

    /// The socket in the file system, if the server was started here.
    #[must_use]
    pub fn socket(&self) -> Option<&Path> {
        self.private.as_ref().map(Private::socket)
    }

    /// The TCP port. A private server keeps it when it is started again.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.url.port().unwrap_or(3306)
    }

    /// What the server says that it is: `10.11.19-MariaDB-…`, or `8.4.9` for MySQL.
    ///
    /// # Panics
    /// If it cannot be asked.
    pub async fn version(&self) -> String {
        sqlx::query_scalar("SELECT VERSION()")
            .fetch_one(&mut self.connect(None).await)
            .await
            .expect("it has a version")
    }

    /// Runs statements as administrator, separated by semicolons.
    ///
    /// # Panics
    /// If one fails.
    pub async fn execute(&self, schema: Option<&str>, sql: &str) {
        let mut connection = self.connect(schema).await;
        if let Err(error) = sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut connection)
            .await
        {
            panic!("{error}\n{sql}");
        }
        let _ = connection.close().await;
    }

    /// Kills the server (SIGKILL), and waits until it is dead. What it has committed is kept.
    ///
    /// # Panics
    /// If it is not private, or does not run.
    pub async fn kill(&self) {
        self.blocking(|server| server.end("KILL")).await;
    }

    /// Ends the server in order (SIGTERM), and waits until it has ended.
    ///
    /// # Panics
    /// If it is not private, or does not run.
    pub async fn stop(&self) {
        self.blocking(|server| server.end("TERM")).await;
    }

    /// Starts it again, on the same port and data, and waits until it accepts connections.
    ///
    /// # Panics
    /// If it is not private, runs already or does not start.
    pub async fn start(&self) {
        self.blocking(Private::start).await;
    }

    /// Stops the server's process (SIGSTOP): it still accepts connections, but answers nothing.
    ///
    /// # Panics
    /// If it is not private, or does not run.
    pub fn freeze(&self) {
        self.own().freeze();
    }

    /// Lets a frozen server go on.
    ///
    /// # Panics
    /// If it is not private, or does not run.
    pub fn thaw(&self) {
        self.own().thaw();
    }

    pub(crate) fn options(&self, schema: Option<&str>) -> MySqlConnectOptions {
        let options = MySqlConnectOptions::from_url(&self.url).expect("this is a server's URL");
        match schema {
            Some(schema) => options.database(schema),
            None => options,
        }
    }

    async fn connect(&self, schema: Option<&str>) -> MySqlConnection {
        self.options(schema)
            .connect()
            .await
            .unwrap_or_else(|error| panic!("no connection to the test server: {error}"))
    }

    fn own(&self) -> &Private {
        assert!(self.is_private(), "other tests use this server");
        self.private.as_ref().expect("it was started here")
    }

    async fn blocking(&self, work: impl FnOnce(&Private) + Send + 'static) {
        let own = self.own().clone();
        tokio::task::spawn_blocking(move || work(&own))
            .await
            .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    }
}

#[expect(clippy::disallowed_methods, reason = "tests have no configuration")]
fn named() -> Option<String> {
    std::env::var(SERVER_VARIABLE)
        .ok()
        .filter(|url| !url.is_empty())
}
