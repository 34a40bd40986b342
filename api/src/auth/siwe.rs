//! Messages of Sign-In with Ethereum (ERC-4361), and whose signature they have.

use piecework_domain::time::Timestamp;
use piecework_domain::{Address, B256, Bytes, signature};
use signinwithethereum::Message;
use time::OffsetDateTime;

use super::{Auth, Scope};
use crate::state::AppState;
use crate::{Error, Result, clock};

/// A message's age at most: nonces don't live longer.
const AGE_MAX: u64 = 600;
const MESSAGE_CHARS_MAX: usize = 4_096;
/// Before a resource that names a scope.
const SCOPE_URN: &str = "urn:piecework:scope:";
/// At the end of a signature of an account that is not deployed yet (ERC-6492).
const NOT_DEPLOYED: [u8; 32] = [
    0x64, 0x92, 0x64, 0x92, 0x64, 0x92, 0x64, 0x92, 0x64, 0x92, 0x64, 0x92, 0x64, 0x92, 0x64, 0x92, 0x64, 0x92, 0x64,
    0x92, 0x64, 0x92, 0x64, 0x92, 0x64, 0x92, 0x64, 0x92, 0x64, 0x92, 0x64, 0x92,
];

/// A message that is meant for this API now, and signed.
#[derive(Debug, PartialEq, Eq)]
pub struct Checked {
    pub account: Address,
    /// The message as it was sent is what was signed.
    digest: B256,
    pub nonce: String,
    pub scopes: Vec<Scope>,
    /// When the person wants the session to end, if ever.
    pub until: Option<OffsetDateTime>,
}

/// Reads and checks everything but the nonce and the signature. 422 `invalid_message`, `wrong_domain`, `wrong_chain`, `message_expired`,
/// `unknown_scope`.
pub fn check(state: &AppState, text: &str) -> Result<Checked> {
    meant(&state.auth, state.chain.id, text, clock::now())
}

fn read(text: &str) -> Result<Message> {
    let invalid =
        |why: String| Error::rule("invalid_message", format!("not a message of Sign-In with Ethereum: {why}"));
    if text.len() > MESSAGE_CHARS_MAX {
        return Err(invalid(format!("longer than {MESSAGE_CHARS_MAX} bytes")));
    }
    let message: Message = text.parse().map_err(|err| invalid(format!("{err}")))?;
    // Two texts for one message would be two things that people signed.
    if message.to_string() != text {
        return Err(invalid("not written as the standard writes it".to_owned()));
    }
    Ok(message)
}

fn meant(auth: &Auth, chain_id: u64, text: &str, now: Timestamp) -> Result<Checked> {
    let message = &read(text)?;
    let domain = message.domain.as_str();
    let uri = message.uri.authority_str();
    let scheme = message.scheme.as_deref().is_none_or(|scheme| scheme == message.uri.scheme_str());
    if !auth.domains.contains(domain) || uri != Some(domain) || !scheme {
        let mut known: Vec<_> = auth.domains.iter().map(String::as_str).collect();
        known.sort_unstable();
        let detail = format!(
            "its domain is `{domain}` and its URI `{}`: sign in with the domain, and a URI, of {}",
            message.uri,
            known.join(" or ")
        );
        return Err(Error::rule("wrong_domain", detail));
    }
    if message.chain_id != chain_id {
        return Err(Error::rule("wrong_chain", format!("its chain is {}, this is {chain_id}", message.chain_id)));
    }
    let at = |seconds: u64| i64::try_from(seconds).ok().and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok());
    let (earliest, latest) = (at(now.0.saturating_sub(AGE_MAX)), at(now.0 + clock::SKEW_SECONDS));
    let issued = *message.issued_at.as_ref();
    let is_fresh = earliest.is_some_and(|earliest| earliest <= issued) && latest.is_some_and(|latest| issued <= latest);
    if !is_fresh || !at(now.0).is_some_and(|now| message.valid_at(&now)) {
        return Err(Error::rule(
            "message_expired",
            "its times say that it is not valid now: ask for a nonce and sign anew",
        ));
    }
    Ok(Checked {
        account: Address::from(message.address),
        digest: signature::personal_digest(text.as_bytes()),
        nonce: message.nonce.clone(),
        scopes: scopes(message)?,
        until: message.expiration_time.as_ref().map(|time| *time.as_ref()),
    })
}

/// What the resources name; everything where they name no scope.
fn scopes(message: &Message) -> Result<Vec<Scope>> {
    let named = message.resources.iter().filter_map(|resource| resource.as_str().strip_prefix(SCOPE_URN));
    let mut scopes = Vec::new();
    for name in named {
        let scope = Scope::of_name(name).ok_or_else(|| {
            let known = Scope::ALL.map(Scope::name).join(", ");
            Error::rule("unknown_scope", format!("there is no scope `{name}`; there are {known}"))
        })?;
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    Ok(if scopes.is_empty() { Scope::ALL.to_vec() } else { scopes })
}

/// The key's signature, or what the account's code says (ERC-1271). 422 `account_not_deployed`, `bad_signature`.
pub async fn verify(state: &AppState, checked: &Checked, bytes: &Bytes) -> Result<()> {
    let &Checked { account, digest, .. } = checked;
    if bytes.ends_with(&NOT_DEPLOYED) {
        let detail = "the account is not deployed yet (ERC-6492): deploy it first, nothing is called on its behalf";
        return Err(Error::rule("account_not_deployed", detail));
    }
    let Err(by_key) = signature::verify(account, digest, bytes) else { return Ok(()) };
    match &state.tokens {
        Some(tokens) if tokens.approves(account, digest, bytes).await? => Ok(()),
        _ => Err(Error::signature("account", &by_key)),
    }
}
