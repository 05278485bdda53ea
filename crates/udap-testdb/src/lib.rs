//! MariaDB servers and OpenEMR's tables for the project's own tests.
//!
//! ```no_run
//! use udap_testdb::{Generation, OpenEmr, TestServer};
//!
//! # async fn example() {
//! let emr = OpenEmr::create(TestServer::shared(), Generation::Columns25).await;
//! emr.insert_by_hand("made-by-an-administrator").await;
//! assert_eq!(emr.clients().await, 1);
//! # }
//! ```
//!
//! [`TestServer::shared`] uses the server that `UDAP_TEST_MYSQL_URL` names, or starts one.
//! Nothing that is started here outlives the test process, even if that is killed.

mod openemr;
mod schema;
mod server;

pub use openemr::{Generation, OpenEmr, OpenEmrBuilder};
pub use schema::Schema;
pub use server::{SERVER_VARIABLE, TestServer};
