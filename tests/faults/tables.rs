//! What the tables hold.

use std::collections::{BTreeMap, HashMap};

use udap_tests::Database;

/// Our own row of a client.
#[derive(Debug)]
pub(crate) struct Registration {
    pub(crate) client_id: String,
    pub(crate) is_live: bool,
    pub(crate) is_enabled: bool,
    pub(crate) name: String,
    /// The name in the recorded metadata.
    pub(crate) recorded_name: String,
}

/// OpenEMR's row of a client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) is_enabled: bool,
    pub(crate) name: String,
    /// Whether key, secret, grant and scope are there.
    pub(crate) is_whole: bool,
    pub(crate) is_revoked: bool,
}

/// A statement that was used.
#[derive(Debug)]
pub(crate) struct Spent {
    pub(crate) outcome: String,
    pub(crate) request_id: String,
    pub(crate) client_id: Option<String>,
}

/// An audit event of a change.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) kind: String,
    pub(crate) client_id: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Tables {
    /// By client URI.
    pub(crate) registrations: HashMap<String, Vec<Registration>>,
    /// By client_id.
    pub(crate) clients: BTreeMap<String, Client>,
    /// By the hash of issuer and `jti`.
    pub(crate) spent: HashMap<Vec<u8>, Spent>,
    /// By request.
    pub(crate) events: HashMap<String, Vec<Event>>,
}

impl Tables {
    pub(crate) async fn read(database: &Database) -> Self {
        let mut registrations = HashMap::<_, Vec<_>>::new();
        for row in database
            .rows("SELECT * FROM registration ORDER BY id")
            .await
        {
            let metadata: serde_json::Value =
                serde_json::from_str(&row.get::<String, _>("metadata")).unwrap_or_default();
            registrations
                .entry(row.get("client_uri"))
                .or_default()
                .push(Registration {
                    client_id: row.get("client_id"),
                    is_live: row.get::<String, _>("status") == "registered",
                    is_enabled: row.get::<i64, _>("written_enabled") == 1,
                    name: row.get("client_name"),
                    recorded_name: metadata["client_name"]
                        .as_str()
                        .unwrap_or_default()
                        .to_owned(),
                });
        }
        let mut clients = BTreeMap::new();
        for row in database.rows("SELECT * FROM oauth_clients").await {
            let text = |column: &str| row.get::<Option<String>, _>(column).unwrap_or_default();
            let client = Client {
                is_enabled: row.get::<i64, _>("is_enabled") == 1,
                name: row.get("client_name"),
                is_whole: text("grant_types") == "client_credentials"
                    && text("scope") == "system/Patient.read"
                    && text("jwks").contains("\"kid\"")
                    && !text("client_secret").is_empty(),
                is_revoked: !row.is_null("revoke_date"),
            };
            clients.insert(row.get("client_id"), client);
        }
        let mut spent = HashMap::new();
        for row in database.rows("SELECT * FROM spent_jti").await {
            let one = Spent {
                outcome: row.get("outcome"),
                request_id: row.get("request_id"),
                client_id: row.get("client_id"),
            };
            spent.insert(row.get("identity"), one);
        }
        let mut events = HashMap::<_, Vec<_>>::new();
        let changes = "SELECT kind, request_id, client_id FROM audit_event \
             WHERE kind IN ('registered', 'modified', 'cancelled')";
        for row in database.rows(changes).await {
            events
                .entry(
                    row.get::<Option<String>, _>("request_id")
                        .unwrap_or_default(),
                )
                .or_default()
                .push(Event {
                    kind: row.get("kind"),
                    client_id: row.get("client_id"),
                });
        }
        Self {
            registrations,
            clients,
            spent,
            events,
        }
    }
}
