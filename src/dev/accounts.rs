//! anvil's development accounts and the roles they play. Their keys are public knowledge.

use alloy::signers::local::PrivateKeySigner;
use piecework_domain::Address;

/// A funded development account.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    pub role: &'static str,
    pub key: &'static str,
}

impl Account {
    /// The account's signer. The keys below all parse; a test says so.
    pub fn signer(&self) -> PrivateKeySigner {
        self.key.parse().unwrap_or_else(|_| unreachable!("development keys are valid"))
    }

    pub fn address(&self) -> Address {
        self.signer().address()
    }
}

pub const ALL: [Account; 10] = [
    Account { role: "operator", key: "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80" },
    Account { role: "poster", key: "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d" },
    Account { role: "runner1", key: "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a" },
    Account { role: "runner2", key: "0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6" },
    Account { role: "node1", key: "0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a" },
    Account { role: "node2", key: "0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba" },
    Account { role: "verifier1", key: "0x92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e" },
    Account { role: "verifier2", key: "0x4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356" },
    Account { role: "verifier3", key: "0xdbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97" },
    Account { role: "payee1", key: "0x2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6" },
];

/// The account that plays `role`.
pub fn account(role: &str) -> Account {
    ALL.into_iter().find(|account| account.role == role).unwrap_or_else(|| unreachable!("no development role {role}"))
}
