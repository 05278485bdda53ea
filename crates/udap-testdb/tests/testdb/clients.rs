//! What an administrator and OpenEMR itself do to clients.

use udap_testdb::{Generation, OpenEmr, TestServer};

#[tokio::test]
async fn clients_come_and_go() {
    for generation in Generation::ALL {
        let emr = OpenEmr::create(TestServer::shared(), generation).await;
        assert_eq!(emr.clients().await, 0);
        assert!(emr.client("one").await.is_none());
        emr.insert_by_hand("one").await;
        emr.insert_by_hand("two").await;
        assert_eq!(emr.clients().await, 2);

        let row = emr.client("one").await.unwrap();
        assert_eq!(row.len(), generation.columns());
        assert_eq!(row["client_id"].as_deref(), Some("one"));
        assert_eq!(row["redirect_uri"].as_deref(), Some(""));
        assert_eq!(row["is_enabled"].as_deref(), Some("1"));
        assert_eq!(row["jwks"], None);

        emr.switch("one", false).await;
        let row = emr.client("one").await.unwrap();
        assert_eq!(row["is_enabled"].as_deref(), Some("0"));
        emr.switch("one", false).await; // what is so already is found all the same
        emr.remove("one").await;
        assert!(emr.client("one").await.is_none());
        assert_eq!(emr.clients().await, 1);
    }
}

#[tokio::test]
async fn tokens_are_good_until_they_are_revoked() {
    for generation in Generation::ALL {
        let emr = OpenEmr::create(TestServer::shared(), generation).await;
        emr.give_tokens("one").await;
        emr.give_tokens("one").await;
        emr.give_tokens("two").await;
        assert_eq!(emr.good_tokens("one").await, 6);
        for statement in [
            "UPDATE api_token SET revoked = 1 WHERE client_id = 'one'",
            "UPDATE api_refresh_token SET revoked = 1 WHERE client_id = 'one'",
            "DELETE FROM oauth_trusted_user WHERE client_id = 'one'",
        ] {
            sqlx::query(statement).execute(emr.pool()).await.unwrap();
        }
        assert_eq!(emr.good_tokens("one").await, 0);
        assert_eq!(emr.good_tokens("two").await, 3);
    }
}
