use proptest::prelude::*;

use super::*;

fn extent(scopes: &str) -> Extent {
    Extent {
        scopes: scopes.split_ascii_whitespace().map(str::to_owned).collect(),
        grant_types: vec!["client_credentials".to_owned()],
        redirect_uris: Vec::new(),
    }
}

const NARROW: &str = "system/Patient.rs";
const WIDE: &str = "system/Patient.rs system/Observation.rs";

/// On by policy, as first registered.
fn on() -> State {
    State::first(extent(NARROW), true, false)
}

/// Off by policy, as first registered.
fn waiting() -> State {
    State::first(extent(NARROW), false, false)
}

fn statement(scopes: &str, policy: bool) -> Event {
    Event::Statement {
        extent: extent(scopes),
        policy,
        key_changed: false,
    }
}

#[test]
fn a_first_registration_is_on_iff_policy_says_so_and_no_administrator_had_switched_it_off() {
    for (policy, admin_off, expected) in [
        (true, false, true),
        (true, true, false),
        (false, false, false),
        (false, true, false),
    ] {
        let state = State::first(extent(NARROW), policy, admin_off);
        assert_eq!(
            state.written, expected,
            "policy {policy}, admin_off {admin_off}"
        );
    }
}

#[test]
fn a_row_that_an_administrator_switched_off_stays_off_through_statements() {
    let first = decide(on(), Some(false), statement(NARROW, true));
    assert!(first.state.admin_off && !first.state.written && first.revoke_tokens);
    assert_eq!(first.facts, [Fact::AdministratorSwitchedOff]);
    let second = decide(first.state, Some(false), statement(NARROW, true));
    assert!(second.state.admin_off && !second.state.written);
    assert!(second.facts.is_empty() && !second.revoke_tokens);
}

#[test]
fn a_removed_row_counts_as_switched_off_whatever_was_written_last() {
    for state in [on(), waiting()] {
        let written = state.written;
        let decision = decide(state, None, statement(NARROW, true));
        assert!(decision.state.admin_off && !decision.state.written);
        assert_eq!(decision.facts, [Fact::AdministratorRemoved]);
        assert_eq!(decision.revoke_tokens, written);
    }
}

#[test]
fn an_administrator_who_switches_a_row_on_again_lifts_their_own_switch() {
    let off = decide(on(), Some(false), Event::Recheck).state;
    let again = decide(off, Some(true), Event::Recheck);
    assert!(!again.state.admin_off && again.state.written && !again.revoke_tokens);
    assert_eq!(again.facts, [Fact::AdministratorApproved]);
}

#[test]
fn a_row_switched_on_by_an_administrator_is_approved_as_it_was_registered() {
    let approved = decide(waiting(), Some(true), statement(NARROW, false));
    assert!(approved.state.written);
    assert_eq!(approved.facts, [Fact::AdministratorApproved]);
    assert_eq!(approved.state.approved, Some(extent(NARROW)));
}

#[test]
fn approval_ends_with_what_is_added_to_it() {
    let approved = decide(waiting(), Some(true), Event::Recheck).state;
    let wider = decide(approved, Some(true), statement(WIDE, false));
    assert!(!wider.state.written && wider.state.approved.is_none() && wider.revoke_tokens);
    assert_eq!(wider.facts, [Fact::ApprovalEnded, Fact::SwitchedOff]);
    // Back to what was approved once: an administrator has to look again.
    let back = decide(wider.state, Some(false), statement(NARROW, false));
    assert!(!back.state.written);
}

#[test]
fn an_addition_that_arrives_with_the_administrators_switch_is_not_approved_by_it() {
    let decision = decide(waiting(), Some(true), statement(WIDE, false));
    assert!(!decision.state.written && decision.state.approved.is_none());
    assert_eq!(
        decision.facts,
        [
            Fact::AdministratorApproved,
            Fact::ApprovalEnded,
            Fact::SwitchedOff
        ]
    );
}

#[test]
fn an_addition_that_policy_allows_by_itself_keeps_the_client_on() {
    let approved = decide(waiting(), Some(true), Event::Recheck).state;
    let wider = decide(approved, Some(true), statement(WIDE, true));
    assert!(wider.state.written && !wider.revoke_tokens && wider.facts.is_empty());
    // Once policy no longer allows it, only what was approved is.
    let later = decide(wider.state, Some(true), statement(WIDE, false));
    assert!(!later.state.written && later.state.approved.is_none());
}

#[test]
fn fewer_scopes_and_another_key_cost_the_tokens() {
    let wide = State::first(extent(WIDE), true, false);
    let shrunk = decide(wide.clone(), Some(true), statement(NARROW, true));
    assert!(shrunk.state.written && shrunk.revoke_tokens);
    assert_eq!(shrunk.facts, [Fact::ScopesShrank]);

    let keyed = decide(
        wide.clone(),
        Some(true),
        Event::Statement {
            extent: extent(WIDE),
            policy: true,
            key_changed: true,
        },
    );
    assert!(keyed.state.written && keyed.revoke_tokens);
    assert_eq!(keyed.facts, [Fact::KeyChanged]);

    let same = decide(wide, Some(true), statement(WIDE, true));
    assert!(same.state.written && !same.revoke_tokens && same.facts.is_empty());
}

#[test]
fn lost_trust_switches_off_until_a_statement_and_an_unknown_status_until_a_check() {
    for reason in [
        TrustOff::Expired,
        TrustOff::Revoked,
        TrustOff::Untrusted,
        TrustOff::Unknown,
    ] {
        let off = decide(on(), Some(true), Event::Distrust(reason));
        assert!(!off.state.written && off.revoke_tokens);
        assert_eq!(off.facts, [Fact::SwitchedOff]);

        let checked = decide(off.state.clone(), Some(false), Event::Recheck);
        assert_eq!(
            checked.state.written,
            reason == TrustOff::Unknown,
            "{reason:?}"
        );

        let renewed = decide(off.state, Some(false), statement(NARROW, true));
        assert!(renewed.state.written);
        assert_eq!(renewed.facts, [Fact::TrustRestored, Fact::SwitchedOn]);
    }
}

#[test]
fn an_unknown_status_does_not_soften_a_revocation() {
    let revoked = decide(on(), Some(true), Event::Distrust(TrustOff::Revoked)).state;
    let unknown = decide(revoked, Some(false), Event::Distrust(TrustOff::Unknown)).state;
    assert_eq!(unknown.trust_off, Some(TrustOff::Revoked));
    let hardened = decide(on(), Some(true), Event::Distrust(TrustOff::Unknown)).state;
    let hardened = decide(hardened, Some(false), Event::Distrust(TrustOff::Revoked)).state;
    assert_eq!(hardened.trust_off, Some(TrustOff::Revoked));
}

#[test]
fn an_administrator_cannot_switch_on_against_lost_trust_a_block_or_a_cancellation() {
    for event in [
        Event::Distrust(TrustOff::Expired),
        Event::Block,
        Event::Cancel,
    ] {
        let off = decide(on(), Some(true), event).state;
        let found = decide(off, Some(true), Event::Recheck);
        assert!(!found.state.written && found.revoke_tokens && found.state.approved.is_none());
        assert_eq!(
            found.facts,
            [Fact::AdministratorOverruled, Fact::SwitchedOff]
        );
    }
}

/// Proves: D22
#[test]
fn a_block_holds_until_it_is_lifted_and_lifting_restores_what_policy_says() {
    let blocked = decide(on(), Some(true), Event::Block);
    assert!(!blocked.state.written && blocked.revoke_tokens);
    let still = decide(blocked.state, Some(false), Event::Unblock { blocked: true });
    assert!(!still.state.written);
    let lifted = decide(still.state, Some(false), Event::Unblock { blocked: false });
    assert!(lifted.state.written);
}

#[test]
fn an_operator_who_enables_lifts_block_and_administrators_switch_and_approves() {
    let mut state = waiting();
    state.blocked = true;
    state.admin_off = true;
    let enabled = decide(state.clone(), Some(false), Event::Enable);
    assert!(enabled.state.written);
    assert_eq!(enabled.state.approved, Some(extent(NARROW)));

    // Trust is not an operator's to give.
    state.trust_off = Some(TrustOff::Revoked);
    let distrusted = decide(state, Some(false), Event::Enable);
    assert!(!distrusted.state.written && distrusted.state.trust_off.is_some());
}

/// Proves: D15
#[test]
fn a_cancellation_is_for_good_and_costs_the_tokens() {
    let cancelled = decide(waiting(), Some(false), Event::Cancel);
    assert!(cancelled.state.cancelled && cancelled.revoke_tokens);
    let enabled = decide(cancelled.state, Some(false), Event::Enable);
    assert!(!enabled.state.written && enabled.state.approved.is_none());
}

#[test]
fn an_administrators_switch_found_at_cancellation_is_kept_for_the_next_registration() {
    let cancelled = decide(on(), Some(false), Event::Cancel);
    assert!(cancelled.state.admin_off);
    assert!(!State::first(extent(NARROW), true, cancelled.state.admin_off).written);
}

fn any_extent() -> impl Strategy<Value = Extent> {
    prop_oneof![
        Just(extent(NARROW)),
        Just(extent(WIDE)),
        Just(extent("system/Group.rs"))
    ]
}

fn any_reason() -> impl Strategy<Value = TrustOff> {
    prop_oneof![
        Just(TrustOff::Expired),
        Just(TrustOff::Revoked),
        Just(TrustOff::Untrusted),
        Just(TrustOff::Unknown)
    ]
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (any_extent(), any::<bool>(), any::<bool>()).prop_map(|(extent, policy, key_changed)| {
            Event::Statement {
                extent,
                policy,
                key_changed,
            }
        }),
        Just(Event::Cancel),
        Just(Event::Block),
        any::<bool>().prop_map(|blocked| Event::Unblock { blocked }),
        Just(Event::Enable),
        any_reason().prop_map(Event::Distrust),
        Just(Event::Recheck),
    ]
}

fn any_state() -> impl Strategy<Value = State> {
    (
        any::<[bool; 5]>(),
        proptest::option::of(any_reason()),
        proptest::option::of(any_extent()),
        any_extent(),
    )
        .prop_map(
            |([cancelled, blocked, admin_off, policy, written], trust_off, approved, extent)| {
                State {
                    cancelled,
                    blocked,
                    trust_off,
                    admin_off,
                    approved,
                    policy,
                    extent,
                    written,
                }
            },
        )
}

proptest! {
    /// The law of decisions 12, for every state, row and event.
    #[test]
    fn on_means_that_nobody_objects_and_somebody_agrees(
        state in any_state(), found in any::<Option<bool>>(), event in any_event(),
    ) {
        let decision = decide(state, found, event);
        let after = &decision.state;
        let objected = after.cancelled || after.blocked || after.admin_off || after.trust_off.is_some();
        let agreed = after.policy
            || after.approved.as_ref().is_some_and(|approved| approved.covers(&after.extent));
        prop_assert_eq!(after.written, !objected && agreed);
    }

    #[test]
    fn whatever_goes_off_loses_its_tokens(
        state in any_state(), found in any::<Option<bool>>(), event in any_event(),
    ) {
        let was_on = state.written || found == Some(true);
        let decision = decide(state, found, event);
        prop_assert!(!was_on || decision.state.written || decision.revoke_tokens);
    }

    #[test]
    fn only_an_operator_or_an_administrator_puts_a_client_on_that_one_had_switched_off(
        state in any_state(), event in any_event(),
    ) {
        let operator = event == Event::Enable;
        let decision = decide(State { written: true, ..state }, Some(false), event);
        prop_assert!(operator || !decision.state.written);
    }

    #[test]
    fn looking_again_changes_nothing(
        state in any_state(), found in any::<Option<bool>>(), event in any_event(),
    ) {
        let mut once = decide(state, found, event).state;
        // A look is a check that finds nothing wrong: it lifts this reason.
        prop_assume!(once.trust_off != Some(TrustOff::Unknown));
        once.admin_off &= !once.written;
        let row = Some(once.written);
        let again = decide(once.clone(), row, Event::Recheck);
        prop_assert_eq!(again.state, once);
        prop_assert!(!again.revoke_tokens && again.facts.is_empty());
    }

    #[test]
    fn a_cancelled_registration_never_comes_back(
        state in any_state(),
        happenings in proptest::collection::vec((any::<Option<bool>>(), any_event()), 0..6),
    ) {
        let mut state = State { cancelled: true, ..state };
        for (found, event) in happenings {
            state = decide(state, found, event).state;
            prop_assert!(state.cancelled && !state.written);
        }
    }
}
