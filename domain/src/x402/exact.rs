//! The scheme `exact` on EVM chains: an EIP-3009 authorization that anyone may submit.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{Eip712Domain, SolStruct, SolValue, eip712_domain, sol};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{PaymentPayload, PaymentRequirements, Reason, VERSION, network};
use crate::money::Amount;
use crate::signature;
use crate::time::Timestamp;

pub const SCHEME: &str = "exact";
/// A settlement that could come too late is not begun: two blocks of the slowest chains, and some.
const SETTLE_SECONDS: u64 = 30;
/// Bytes of a smart account's signature.
const SIGNATURE_BYTES_MAX: usize = 4_096;

sol! {
    struct TransferWithAuthorization {
        address from;
        address to;
        uint256 value;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }
}

/// A token with EIP-3009, and the EIP-712 domain it checks signatures in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    pub chain_id: u64,
    pub token: Address,
    pub name: String,
    pub version: String,
}

impl Asset {
    pub fn domain(&self) -> Eip712Domain {
        eip712_domain! {
            name: self.name.clone(),
            version: self.version.clone(),
            chain_id: self.chain_id,
            verifying_contract: self.token,
        }
    }

    /// What a payer accepts in order to pay `amount` to `pay_to`.
    pub fn requirements(&self, amount: Amount, pay_to: Address, max_timeout_seconds: u64) -> PaymentRequirements {
        PaymentRequirements {
            scheme: SCHEME.to_owned(),
            network: network(self.chain_id),
            amount: amount.to_string(),
            asset: self.token.to_string(),
            pay_to: pay_to.to_string(),
            max_timeout_seconds,
            extra: Some(json!({ "name": self.name, "version": self.version })),
        }
    }
}

/// Who can have signed, as far as the signature itself tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    /// The payer's own key.
    Key,
    /// A smart account may accept it: only the token can tell.
    Account,
}

/// An authorization with its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    pub from: Address,
    pub to: Address,
    pub value: U256,
    pub valid_after: U256,
    pub valid_before: U256,
    pub nonce: B256,
    pub signature: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    signature: Bytes,
    authorization: WireAuthorization,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireAuthorization {
    from: Address,
    to: Address,
    value: Amount,
    valid_after: Amount,
    valid_before: Amount,
    nonce: B256,
}

impl Payment {
    /// Reads an exact payload as clients write it: decimal strings, a 32-byte nonce.
    pub fn read(payload: &Value) -> Result<Self, Reason> {
        let Wire { signature, authorization: a } = Wire::deserialize(payload).map_err(|_| Reason::Payload)?;
        if signature.len() > SIGNATURE_BYTES_MAX {
            return Err(Reason::Payload);
        }
        let (value, valid_after, valid_before) = (a.value.0, a.valid_after.0, a.valid_before.0);
        Ok(Self { from: a.from, to: a.to, value, valid_after, valid_before, nonce: a.nonce, signature })
    }

    pub fn digest(&self, asset: &Asset) -> B256 {
        TransferWithAuthorization {
            from: self.from,
            to: self.to,
            value: self.value,
            validAfter: self.valid_after,
            validBefore: self.valid_before,
            nonce: self.nonce,
        }
        .eip712_signing_hash(&asset.domain())
    }

    /// What can be used once: a token's nonce of a payer.
    pub fn id(&self, asset: &Asset) -> B256 {
        keccak256((U256::from(asset.chain_id), asset.token, self.from, self.nonce).abi_encode())
    }

    /// Whether it may run out before it is mined, if it is sent at `now`.
    pub fn is_late(&self, now: Timestamp) -> bool {
        self.valid_before <= U256::from(now.plus(SETTLE_SECONDS).0)
    }

    /// Whether it pays what is `required` and could be settled at `now`, and whose signature it has. What only the chain knows (funds, a
    /// used nonce) is not looked at.
    pub fn check(&self, asset: &Asset, required: &PaymentRequirements, now: Timestamp) -> Result<Signer, Reason> {
        if !required.pay_to.eq_ignore_ascii_case(&self.to.to_string()) {
            return Err(Reason::Recipient);
        }
        if self.value.to_string() != required.amount {
            return Err(Reason::Value);
        }
        if U256::from(now.0) <= self.valid_after {
            return Err(Reason::ValidAfter);
        }
        if self.is_late(now) {
            return Err(Reason::ValidBefore);
        }
        match signature::verify(self.from, self.digest(asset), &self.signature) {
            Ok(()) => Ok(Signer::Key),
            // A malleable signature is never a key's and would be refused by the token.
            Err(signature::BadSignature::HighS) => Err(Reason::Signature),
            Err(_) if self.signature.is_empty() => Err(Reason::Signature),
            Err(_) => Ok(Signer::Account),
        }
    }
}

/// The payment in `payload`, if it answers what is `required`.
pub fn read(payload: &PaymentPayload, required: &PaymentRequirements) -> Result<Payment, Reason> {
    if payload.version != VERSION {
        return Err(Reason::Version);
    }
    if payload.accepted.scheme != SCHEME || required.scheme != SCHEME {
        return Err(Reason::Scheme);
    }
    if payload.accepted.network != required.network {
        return Err(Reason::Network);
    }
    if !payload.accepted.same(required) {
        return Err(Reason::Requirements);
    }
    Payment::read(&payload.payload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{START, address, sign};

    fn asset() -> Asset {
        Asset { chain_id: 31_337, token: address(7), name: "Test USD".into(), version: "1".into() }
    }

    fn required() -> PaymentRequirements {
        asset().requirements(500.into(), address(8), 60)
    }

    fn payment() -> Payment {
        let mut payment = Payment {
            from: address(1),
            to: address(8),
            value: U256::from(500),
            valid_after: U256::ZERO,
            valid_before: U256::from(START.0 + 60),
            nonce: B256::repeat_byte(3),
            signature: Bytes::new(),
        };
        payment.signature = sign(1, payment.digest(&asset()));
        payment
    }

    fn resigned(change: impl FnOnce(&mut Payment)) -> Payment {
        let mut payment = payment();
        change(&mut payment);
        payment.signature = sign(1, payment.digest(&asset()));
        payment
    }

    fn check(payment: &Payment) -> Result<Signer, Reason> {
        payment.check(&asset(), &required(), START)
    }

    #[test]
    fn a_payment_pays_exactly_what_is_required_in_its_time() {
        assert_eq!(check(&payment()), Ok(Signer::Key));
        assert_eq!(check(&resigned(|p| p.to = address(9))), Err(Reason::Recipient));
        assert_eq!(check(&resigned(|p| p.value = U256::from(501))), Err(Reason::Value));
        assert_eq!(check(&resigned(|p| p.value = U256::from(499))), Err(Reason::Value));
        assert_eq!(check(&resigned(|p| p.valid_after = U256::from(START.0))), Err(Reason::ValidAfter));
        assert_eq!(check(&resigned(|p| p.valid_after = U256::from(START.0 - 1))), Ok(Signer::Key));
        assert_eq!(check(&resigned(|p| p.valid_before = U256::from(START.0 + 30))), Err(Reason::ValidBefore));
        assert_eq!(check(&resigned(|p| p.valid_before = U256::from(START.0 + 31))), Ok(Signer::Key));
        assert_eq!(check(&resigned(|p| p.valid_before = U256::MAX)), Ok(Signer::Key));
    }

    #[test]
    fn only_the_payers_own_key_is_known_without_the_chain() {
        let mut other = payment();
        other.signature = sign(2, other.digest(&asset()));
        assert_eq!(check(&other), Ok(Signer::Account));
        other.signature = Bytes::new();
        assert_eq!(check(&other), Err(Reason::Signature));
    }

    #[test]
    fn payloads_are_read_as_clients_write_them() {
        let p = payment();
        let wire = json!({ "signature": p.signature, "authorization": {
            "from": p.from, "to": p.to.to_string().to_lowercase(), "value": "500", "validAfter": "0",
            "validBefore": p.valid_before.to_string(), "nonce": p.nonce } });
        assert_eq!(Payment::read(&wire), Ok(p));
        for (field, bad) in
            [("value", json!(500)), ("nonce", json!("0x12")), ("from", json!("me")), ("validAfter", json!("-1"))]
        {
            let mut spoilt = wire.clone();
            spoilt["authorization"][field] = bad;
            assert_eq!(Payment::read(&spoilt), Err(Reason::Payload), "{field}");
        }
    }

    #[test]
    fn another_nonce_payer_or_token_is_another_payment() {
        let id = payment().id(&asset());
        assert_eq!(resigned(|p| p.value = U256::from(9)).id(&asset()), id);
        assert_ne!(resigned(|p| p.nonce = B256::ZERO).id(&asset()), id);
        assert_ne!(resigned(|p| p.from = address(2)).id(&asset()), id);
        assert_ne!(payment().id(&Asset { token: address(6), ..asset() }), id);
    }

    #[test]
    fn what_was_accepted_must_be_what_is_required() {
        let p = payment();
        let payload = |accepted| PaymentPayload {
            version: VERSION,
            resource: None,
            accepted,
            payload: json!({ "signature": p.signature, "authorization": {
                "from": p.from, "to": p.to, "value": "500", "validAfter": "0",
                "validBefore": p.valid_before.to_string(), "nonce": p.nonce } }),
            extensions: None,
        };
        assert_eq!(read(&payload(required()), &required()), Ok(p.clone()));
        let with = |change: fn(&mut PaymentRequirements)| {
            let mut accepted = required();
            change(&mut accepted);
            read(&payload(accepted), &required())
        };
        assert_eq!(with(|r| r.network = "eip155:1".into()), Err(Reason::Network));
        assert_eq!(with(|r| r.scheme = "upto".into()), Err(Reason::Scheme));
        assert_eq!(with(|r| r.amount = "1".into()), Err(Reason::Requirements));
        assert_eq!(read(&PaymentPayload { version: 1, ..payload(required()) }, &required()), Err(Reason::Version));
    }
}
