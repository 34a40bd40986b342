//! The keys that sign access tokens: Ed25519. They sign nothing else, and no money depends on them.

use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// PKCS#8 of an Ed25519 key (RFC 8410): this, then its 32 bytes.
const PKCS8: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
const PEM_TAG: &str = "PRIVATE KEY";
/// As RFC 9068 wants it: an access token is nothing else.
const TOKEN_TYPE: &str = "at+jwt";

/// The first signs, all are believed: put a new one first, and take the last one out once its tokens have run out.
pub struct Keys {
    signs: EncodingKey,
    kid: String,
    believed: Vec<(String, DecodingKey)>,
    pub set: JwkSet,
}

#[derive(Debug, thiserror::Error)]
pub enum NoKeys {
    #[error("there is no Ed25519 private key (PKCS#8 in PEM, as `openssl genpkey -algorithm ed25519` writes it)")]
    None,
    #[error("it is not PEM")]
    Pem,
    #[error("key {0} is not Ed25519 in PKCS#8")]
    NotEd25519(usize),
    #[error("tokens can't be signed")]
    Jwt(#[from] jsonwebtoken::errors::Error),
}

impl Keys {
    /// From PEM. Errors quote nothing of it.
    pub fn read(text: &str) -> Result<Self, NoKeys> {
        let blocks = pem::parse_many(text).map_err(|_| NoKeys::Pem)?;
        let mut keys = Vec::new();
        for (at, block) in blocks.iter().filter(|block| block.tag() == PEM_TAG).enumerate() {
            let der = block.contents();
            if der.len() != PKCS8.len() + 32 || !der.starts_with(&PKCS8) {
                return Err(NoKeys::NotEd25519(at + 1));
            }
            let key = EncodingKey::from_ed_der(der);
            let mut jwk = Jwk::from_encoding_key(&key, Algorithm::EdDSA)?;
            let kid = jwk.thumbprint(ThumbprintHash::SHA256)?;
            jwk.common.key_id = Some(kid.clone());
            jwk.common.public_key_use = Some(PublicKeyUse::Signature);
            keys.push((key, kid, jwk));
        }
        let believed = keys.iter().map(|(_, kid, jwk)| Ok((kid.clone(), DecodingKey::from_jwk(jwk)?)));
        let believed = believed.collect::<Result<Vec<_>, NoKeys>>()?;
        let set = JwkSet { keys: keys.iter().map(|(.., jwk)| jwk.clone()).collect() };
        let (signs, kid, _) = keys.into_iter().next().ok_or(NoKeys::None)?;
        Ok(Self { signs, kid, believed, set })
    }

    /// A new key in PEM.
    pub fn generate() -> String {
        let mut der = PKCS8.to_vec();
        der.extend_from_slice(&rand::random::<[u8; 32]>());
        pem::encode(&pem::Pem::new(PEM_TAG, der))
    }

    pub fn sign(&self, claims: &impl Serialize) -> Result<String, jsonwebtoken::errors::Error> {
        let header =
            Header { typ: Some(TOKEN_TYPE.to_owned()), kid: Some(self.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, claims, &self.signs)
    }

    /// What an access token of `issuer` says, if it is good now.
    pub fn verify<T: DeserializeOwned>(&self, token: &str, issuer: &str) -> Result<T, jsonwebtoken::errors::Error> {
        let bad = || jsonwebtoken::errors::Error::from(jsonwebtoken::errors::ErrorKind::InvalidToken);
        let header = jsonwebtoken::decode_header(token)?;
        if header.typ.as_deref() != Some(TOKEN_TYPE) {
            return Err(bad());
        }
        let (_, key) = self.believed.iter().find(|(kid, _)| Some(kid) == header.kid.as_ref()).ok_or_else(bad)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.leeway = 0;
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        Ok(jsonwebtoken::decode(token, key, &validation)?.claims)
    }
}

/// Never what signs.
impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("kid", &self.kid).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::jwk::AlgorithmParameters;
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://api.example";

    fn claims(exp: u64) -> Value {
        json!({ "iss": ISSUER, "aud": ISSUER, "sub": "me", "exp": exp })
    }

    #[test]
    fn a_key_rotated_out_is_believed_until_it_is_gone() {
        let (old, new) = (Keys::generate(), Keys::generate());
        let before = Keys::read(&old).unwrap();
        let token = before.sign(&claims(u64::MAX / 2)).unwrap();
        assert_eq!(before.verify::<Value>(&token, ISSUER).unwrap()["sub"], "me");
        let both = Keys::read(&format!("{new}\n{old}")).unwrap();
        both.verify::<Value>(&token, ISSUER).unwrap();
        assert_eq!(both.set.keys.len(), 2);
        let newer = both.sign(&claims(u64::MAX / 2)).unwrap();
        before.verify::<Value>(&newer, ISSUER).unwrap_err();
        let after = Keys::read(&new).unwrap();
        after.verify::<Value>(&newer, ISSUER).unwrap();
        after.verify::<Value>(&token, ISSUER).unwrap_err();
    }

    #[test]
    fn a_token_of_another_kind_time_or_place_is_refused() {
        let keys = Keys::read(&Keys::generate()).unwrap();
        let good = keys.sign(&claims(u64::MAX / 2)).unwrap();
        keys.verify::<Value>(&good, "https://other.example").unwrap_err();
        keys.verify::<Value>(&keys.sign(&claims(1)).unwrap(), ISSUER).unwrap_err();
        keys.verify::<Value>(&keys.sign(&json!({ "sub": "me", "exp": u64::MAX / 2 })).unwrap(), ISSUER).unwrap_err();
        // The same claims signed by nobody, by a public key taken for a secret, or as another type of token.
        let mut parts: Vec<_> = good.split('.').map(str::to_owned).collect();
        parts[2].clear();
        keys.verify::<Value>(&parts.join("."), ISSUER).unwrap_err();
        let AlgorithmParameters::OctetKeyPair(public) = &keys.set.keys[0].algorithm else { panic!("is Ed25519") };
        for (algorithm, typ) in [(Algorithm::HS256, TOKEN_TYPE), (Algorithm::HS256, "JWT")] {
            let header = Header { typ: Some(typ.to_owned()), kid: Some(keys.kid.clone()), ..Header::new(algorithm) };
            let secret = EncodingKey::from_secret(public.x.as_bytes());
            let forged = jsonwebtoken::encode(&header, &claims(u64::MAX / 2), &secret).unwrap();
            keys.verify::<Value>(&forged, ISSUER).unwrap_err();
        }
        let header = Header { kid: Some(keys.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        let other = jsonwebtoken::encode(&header, &claims(u64::MAX / 2), &keys.signs).unwrap();
        keys.verify::<Value>(&other, ISSUER).unwrap_err();
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_quoted() {
        assert!(matches!(Keys::read(""), Err(NoKeys::None)));
        assert!(matches!(Keys::read("-----BEGIN PRIVATE KEY-----\n%\n-----END PRIVATE KEY-----"), Err(NoKeys::Pem)));
        let short = pem::encode(&pem::Pem::new(PEM_TAG, vec![1; 48]));
        assert!(matches!(Keys::read(&short), Err(NoKeys::NotEd25519(1))));
        let keys = Keys::read(&Keys::generate()).unwrap();
        assert_eq!(format!("{keys:?}"), format!("Keys {{ kid: {:?}, .. }}", keys.kid));
        let public = serde_json::to_value(&keys.set).unwrap();
        assert!(public["keys"][0].get("d").is_none() && public["keys"][0]["kid"] == json!(keys.kid), "{public}");
    }
}
