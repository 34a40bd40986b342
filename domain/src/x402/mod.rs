//! x402 v2 over HTTP: what travels between payers, resources and facilitators (shared/STANDARDS, "x402 v2 over HTTP").

pub mod exact;
pub mod header;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::money::Amount;

pub const VERSION: u64 = 2;
/// The extension by which payers name their payments.
pub const PAYMENT_IDENTIFIER: &str = "payment-identifier";

/// CAIP-2.
pub fn network(chain_id: u64) -> String {
    format!("eip155:{chain_id}")
}

/// What has to be paid, with 402 in the header `PAYMENT-REQUIRED`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentRequired {
    #[serde(rename = "x402Version")]
    pub version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    pub resource: Resource,
    pub accepts: Vec<PaymentRequirements>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extensions: Option<Value>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    pub url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
}

/// One way to pay. Addresses are compared without regard to case: networks spell them differently.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentRequirements {
    pub scheme: String,
    /// CAIP-2, such as `eip155:8453`.
    pub network: String,
    pub amount: String,
    pub asset: String,
    pub pay_to: String,
    pub max_timeout_seconds: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub extra: Option<Value>,
}

impl PaymentRequirements {
    /// Whether both ask for the same payment.
    pub fn same(&self, other: &Self) -> bool {
        self.scheme == other.scheme
            && self.network == other.network
            && self.amount == other.amount
            && self.asset.eq_ignore_ascii_case(&other.asset)
            && self.pay_to.eq_ignore_ascii_case(&other.pay_to)
    }
}

/// A payment, in the header `PAYMENT-SIGNATURE`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentPayload {
    #[serde(rename = "x402Version")]
    pub version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub resource: Option<Value>,
    pub accepted: PaymentRequirements,
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub payload: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub extensions: Option<Value>,
}

impl PaymentPayload {
    /// The payer's name for this payment. An error for one that is no name: 16 to 128 letters, digits, `_` or `-`.
    pub fn identifier(&self) -> Result<Option<&str>, NotAnIdentifier> {
        let Some(id) = self.extensions.as_ref().and_then(|all| all[PAYMENT_IDENTIFIER]["info"].get("id")) else {
            return Ok(None);
        };
        let id = id.as_str().ok_or(NotAnIdentifier)?;
        let is_name = id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if is_name && (16..=128).contains(&id.len()) { Ok(Some(id)) } else { Err(NotAnIdentifier) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a payment identifier is 16 to 128 letters, digits, `_` or `-`")]
pub struct NotAnIdentifier;

/// What became of a payment, in the header `PAYMENT-RESPONSE`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SettlementResponse {
    pub success: bool,
    /// Empty where there is none.
    pub transaction: String,
    pub network: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
}

/// Why a payment is refused. The codes are x402's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("this is not x402 version 2")]
    Version,
    #[error("only the scheme `exact` is supported")]
    Scheme,
    #[error("the payment is for another network")]
    Network,
    #[error("what was accepted is not what is required")]
    Requirements,
    #[error("the payload is not an EIP-3009 authorization with its signature")]
    Payload,
    #[error("the authorization's signature is not its payer's")]
    Signature,
    #[error("the authorization is for another amount")]
    Value,
    #[error("the authorization pays another address")]
    Recipient,
    #[error("the authorization is not valid yet")]
    ValidAfter,
    #[error("the authorization runs out before it can be settled")]
    ValidBefore,
    #[error("the payer holds less than the amount")]
    Funds,
    #[error("the authorization was used or canceled, or the token refuses it")]
    State,
    #[error("settlement is under way: ask again")]
    Pending,
}

impl Reason {
    pub const ALL: [Self; 13] = [
        Self::Version,
        Self::Scheme,
        Self::Network,
        Self::Requirements,
        Self::Payload,
        Self::Signature,
        Self::Value,
        Self::Recipient,
        Self::ValidAfter,
        Self::ValidBefore,
        Self::Funds,
        Self::State,
        Self::Pending,
    ];

    pub fn code(self) -> &'static str {
        match self {
            Self::Version => "invalid_x402_version",
            Self::Scheme => "unsupported_scheme",
            Self::Network => "invalid_network",
            Self::Requirements => "invalid_payment_requirements",
            Self::Payload => "invalid_payload",
            Self::Signature => "invalid_exact_evm_payload_signature",
            Self::Value => "invalid_exact_evm_payload_authorization_value_mismatch",
            Self::Recipient => "invalid_exact_evm_payload_recipient_mismatch",
            Self::ValidAfter => "invalid_exact_evm_payload_authorization_valid_after",
            Self::ValidBefore => "invalid_exact_evm_payload_authorization_valid_before",
            Self::Funds => "insufficient_funds",
            Self::State => "invalid_transaction_state",
            Self::Pending => "settlement_pending",
        }
    }

    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn payload(extensions: Value) -> PaymentPayload {
        serde_json::from_value(json!({
            "x402Version": 2, "payload": {}, "extensions": extensions,
            "accepted": { "scheme": "exact", "network": "eip155:1", "amount": "1", "asset": "0xAb", "payTo": "0xcD",
                          "maxTimeoutSeconds": 60 },
        }))
        .expect("is a payload")
    }

    #[test]
    fn payments_can_be_named() {
        let named = |id: Value| payload(json!({ "payment-identifier": { "info": { "required": false, "id": id } } }));
        assert_eq!(payload(json!({})).identifier(), Ok(None));
        assert_eq!(named(json!("pay_0123456789abcdef")).identifier(), Ok(Some("pay_0123456789abcdef")));
        for bad in [json!("short"), json!(7), json!("x".repeat(129)), json!("pay 0123456789abcdef")] {
            assert_eq!(named(bad.clone()).identifier(), Err(NotAnIdentifier), "{bad}");
        }
    }

    #[test]
    fn requirements_are_the_same_whatever_the_case_of_addresses() {
        let accepted = payload(json!({})).accepted;
        let other = PaymentRequirements { asset: "0xaB".into(), pay_to: "0xCD".into(), ..accepted.clone() };
        assert!(accepted.same(&other));
        assert!(!accepted.same(&PaymentRequirements { amount: "2".into(), ..accepted.clone() }));
    }

    #[test]
    fn every_reason_has_a_code_of_its_own() {
        for reason in Reason::ALL {
            assert_eq!(Reason::of_code(reason.code()), Some(reason));
        }
    }
}
