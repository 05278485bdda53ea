//! Token requests through the gateway, over real sockets.

mod failures;
mod forwarding;
mod guard;
mod refusals;
mod support;
