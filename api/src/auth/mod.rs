//! Who asks: Sign-In with Ethereum, and the sessions it begins. What a signature in a body proves needs none of it.

mod keys;
mod session;
mod siwe;

use std::collections::HashSet;

pub use keys::{Keys, NoKeys};
pub use session::{Scope, Signed};
pub use siwe::{check, verify};

/// Where accounts sign in, and with what tokens are signed.
#[derive(Debug)]
pub struct Auth {
    /// This API's URL as others reach it, without a slash at its end: issuer and audience of its tokens.
    pub url: String,
    /// Hosts (`host` or `host:port`) whose pages may ask people to sign in here.
    pub domains: HashSet<String>,
    pub keys: Keys,
}
