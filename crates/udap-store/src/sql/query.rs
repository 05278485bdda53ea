//! A statement with its arguments, before an engine runs it.

use std::borrow::Cow;
use std::marker::PhantomData;

use sqlx::Transaction;

use crate::sql::{Engine, FromAnyRow};

/// An argument. Only what every database stores alike: numbers, texts, octets.
#[derive(Clone, Debug)]
pub(crate) enum Argument<'q> {
    /// A number; yes and no are 1 and 0.
    Number(Option<i64>),
    /// A text.
    Text(Option<Cow<'q, str>>),
    /// Octets.
    Bytes(Option<&'q [u8]>),
}

/// A statement as the engine is to run it.
#[derive(Debug)]
pub struct Statement<'q> {
    /// Its text: written by us, with `?` for each argument.
    pub(crate) sql: Cow<'static, str>,
    /// Its arguments.
    pub(crate) arguments: Vec<Argument<'q>>,
}

/// A statement that gives no rows.
pub(crate) fn query<'q>(sql: impl Into<Cow<'static, str>>) -> Query<'q, ()> {
    query_as(sql)
}

/// A query whose rows are read as `T`.
pub(crate) fn query_as<'q, T>(sql: impl Into<Cow<'static, str>>) -> Query<'q, T> {
    Query {
        statement: Statement {
            sql: sql.into(),
            arguments: Vec::new(),
        },
        is_locking: false,
        rows: PhantomData,
    }
}

/// A query of one column.
pub(crate) fn query_scalar<'q, T>(sql: impl Into<Cow<'static, str>>) -> Scalar<'q, T> {
    Scalar(query_as(sql))
}

/// A statement whose arguments are being given.
#[must_use]
pub(crate) struct Query<'q, T> {
    statement: Statement<'q>,
    is_locking: bool,
    rows: PhantomData<fn() -> T>,
}

impl<'q, T> Query<'q, T> {
    pub(crate) fn bind(mut self, argument: impl Into<Argument<'q>>) -> Self {
        self.statement.arguments.push(argument.into());
        self
    }

    /// Locks the rows that the query finds until the transaction ends.
    pub(crate) fn for_update(mut self) -> Self {
        self.is_locking = true;
        self
    }

    pub(crate) async fn execute<E: Engine>(
        self,
        transaction: &mut Transaction<'_, E>,
    ) -> Result<u64, sqlx::Error> {
        let statement = self.finish::<E>();
        E::execute(&mut **transaction, statement).await
    }

    fn finish<E: Engine>(mut self) -> Statement<'q> {
        if self.is_locking && !E::ONE_WRITER {
            self.statement.sql.to_mut().push_str(" FOR UPDATE");
        }
        self.statement
    }
}

impl<T: FromAnyRow> Query<'_, T> {
    pub(crate) async fn fetch_optional<E: Engine>(
        self,
        transaction: &mut Transaction<'_, E>,
    ) -> Result<Option<T>, sqlx::Error> {
        let statement = self.finish::<E>();
        E::fetch_optional(&mut **transaction, statement).await
    }

    pub(crate) async fn fetch_one<E: Engine>(
        self,
        transaction: &mut Transaction<'_, E>,
    ) -> Result<T, sqlx::Error> {
        self.fetch_optional(transaction)
            .await?
            .ok_or(sqlx::Error::RowNotFound)
    }

    /// Outside of any transaction.
    pub(crate) async fn fetch_one_on<E: Engine>(
        self,
        connection: &mut E::Connection,
    ) -> Result<T, sqlx::Error> {
        let statement = self.finish::<E>();
        E::fetch_optional(connection, statement)
            .await?
            .ok_or(sqlx::Error::RowNotFound)
    }

    pub(crate) async fn fetch_all<E: Engine>(
        self,
        transaction: &mut Transaction<'_, E>,
    ) -> Result<Vec<T>, sqlx::Error> {
        let statement = self.finish::<E>();
        E::fetch_all(&mut **transaction, statement).await
    }
}

/// A query of one column whose arguments are being given.
#[must_use]
pub(crate) struct Scalar<'q, T>(Query<'q, (T,)>);

impl<'q, T> Scalar<'q, T> {
    pub(crate) fn bind(self, argument: impl Into<Argument<'q>>) -> Self {
        Self(self.0.bind(argument))
    }

    pub(crate) fn for_update(self) -> Self {
        Self(self.0.for_update())
    }
}

impl<T> Scalar<'_, T>
where
    (T,): FromAnyRow,
{
    pub(crate) async fn fetch_optional<E: Engine>(
        self,
        transaction: &mut Transaction<'_, E>,
    ) -> Result<Option<T>, sqlx::Error> {
        let row = self.0.fetch_optional(transaction).await?;
        Ok(row.map(|(value,)| value))
    }

    pub(crate) async fn fetch_one<E: Engine>(
        self,
        transaction: &mut Transaction<'_, E>,
    ) -> Result<T, sqlx::Error> {
        let (value,) = self.0.fetch_one(transaction).await?;
        Ok(value)
    }

    pub(crate) async fn fetch_all<E: Engine>(
        self,
        transaction: &mut Transaction<'_, E>,
    ) -> Result<Vec<T>, sqlx::Error> {
        let rows = self.0.fetch_all(transaction).await?;
        Ok(rows.into_iter().map(|(value,)| value).collect())
    }
}

macro_rules! argument {
    ($kind:ident: $($type:ty => |$value:ident| $wanted:expr),+ $(,)?) => {
        $(impl<'q> From<$type> for Argument<'q> {
            fn from($value: $type) -> Self {
                Self::$kind($wanted)
            }
        })+
    };
}

argument!(Number:
    i64 => |number| Some(number),
    Option<i64> => |number| number,
    u32 => |number| Some(number.into()),
    bool => |yes| Some(yes.into()),
    Option<bool> => |yes| yes.map(i64::from),
);
argument!(Text:
    &'q str => |text| Some(text.into()),
    Option<&'q str> => |text| text.map(Cow::from),
    String => |text| Some(text.into()),
    Option<String> => |text| text.map(Cow::from),
    &'q String => |text| Some(text.into()),
    Option<&'q String> => |text| text.map(Cow::from),
    &'q Option<String> => |text| text.as_deref().map(Cow::from),
);
argument!(Bytes:
    &'q [u8] => |bytes| Some(bytes),
    Option<&'q [u8]> => |bytes| bytes,
    &'q Vec<u8> => |bytes| Some(bytes),
);
