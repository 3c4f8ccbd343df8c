//! Decisions about pending payments, by the customer or by the operator, and the callbacks after them.

use std::sync::Arc;

use crate::deliver;
use crate::gateway::Gateway;
use crate::payment::{Decision, Payment};

/// Decides a payment if it is pending, and posts its callback. The `bool` is true if this call decided
/// it. `None` if there is no such payment.
pub(crate) fn once(
    gateway: &Arc<Gateway>,
    order: &str,
    decision: &Decision,
    channel: &str,
) -> Option<(Payment, bool)> {
    let (payment, decided_now) = gateway.decide_once(order, decision, channel)?;
    if decided_now {
        deliver::deliver_decision(gateway, &payment, decision);
    }
    Some((payment, decided_now))
}

/// The customer confirms on the phone: a pending payment succeeds if the wallet has enough money, and
/// fails otherwise. Returns the same as [`once`].
pub(crate) fn confirm(gateway: &Arc<Gateway>, order: &str) -> Option<(Payment, bool)> {
    let (payment, decided_now) = gateway.confirm_once(order)?;
    if decided_now {
        // Both results of a confirmation have a callback.
        deliver::deliver_decision(gateway, &payment, &Decision::Approve);
    }
    Some((payment, decided_now))
}
