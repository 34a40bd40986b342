//! Tokens with EIP-3009 authorizations, as x402 uses them.

use alloy::primitives::{Address, B256, Bytes, Log, U256};
use alloy::sol;
use alloy::sol_types::{Eip712Domain, SolCall, SolEvent};
use piecework_domain::x402::exact::{Asset, Payment};

sol! {
    interface Token {
        function transferWithAuthorization(
            address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s
        ) external;
        function authorizationState(address authorizer, bytes32 nonce) external view returns (bool);
        function name() external view returns (string memory);
        function version() external view returns (string memory);
        function DOMAIN_SEPARATOR() external view returns (bytes32);
        function eip712Domain() external view returns (
            bytes1 fields, string memory name, string memory version, uint256 chainId, address verifyingContract, bytes32 salt,
            uint256[] memory extensions
        );
        event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce);
        event Transfer(address indexed from, address indexed to, uint256 value);
    }

    /// The same with signatures of any length, for smart accounts.
    interface SmartToken {
        function transferWithAuthorization(
            address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes memory signature
        ) external;
    }
}

/// Submits the authorization. The form with `v`, `r`, `s` is what every such token has; the other one takes any signature.
#[allow(non_snake_case)]
pub fn transfer_with_authorization_call(payment: &Payment) -> Bytes {
    let Payment { from, to, value, valid_after, valid_before, nonce, signature } = payment.clone();
    if let [rs @ .., v] = signature.as_ref()
        && let Ok(rs) = <&[u8; 64]>::try_from(rs)
    {
        let (r, s) = (B256::from_slice(&rs[..32]), B256::from_slice(&rs[32..]));
        let (validAfter, validBefore, v) = (valid_after, valid_before, *v);
        let call = Token::transferWithAuthorizationCall { from, to, value, validAfter, validBefore, nonce, v, r, s };
        return call.abi_encode().into();
    }
    let (validAfter, validBefore) = (valid_after, valid_before);
    let call = SmartToken::transferWithAuthorizationCall { from, to, value, validAfter, validBefore, nonce, signature };
    call.abi_encode().into()
}

/// `authorizationState(authorizer, nonce)`.
pub fn authorization_state_call(authorizer: Address, nonce: B256) -> Bytes {
    Token::authorizationStateCall { authorizer, nonce }.abi_encode().into()
}

/// What `authorizationState` answers; `None` for something else than a boolean.
pub fn authorization_state(answer: &[u8]) -> Option<bool> {
    Token::authorizationStateCall::abi_decode_returns_validate(answer).ok()
}

/// Topics of the event that a used authorization leaves: signature, authorizer, nonce.
pub fn authorization_used_topics(authorizer: Address, nonce: B256) -> [B256; 3] {
    [Token::AuthorizationUsed::SIGNATURE_HASH, authorizer.into_word(), nonce]
}

/// Whether `log`, the one right after a used authorization's, is the transfer that it authorised.
pub fn is_transfer_of(log: &Log, token: Address, payment: &Payment) -> bool {
    let is = |transfer: Token::Transfer| {
        (transfer.from, transfer.to, transfer.value) == (payment.from, payment.to, payment.value)
    };
    log.address == token && Token::Transfer::decode_log_data(&log.data).is_ok_and(is)
}

/// What a token is asked for its EIP-712 domain: ERC-5267 first, then what older tokens have.
pub fn domain_calls() -> [Bytes; 4] {
    [
        Token::eip712DomainCall {}.abi_encode().into(),
        Token::nameCall {}.abi_encode().into(),
        Token::versionCall {}.abi_encode().into(),
        Token::DOMAIN_SEPARATORCall {}.abi_encode().into(),
    ]
}

/// The token's domain from what it answered to `domain_calls` (`None` where it reverted). `None` if it has none that payers could sign in:
/// the separator has to be that of name, version, chain and address.
pub fn asset(chain_id: u64, token: Address, answers: [Option<Bytes>; 4]) -> Option<Asset> {
    let [described, name, version, separator] = answers;
    let described = described.and_then(|answer| Token::eip712DomainCall::abi_decode_returns_validate(&answer).ok());
    let text = |answer: Option<Bytes>| Token::nameCall::abi_decode_returns_validate(&answer?).ok();
    let (name, version) = match described {
        Some(domain) => (domain.name, domain.version),
        None => (text(name)?, text(version)?),
    };
    let asset = Asset { chain_id, token, name, version };
    let separator = B256::try_from(separator?.as_ref()).ok()?;
    let domain: Eip712Domain = asset.domain();
    (domain.separator() == separator && asset.name.len() + asset.version.len() <= 200).then_some(asset)
}

/// A word of an answer, such as a balance.
pub fn word(answer: &[u8]) -> Option<U256> {
    <[u8; 32]>::try_from(answer).ok().map(U256::from_be_bytes)
}
