//! The contract as tests.

/// One test for each clause of the contract. The argument is an expression, awaited anew for each
/// test, that makes an empty [`Harness`](crate::contract::Harness).
#[macro_export]
macro_rules! contract_tests {
    ($harness:expr) => {
        use $crate::contract::{details, foresight, keys, lifecycle, operators, races, rechecks, replays, tokens};

        /// Proves: D05, D09
        #[tokio::test]
        async fn a_client_is_created_once_and_modified_after() {
            lifecycle::a_client_is_created_once_and_modified_after(&$harness.await).await;
        }

        /// Proves: D02, D04, D17
        #[tokio::test]
        async fn a_modification_replaces_everything() {
            lifecycle::a_modification_replaces_everything(&$harness.await).await;
        }

        /// Proves: D01, D18, D19
        #[tokio::test]
        async fn community_site_and_client_uri_make_the_identity() {
            lifecycle::community_site_and_client_uri_make_the_identity(&$harness.await).await;
        }

        /// Proves: D10, D14, D15, D16
        #[tokio::test]
        async fn a_cancelled_client_is_gone_for_good() {
            lifecycle::a_cancelled_client_is_gone_for_good(&$harness.await).await;
        }

        /// Proves: D21
        #[tokio::test]
        async fn a_client_made_by_hand_is_never_taken_over() {
            lifecycle::a_client_made_by_hand_is_never_taken_over(&$harness.await).await;
        }

        #[tokio::test]
        async fn tokens_are_revoked_when_scopes_shrink_or_the_key_changes() {
            lifecycle::tokens_are_revoked_when_scopes_shrink_or_the_key_changes(&$harness.await)
                .await;
        }

        /// Proves: C26
        #[tokio::test]
        async fn a_restart_keeps_everything() {
            lifecycle::a_restart_keeps_everything(&$harness.await).await;
        }

        /// Proves: C28
        #[tokio::test]
        async fn the_list_tells_who_is_registered() {
            lifecycle::the_list_tells_who_is_registered(&$harness.await).await;
        }

        /// Proves: C24, C26
        #[tokio::test]
        async fn a_statement_is_spent_by_its_success() {
            replays::a_statement_is_spent_by_its_success(&$harness.await).await;
        }

        #[tokio::test]
        async fn a_retried_request_is_answered_as_before() {
            replays::a_retried_request_is_answered_as_before(&$harness.await).await;
        }

        /// Proves: C26
        #[tokio::test]
        async fn a_statement_is_spent_by_its_refusal() {
            replays::a_statement_is_spent_by_its_refusal(&$harness.await).await;
        }

        /// Proves: C25
        #[tokio::test]
        async fn a_jti_belongs_to_its_issuer_and_its_time() {
            replays::a_jti_belongs_to_its_issuer_and_its_time(&$harness.await).await;
        }

        /// Proves: C25
        #[tokio::test]
        async fn a_purge_forgets_expired_statements_only() {
            replays::a_purge_forgets_expired_statements_only(&$harness.await).await;
        }

        /// Proves: E27
        #[tokio::test]
        async fn a_failure_leaves_nothing_behind() {
            replays::a_failure_leaves_nothing_behind(&$harness.await).await;
        }

        /// Proves: D20
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn racing_first_registrations_make_one_client() {
            races::racing_first_registrations_make_one_client(&$harness.await).await;
        }

        /// Proves: C24, C26
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn a_racing_statement_succeeds_once() {
            races::a_racing_statement_succeeds_once(&$harness.await).await;
        }

        /// Proves: D22
        #[tokio::test]
        async fn a_blocked_client_is_off_and_stays_refused() {
            operators::a_blocked_client_is_off_and_stays_refused(&$harness.await).await;
        }

        /// Proves: D22
        #[tokio::test]
        async fn a_block_everywhere_reaches_every_site_and_community() {
            operators::a_block_everywhere_reaches_every_site_and_community(&$harness.await).await;
        }

        /// Proves: D22
        #[tokio::test]
        async fn a_blocked_key_is_refused_whoever_uses_it() {
            operators::a_blocked_key_is_refused_whoever_uses_it(&$harness.await).await;
        }

        /// Proves: D22
        #[tokio::test]
        async fn a_block_is_inherited_by_the_next_registration() {
            operators::a_block_is_inherited_by_the_next_registration(&$harness.await).await;
        }

        #[tokio::test]
        async fn an_administrators_switch_is_kept() {
            operators::an_administrators_switch_is_kept(&$harness.await).await;
        }

        #[tokio::test]
        async fn a_removed_row_comes_back_off() {
            operators::a_removed_row_comes_back_off(&$harness.await).await;
        }

        #[tokio::test]
        async fn an_approval_covers_what_was_approved() {
            operators::an_approval_covers_what_was_approved(&$harness.await).await;
        }

        #[tokio::test]
        async fn a_block_wins_over_an_administrator() {
            operators::a_block_wins_over_an_administrator(&$harness.await).await;
        }

        #[tokio::test]
        async fn a_registration_is_shown_with_all_that_holds_for_it() {
            details::a_registration_is_shown_with_all_that_holds_for_it(&$harness.await).await;
        }

        #[tokio::test]
        async fn what_is_foreseen_is_what_happens() {
            foresight::what_is_foreseen_is_what_happens(&$harness.await).await;
        }

        #[tokio::test]
        async fn blocks_and_ends_are_foreseen() {
            foresight::blocks_and_ends_are_foreseen(&$harness.await).await;
        }

        #[tokio::test]
        async fn an_unknown_client_is_told() {
            operators::an_unknown_client_is_told(&$harness.await).await;
        }

        /// Proves: C30
        #[tokio::test]
        async fn a_client_whose_certificate_is_revoked_goes_off_and_that_certificate_stays_refused() {
            rechecks::a_client_whose_certificate_is_revoked_goes_off_and_that_certificate_stays_refused(&$harness.await).await;
        }

        #[tokio::test]
        async fn a_namesake_of_a_ca_revokes_nothing_of_it() {
            rechecks::a_namesake_of_a_ca_revokes_nothing_of_it(&$harness.await).await;
        }

        #[tokio::test]
        async fn a_path_through_a_revoked_intermediate_stays_refused() {
            rechecks::a_path_through_a_revoked_intermediate_stays_refused(&$harness.await).await;
        }

        /// Proves: C30
        #[tokio::test]
        async fn an_unknown_status_is_lifted_by_the_next_good_check_and_expiry_is_not() {
            rechecks::an_unknown_status_is_lifted_by_the_next_good_check_and_expiry_is_not(&$harness.await).await;
        }

        #[tokio::test]
        async fn only_a_live_client_is_checked() {
            rechecks::only_a_live_client_is_checked(&$harness.await).await;
        }

        #[tokio::test]
        async fn a_verdict_on_a_certificate_that_was_replaced_changes_nothing() {
            rechecks::a_verdict_on_a_certificate_that_was_replaced_changes_nothing(&$harness.await).await;
        }

        #[tokio::test]
        async fn a_doubt_that_a_statement_overtook_counts_for_nothing() {
            rechecks::a_doubt_that_a_statement_overtook_counts_for_nothing(&$harness.await).await;
        }

        #[tokio::test]
        async fn a_check_is_remembered_with_its_time() {
            rechecks::a_check_is_remembered_with_its_time(&$harness.await).await;
        }

        #[tokio::test]
        async fn pages_of_live_registrations_follow_one_another() {
            rechecks::pages_of_live_registrations_follow_one_another(&$harness.await).await;
        }

        /// Proves: C30
        #[tokio::test]
        async fn what_expired_is_found_until_it_is_off() {
            rechecks::what_expired_is_found_until_it_is_off(&$harness.await).await;
        }

        /// Proves: C30
        #[tokio::test]
        async fn a_list_finds_the_registrations_whose_path_it_names() {
            rechecks::a_list_finds_the_registrations_whose_path_it_names(&$harness.await).await;
        }

        /// Proves: G08
        #[tokio::test]
        async fn an_assertion_is_good_once() {
            tokens::an_assertion_is_good_once(&$harness.await).await;
        }

        #[tokio::test]
        async fn the_audit_says_who_asked_and_what_for() {
            tokens::the_audit_says_who_asked_and_what_for(&$harness.await).await;
        }

        /// Proves: G08
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn a_racing_assertion_is_recorded_once() {
            tokens::a_racing_assertion_is_recorded_once(&$harness.await).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn racing_assertions_of_one_client_are_all_recorded() {
            tokens::racing_assertions_of_one_client_are_all_recorded(&$harness.await).await;
        }

        #[tokio::test]
        async fn a_client_that_is_off_gets_nothing() {
            tokens::a_client_that_is_off_gets_nothing(&$harness.await).await;
        }

        #[tokio::test]
        async fn the_certificate_that_was_used_is_what_counts() {
            tokens::the_certificate_that_was_used_is_what_counts(&$harness.await).await;
        }

        #[tokio::test]
        async fn a_younger_certificate_takes_its_place() {
            tokens::a_younger_certificate_takes_its_place(&$harness.await).await;
        }

        #[tokio::test]
        async fn a_purge_forgets_expired_assertions_only() {
            tokens::a_purge_forgets_expired_assertions_only(&$harness.await).await;
        }

        #[tokio::test]
        async fn a_client_is_ours_in_every_spelling() {
            tokens::a_client_is_ours_in_every_spelling(&$harness.await).await;
        }

        #[tokio::test]
        async fn only_the_very_client_id_is_found() {
            tokens::only_the_very_client_id_is_found(&$harness.await).await;
        }

        #[tokio::test]
        async fn the_row_says_which_key_is_signed_with() {
            keys::the_row_says_which_key_is_signed_with(&$harness.await).await;
        }

        #[tokio::test]
        async fn an_excess_is_taken_back() {
            tokens::an_excess_is_taken_back(&$harness.await).await;
        }

        #[tokio::test]
        async fn a_row_gets_the_key_that_is_wanted() {
            keys::a_row_gets_the_key_that_is_wanted(&$harness.await).await;
        }
    };
}
