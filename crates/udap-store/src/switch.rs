//! Whether a client is on or off (decisions 12–15): one pure function, so that every case can be
//! tested.
//!
//! Three parties decide: trust (our checks), operators and administrators (blocks, the switch in
//! the FHIR server's own pages), and the community's policy. A client is on only if none of them
//! says no, and the policy or an administrator says yes.

pub use udap::registry::TrustOff;

use crate::extent::Extent;

/// What is recorded of a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The app cancelled it.
    pub cancelled: bool,
    /// An operator blocked it, its client URI or its key.
    pub blocked: bool,
    /// A check of trust failed.
    pub trust_off: Option<TrustOff>,
    /// An administrator switched its row off, or removed it.
    pub admin_off: bool,
    /// What an administrator approved.
    pub approved: Option<Extent>,
    /// Whether the community's policy enables it as it is registered.
    pub policy: bool,
    /// What is registered.
    pub extent: Extent,
    /// What we last wrote into its row.
    pub written: bool,
}

/// What happens to a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A statement that passed every check replaces what is registered.
    Statement {
        /// What it asks for.
        extent: Extent,
        /// Whether the policy enables it so.
        policy: bool,
        /// Whether it was signed with another key than the one before.
        key_changed: bool,
    },
    /// The app cancels it.
    Cancel,
    /// An operator blocks it.
    Block,
    /// A block that may concern it was lifted; whether another still holds.
    Unblock {
        /// Whether it is blocked still.
        blocked: bool,
    },
    /// An operator enables it: its blocks are lifted, and it is approved as it is.
    Enable,
    /// A check of trust failed.
    Distrust(TrustOff),
    /// A check of trust found nothing wrong.
    Recheck,
    /// A check of trust learned nothing: only what an administrator did is taken up.
    Look,
}

/// Something worth recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fact {
    /// The row was off where we had switched it on.
    AdministratorSwitchedOff,
    /// The row is gone.
    AdministratorRemoved,
    /// The row was on where we had switched it off, and nothing speaks against it.
    AdministratorApproved,
    /// The row was on against a block, lost trust or a cancellation, and goes back to off.
    AdministratorOverruled,
    /// An operator enabled it.
    OperatorEnabled,
    /// A statement, or a check, restored trust.
    TrustRestored,
    /// It reaches further than what was approved.
    ApprovalEnded,
    /// The row goes from off to on.
    SwitchedOn,
    /// The row goes from on to off.
    SwitchedOff,
    /// It holds fewer scopes than before.
    ScopesShrank,
    /// Its key is another than before.
    KeyChanged,
}

impl Fact {
    /// The word in the audit.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AdministratorSwitchedOff => "administrator_switched_off",
            Self::AdministratorRemoved => "administrator_removed",
            Self::AdministratorApproved => "administrator_approved",
            Self::AdministratorOverruled => "administrator_overruled",
            Self::OperatorEnabled => "operator_enabled",
            Self::TrustRestored => "trust_restored",
            Self::ApprovalEnded => "approval_ended",
            Self::SwitchedOn => "switched_on",
            Self::SwitchedOff => "switched_off",
            Self::ScopesShrank => "scopes_shrank",
            Self::KeyChanged => "key_changed",
        }
    }
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What to record; `state.written` is what to write into the row.
    pub state: State,
    /// Whether to revoke the client's tokens.
    pub revoke_tokens: bool,
    /// What to tell the audit.
    pub facts: Vec<Fact>,
}

impl State {
    /// Whether the client's row is to be on.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.cancelled
            && !self.blocked
            && self.trust_off.is_none()
            && !self.admin_off
            && (self.policy || self.is_approved())
    }

    fn is_approved(&self) -> bool {
        self.approved
            .as_ref()
            .is_some_and(|approved| approved.covers(&self.extent))
    }

    /// The state of a client that registers for the first time, or anew after a cancellation.
    /// Blocks are looked at before; `admin_off` is inherited.
    #[must_use]
    pub fn first(extent: Extent, policy: bool, admin_off: bool) -> Self {
        let mut state = Self {
            cancelled: false,
            blocked: false,
            trust_off: None,
            admin_off,
            approved: None,
            policy,
            extent,
            written: false,
        };
        state.written = state.is_on();
        state
    }
}

/// Decides what an event makes of a registration whose row was found, under its lock, on
/// (`Some(true)`), off (`Some(false)`) or gone (`None`).
#[must_use]
pub fn decide(mut state: State, found: Option<bool>, event: Event) -> Decision {
    let mut facts = Vec::new();
    let was_on = state.written || found == Some(true);
    observe(&mut state, found, &mut facts);
    let mut revoke_tokens = false;
    match event {
        Event::Statement {
            extent,
            policy,
            key_changed,
        } => {
            if state.trust_off.take().is_some() {
                facts.push(Fact::TrustRestored);
            }
            if key_changed {
                facts.push(Fact::KeyChanged);
                revoke_tokens = true;
            }
            if !extent.covers_scopes(&state.extent) {
                facts.push(Fact::ScopesShrank);
                revoke_tokens = true;
            }
            state.extent = extent;
            state.policy = policy;
            if state.approved.is_some() && !state.is_approved() && !policy {
                state.approved = None;
                facts.push(Fact::ApprovalEnded);
            }
        }
        Event::Cancel => {
            state.cancelled = true;
            revoke_tokens = true;
        }
        Event::Block => {
            state.blocked = true;
            revoke_tokens = true;
        }
        Event::Unblock { blocked } => state.blocked = blocked,
        Event::Enable => {
            facts.push(Fact::OperatorEnabled);
            state.blocked = false;
            state.admin_off = false;
            if !state.cancelled {
                state.approved = Some(state.extent.clone());
            }
        }
        Event::Distrust(reason) => {
            // A check that learns nothing does not make a known fault a passing one.
            if matches!(state.trust_off, None | Some(TrustOff::Unknown)) {
                state.trust_off = Some(reason);
            }
            revoke_tokens = true;
        }
        Event::Look => {}
        Event::Recheck => {
            if state.trust_off == Some(TrustOff::Unknown) {
                state.trust_off = None;
                facts.push(Fact::TrustRestored);
            }
        }
    }
    let on = state.is_on();
    if was_on && !on {
        revoke_tokens = true;
    }
    match (found == Some(true), on) {
        (false, true) => facts.push(Fact::SwitchedOn),
        (true, false) => facts.push(Fact::SwitchedOff),
        _ => {}
    }
    state.written = on;
    Decision {
        state,
        revoke_tokens,
        facts,
    }
}

/// What an administrator did to the row since we last wrote it (decisions 12).
fn observe(state: &mut State, found: Option<bool>, facts: &mut Vec<Fact>) {
    match found {
        // Whoever removed the row did not want the client on, whatever we had written last.
        None if !state.cancelled => {
            if !state.admin_off {
                facts.push(Fact::AdministratorRemoved);
            }
            state.admin_off = true;
        }
        Some(false) if state.written => {
            facts.push(Fact::AdministratorSwitchedOff);
            state.admin_off = true;
        }
        Some(true) if !state.written => {
            if state.cancelled || state.blocked || state.trust_off.is_some() {
                facts.push(Fact::AdministratorOverruled);
            } else {
                facts.push(Fact::AdministratorApproved);
                state.approved = Some(state.extent.clone());
            }
            if !state.cancelled {
                state.admin_off = false;
            }
        }
        _ => {}
    }
}

#[cfg(test)]
#[path = "switch_tests.rs"]
mod tests;
