//! What the operator pays gas for. Anybody can post a bounty in a token of their own and name verifiers of their own: without this, the
//! operator's account would be everybody's to burn. What is not relayed here anyone can send.

use std::collections::HashMap;

use piecework_domain::messages::Bid;
use piecework_domain::money::NATIVE;
use piecework_domain::terms::Terms;
use piecework_domain::{Address, U256};

use crate::decide::Gain;

/// The last redemption may cost so many times what it brings.
const ONCE: u64 = 10;

#[derive(Clone, Debug, Default)]
pub struct Relay {
    /// Tokens besides the native coin, each with the least (base units) that a redemption must bring to be worth its gas.
    pub tokens: HashMap<Address, u128>,
    /// Redeem only where the relay fee is worth the gas: otherwise the operator pays for what brings more than it costs.
    pub for_fees: bool,
}

/// Why a redemption is not relayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRelayed {
    #[error("the token {0} is not relayed here; anyone can redeem the voucher")]
    Token(Address),
    #[error("the relay fee is {fee} base units, relaying takes {least}; anyone can redeem the voucher")]
    Fee { fee: U256, least: U256 },
    #[error(
        "it would bring {gain} base units and take {least}; it waits until there is more, or the engagement is over; anyone can redeem it"
    )]
    TooLittle { gain: U256, least: U256 },
}

impl NotRelayed {
    /// Stable.
    pub fn code(self) -> &'static str {
        match self {
            Self::Token(_) => "token_not_relayed",
            Self::Fee { .. } => "relay_fee_too_low",
            Self::TooLittle { .. } => "too_little_yet",
        }
    }
}

impl Relay {
    pub fn lists(&self, token: Address) -> bool {
        token == NATIVE || self.tokens.contains_key(&token)
    }

    /// The tokens that are relayed.
    pub fn listed(&self) -> Vec<Address> {
        self.tokens.keys().copied().chain([NATIVE]).collect()
    }

    /// What is worth `gas` at `gas_price` wei, in base units of `token`. `None` for tokens not relayed.
    pub fn least(&self, token: Address, gas: u64, gas_price: u128) -> Option<U256> {
        match self.tokens.get(&token) {
            Some(least) => Some(U256::from(*least)),
            None => (token == NATIVE).then(|| U256::from(gas).saturating_mul(U256::from(gas_price))),
        }
    }

    /// Whether `gain` is worth `gas` at `gas_price` wei.
    pub fn takes(&self, terms: &Terms, bid: &Bid, gain: &Gain, gas: u64, gas_price: u128) -> Result<(), NotRelayed> {
        let token = terms.token;
        let least = self.least(token, gas, gas_price).ok_or(NotRelayed::Token(token))?;
        if self.for_fees {
            // The escrow gives a tenth of the payout at most (SPEC).
            let fee = U256::from(bid.relay_fee).min(gain.pay.0 / U256::from(10));
            return if fee < least { Err(NotRelayed::Fee { fee, least }) } else { Ok(()) };
        }
        let gain_all = gain.pay.0.saturating_add(gain.penalties.0);
        // The last crumbs are paid, too, but dust is its owner's to redeem: anybody can make any amount of it.
        if gain_all < if gain.once { least / U256::from(ONCE) } else { least } {
            return Err(NotRelayed::TooLittle { gain: gain_all, least });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use piecework_domain::money::Amount;
    use piecework_domain::testing::{bid, terms};

    use super::*;

    const USD: Address = Address::repeat_byte(7);
    const GAS: u64 = 100_000;

    fn gain(pay: u128, penalties: u128, once: bool) -> Gain {
        Gain { pay: Amount::from(pay), penalties: Amount::from(penalties), once }
    }

    fn takes(relay: &Relay, token: Address, relay_fee: u128, gain: Gain) -> Result<(), &'static str> {
        let mut terms = terms();
        terms.token = token;
        let mut bid = bid();
        bid.relay_fee = relay_fee;
        relay.takes(&terms, &bid, &gain, GAS, 10).map_err(NotRelayed::code)
    }

    #[test]
    fn native_pay_has_to_be_worth_its_gas_except_at_last() {
        let relay = Relay::default();
        assert_eq!(takes(&relay, NATIVE, 0, gain(1_000_000, 0, false)), Ok(()));
        assert_eq!(takes(&relay, NATIVE, 0, gain(600_000, 400_000, false)), Ok(()), "penalties count");
        assert_eq!(takes(&relay, NATIVE, 0, gain(999_999, 0, false)), Err("too_little_yet"));
        assert_eq!(takes(&relay, NATIVE, 0, gain(100_000, 0, true)), Ok(()));
        assert_eq!(takes(&relay, NATIVE, 0, gain(99_999, 0, true)), Err("too_little_yet"), "dust is left to others");
    }

    #[test]
    fn tokens_are_relayed_from_the_amount_that_the_operator_says() {
        let relay = Relay { tokens: [(USD, 50)].into(), for_fees: false };
        assert_eq!(takes(&relay, USD, 0, gain(50, 0, false)), Ok(()));
        assert_eq!(takes(&relay, USD, 0, gain(49, 0, false)), Err("too_little_yet"));
        assert_eq!(takes(&relay, Address::repeat_byte(8), 0, gain(u128::MAX, 0, true)), Err("token_not_relayed"));
    }

    #[test]
    fn for_fees_only_what_the_escrow_really_gives_counts() {
        let relay = Relay { tokens: [(USD, 50)].into(), for_fees: true };
        assert_eq!(takes(&relay, NATIVE, 1_000_000, gain(10_000_000, 0, false)), Ok(()));
        assert_eq!(
            takes(&relay, NATIVE, 1_000_000, gain(9_999_990, 0, true)),
            Err("relay_fee_too_low"),
            "a tenth at most"
        );
        assert_eq!(takes(&relay, USD, 50, gain(500, 0, false)), Ok(()));
        assert_eq!(takes(&relay, USD, 49, gain(500, 0, false)), Err("relay_fee_too_low"));
    }
}
