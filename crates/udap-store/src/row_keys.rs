//! Which key clients' rows hold, and how they get another (decisions 26).

use async_trait::async_trait;
use udap::registry::{OperatorAction, Position, RegistryError};

use crate::client_table::TokenRow;

/// A live registration, and the key that its row holds and should.
#[derive(Clone, Debug)]
pub struct KeyedRow {
    /// The client's id.
    pub client_id: String,
    /// Its client URI.
    pub client_uri: String,
    /// `grant_types` as registered.
    pub grant_types: Vec<String>,
    /// What the row says now; `None`: it is gone.
    pub row: Option<TokenRow>,
    /// The thumbprint of the key that it is to hold; `None`: no row can hold the app's key.
    pub wanted: Option<String>,
    /// Where the next page goes on.
    pub position: Position,
}

impl KeyedRow {
    /// Whether the row is there, and holds another key than it should.
    #[must_use]
    pub fn is_astray(&self) -> bool {
        self.row.as_ref().is_some_and(|row| row.kid != self.wanted)
    }
}

/// What became of a row that was to get another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyMove {
    /// It has it now.
    Moved,
    /// It had it already.
    Unchanged,
    /// It is gone, or its registration is.
    Gone,
    /// No row can hold the app's key: it was left as it is.
    Unfit,
}

/// A registry whose clients' rows can be given another key.
#[async_trait]
pub trait KeyRegistry: Send + Sync {
    /// Waits until every statement that is being written now has been: whatever is written later holds
    /// the key that the sites' tables want from now on.
    ///
    /// # Errors
    /// If the store fails, or is too busy.
    async fn settle(&self) -> Result<(), RegistryError>;

    /// The next live registrations of a site, oldest first, after `after`. At most `limit` are looked at,
    /// of whichever site; the `Position` is where to go on, `None`: there are no more.
    ///
    /// # Errors
    /// If the store fails.
    async fn keyed_rows(
        &self,
        site: &str,
        after: Option<Position>,
        limit: u32,
    ) -> Result<(Vec<KeyedRow>, Option<Position>), RegistryError>;

    /// Gives a client's row the key that its site's table wants, in a transaction of its own, and tells
    /// the audit.
    ///
    /// # Errors
    /// If the store fails.
    async fn move_key(&self, action: &OperatorAction) -> Result<KeyMove, RegistryError>;
}
