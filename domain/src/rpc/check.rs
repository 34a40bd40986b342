//! Whether an answer fits the chain, by recomputation: of the header's hash, the transactions' and receipts' roots, the state's proofs.

use alloy_consensus::proofs::{calculate_receipt_root, calculate_transaction_root, calculate_withdrawals_root};
use alloy_consensus::{Header, ReceiptEnvelope, Transaction as _, TrieAccount};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U64, U256, keccak256};
use alloy_rpc_types_eth::{
    Block, BlockTransactions, EIP1186AccountProofResponse, Log, Transaction, TransactionReceipt,
};
use alloy_trie::proof::verify_proof;
use alloy_trie::{EMPTY_ROOT_HASH, Nibbles};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Question;

/// Why an answer isn't right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    #[error("it can't be read: {0}")]
    Unreadable(String),
    #[error("the header's fields hash to {actual}, not to {expected}")]
    Header { expected: B256, actual: B256 },
    #[error("the {0} is not the block's")]
    Field(&'static str),
    #[error("{part} have the root {actual}, the header says {expected}")]
    Root { part: &'static str, expected: B256, actual: B256 },
    #[error("the proof of {0} fails")]
    Proof(String),
    #[error("{actual} logs instead of {expected}, or others")]
    Logs { expected: usize, actual: usize },
    #[error("the call returns something else")]
    Call,
    #[error("a filter that was made elsewhere is known here")]
    Filter,
    #[error("{0} is above the head, {1}")]
    Future(u64, u64),
}

/// A block of the verifier's own node, checked like an answer.
#[derive(Clone, Debug)]
pub struct Anchor {
    pub header: Header,
    pub hash: B256,
    transactions: Vec<Listed>,
    /// Whether bodies can be checked: this program can encode all transactions of the block.
    pub bodies: bool,
    /// What the block's receipts logged, if they can be checked.
    pub receipts: Option<Vec<TransactionReceipt>>,
}

/// A transaction of a block.
#[derive(Clone, Debug)]
struct Listed {
    hash: B256,
    /// `None` where this program can't read the chain's transactions.
    parties: Option<Parties>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parties {
    sender: Address,
    to: Option<Address>,
    /// The contract that is made where `to` is nobody.
    made: Option<Address>,
}

impl Parties {
    fn of(tx: &Transaction) -> Self {
        let (sender, to) = (tx.inner.signer(), tx.to());
        Self { sender, to, made: to.is_none().then(|| sender.create(tx.nonce())) }
    }
}

impl Anchor {
    /// From `eth_getBlockByNumber` with whole transactions and `eth_getBlockReceipts`. What this program can't recompute of an unusual
    /// chain is not asked about.
    pub fn read(block: &Value, receipts: Option<&Value>) -> Result<Self, Wrong> {
        let bare: Block<Value> = parse(block)?;
        let hash = bare.header.hash;
        let header = checked_header(&bare, hash)?;
        let hash_of = |transaction: &Value| {
            let text = transaction.get("hash").unwrap_or(transaction);
            parse::<B256>(text)
        };
        let hashes = listed(&bare).iter().map(hash_of).collect::<Result<Vec<_>, _>>()?;
        let whole = parse::<Block<Transaction>>(block).ok().filter(|whole| checked_bodies(whole, &header).is_ok());
        let transactions = match whole.as_ref().and_then(|whole| whole.transactions.as_transactions()) {
            Some(whole) => {
                let listed = |tx: &Transaction| Listed { hash: *tx.inner.tx_hash(), parties: Some(Parties::of(tx)) };
                whole.iter().map(listed).collect()
            }
            None => hashes.into_iter().map(|hash| Listed { hash, parties: None }).collect(),
        };
        let mut anchor = Self { header, hash, transactions, bodies: whole.is_some(), receipts: None };
        anchor.receipts = receipts.and_then(|receipts| anchor.checked_receipts(receipts).ok());
        Ok(anchor)
    }

    pub fn number(&self) -> u64 {
        self.header.number
    }

    /// Accounts that the block is about: what to ask proofs of.
    pub fn accounts(&self) -> Vec<Address> {
        let logged = self.logs().into_iter().map(|log| log.inner.address);
        let senders = self.transactions.iter().filter_map(|tx| Some(tx.parties?.sender));
        let mut accounts: Vec<_> = logged.chain(senders).chain([self.header.beneficiary]).collect();
        accounts.sort();
        accounts.dedup();
        accounts
    }

    /// All logs of the block, as `eth_getLogs` should tell them.
    pub fn logs(&self) -> Vec<Log> {
        let receipts = self.receipts.iter().flatten();
        receipts.flat_map(|receipt| receipt.logs().iter().cloned().map(comparable)).collect()
    }

    fn check_block(&self, full: bool, answer: &Value) -> Result<(), Wrong> {
        if !full {
            let block: Block<Value> = parse(answer)?;
            checked_header(&block, self.hash)?;
            let hashes = listed(&block).iter().map(parse::<B256>).collect::<Result<Vec<_>, _>>()?;
            let same = hashes.iter().eq(self.transactions.iter().map(|tx| &tx.hash));
            return if same { Ok(()) } else { Err(Wrong::Field("list of transactions")) };
        }
        let block: Block<Transaction> = parse(answer)?;
        let header = checked_header(&block, self.hash)?;
        checked_bodies(&block, &header)?;
        let whole = block.transactions.as_transactions().unwrap_or(&[]);
        let parties = whole.iter().map(|tx| Some(Parties::of(tx)));
        match parties.eq(self.transactions.iter().map(|tx| tx.parties)) {
            true => Ok(()),
            false => Err(Wrong::Field("sender of a transaction")),
        }
    }

    fn checked_receipts(&self, answer: &Value) -> Result<Vec<TransactionReceipt>, Wrong> {
        let receipts: Vec<TransactionReceipt> = parse(answer)?;
        let consensus: Vec<ReceiptEnvelope> =
            receipts.iter().map(|receipt| receipt.clone().into_primitives_receipt().inner).collect();
        let (expected, actual) = (self.header.receipts_root, calculate_receipt_root(&consensus));
        if actual != expected {
            return Err(Wrong::Root { part: "receipts", expected, actual });
        }
        let (mut log_index, mut gas_before) = (0, 0);
        for (index, (receipt, tx)) in (0..).zip(receipts.iter().zip(&self.transactions)) {
            let place = (self.hash, self.number(), tx.hash, index);
            let says =
                (receipt.block_hash, receipt.block_number, Some(receipt.transaction_hash), receipt.transaction_index);
            if says != (Some(place.0), Some(place.1), Some(place.2), Some(place.3)) {
                return Err(Wrong::Field("place of a receipt"));
            }
            let gas_after = receipt.inner.cumulative_gas_used();
            if receipt.gas_used.checked_add(gas_before) != Some(gas_after) {
                return Err(Wrong::Field("gas used by a transaction"));
            }
            gas_before = gas_after;
            let Parties { sender, to, made } =
                tx.parties.unwrap_or(Parties { sender: receipt.from, to: receipt.to, made: receipt.contract_address });
            // Nodes differ in whether a creation that failed has an address.
            let is_made = receipt.contract_address == made || receipt.contract_address.is_none() && !receipt.status();
            if (receipt.from, receipt.to) != (sender, to) || !is_made {
                return Err(Wrong::Field("sender, receiver or contract of a receipt"));
            }
            for log in receipt.logs() {
                let says =
                    (log.block_hash, log.block_number, log.transaction_hash, log.transaction_index, log.log_index);
                let place = (Some(place.0), Some(place.1), Some(place.2), Some(place.3), Some(log_index));
                if says != place || log.removed {
                    return Err(Wrong::Field("place of a log"));
                }
                log_index += 1;
            }
        }
        Ok(receipts)
    }

    fn check_logs(&self, address: Option<Address>, topic: Option<B256>, answer: &Value) -> Result<(), Wrong> {
        let answer: Vec<Log> = parse(answer)?;
        let matches = |log: &Log| {
            address.is_none_or(|address| log.inner.address == address)
                && topic.is_none_or(|topic| log.inner.data.topics().first() == Some(&topic))
        };
        let expected: Vec<Log> = self.logs().into_iter().filter(matches).collect();
        let actual: Vec<Log> = answer.into_iter().map(comparable).collect();
        match actual == expected {
            true => Ok(()),
            false => Err(Wrong::Logs { expected: expected.len(), actual: actual.len() }),
        }
    }
}

/// Whether `answer` is right about the block `anchor`. `own` is the verifier's own node's answer, needed for `Call`. `Head` and `Latest`
/// depend on the time: see `newest`.
pub fn check(question: &Question, anchor: &Anchor, own: Option<&Value>, answer: &Value) -> Result<(), Wrong> {
    match question {
        Question::Head => Ok(()),
        Question::Latest => anchor.check_block(false, answer),
        Question::Block { full, .. } | Question::BlockByHash { full, .. } => anchor.check_block(*full, answer),
        Question::Receipts { .. } => anchor.checked_receipts(answer).map(drop),
        Question::Logs { address, topic, .. } => anchor.check_logs(*address, *topic, answer),
        Question::Proof { account, slots, .. } => check_proof(anchor.header.state_root, *account, slots, answer),
        Question::Call { .. } => {
            let (own, answer): (Bytes, Bytes) = (own.map(parse).transpose()?.unwrap_or_default(), parse(answer)?);
            if own == answer { Ok(()) } else { Err(Wrong::Call) }
        }
        // The right answer is an error.
        Question::Filter { .. } => Err(Wrong::Filter),
    }
}

/// The block number that an answer to `Head` or `Latest` says.
pub fn newest(question: &Question, answer: &Value) -> Result<u64, Wrong> {
    match question {
        Question::Latest => parse::<Block<Value>>(answer).map(|block| block.header.inner.number),
        _ => parse::<U64>(answer).map(|number| number.to()),
    }
}

/// Transactions as they are listed, whole or by hash.
fn listed(block: &Block<Value>) -> Vec<Value> {
    match &block.transactions {
        BlockTransactions::Full(listed) => listed.clone(),
        BlockTransactions::Hashes(hashes) => hashes.iter().map(|hash| Value::String(hash.to_string())).collect(),
        BlockTransactions::Uncle => vec![],
    }
}

fn parse<T: DeserializeOwned>(value: &Value) -> Result<T, Wrong> {
    T::deserialize(value).map_err(|err| Wrong::Unreadable(err.to_string().chars().take(120).collect()))
}

/// The header whose fields, not whose word, hash to `expected`.
fn checked_header<T>(block: &Block<T>, expected: B256) -> Result<Header, Wrong> {
    let header = &block.header.inner;
    let actual = header.hash_slow();
    if actual != expected {
        return Err(Wrong::Header { expected, actual });
    }
    if block.header.hash != expected {
        return Err(Wrong::Field("hash"));
    }
    Ok(header.clone())
}

fn checked_bodies(block: &Block<Transaction>, header: &Header) -> Result<(), Wrong> {
    let none = vec![];
    let transactions = match &block.transactions {
        BlockTransactions::Full(transactions) => transactions,
        // No transactions are as good as no hashes.
        BlockTransactions::Hashes(hashes) if hashes.is_empty() => &none,
        _ => return Err(Wrong::Field("list of whole transactions")),
    };
    let inner: Vec<_> = transactions.iter().map(|tx| tx.inner.inner()).collect();
    let (expected, actual) = (header.transactions_root, calculate_transaction_root(&inner));
    if actual != expected {
        return Err(Wrong::Root { part: "transactions", expected, actual });
    }
    for (index, tx) in (0..).zip(transactions) {
        let says = (tx.block_hash, tx.block_number, tx.transaction_index);
        let place = (Some(block.header.hash), Some(header.number), Some(index));
        if *tx.inner.tx_hash() != keccak256(tx.inner.encoded_2718()) || says != place {
            return Err(Wrong::Field("place or hash of a transaction"));
        }
    }
    if let Some(expected) = header.withdrawals_root {
        let withdrawals = block.withdrawals.as_deref().map_or(&[][..], |withdrawals| withdrawals);
        let actual = calculate_withdrawals_root(withdrawals);
        if actual != expected {
            return Err(Wrong::Root { part: "withdrawals", expected, actual });
        }
    }
    Ok(())
}

/// Without what nodes may leave out.
fn comparable(log: Log) -> Log {
    Log { block_timestamp: None, ..log }
}

fn check_proof(state_root: B256, account: Address, slots: &[B256], answer: &Value) -> Result<(), Wrong> {
    let proof: EIP1186AccountProofResponse = parse(answer)?;
    if proof.address != account {
        return Err(Wrong::Field("address"));
    }
    let value = TrieAccount {
        nonce: proof.nonce,
        balance: proof.balance,
        storage_root: proof.storage_hash,
        code_hash: proof.code_hash,
    };
    let empty_code = [KECCAK256_EMPTY, B256::ZERO].contains(&proof.code_hash);
    let empty_storage = [EMPTY_ROOT_HASH, B256::ZERO].contains(&proof.storage_hash);
    let nothing = proof.nonce == 0 && proof.balance.is_zero() && empty_code && empty_storage;
    let key = Nibbles::unpack(keccak256(account));
    let holds = |value| verify_proof(state_root, key, value, &proof.account_proof).is_ok();
    // An account that is not there, or, where the chain keeps empty ones, is there and empty.
    if !(holds(Some(alloy_rlp::encode(value))) || nothing && holds(None)) {
        return Err(Wrong::Proof(format!("account {account}")));
    }
    if proof.storage_proof.len() != slots.len() {
        return Err(Wrong::Field("number of storage proofs"));
    }
    let storage_root = if proof.storage_hash.is_zero() { EMPTY_ROOT_HASH } else { proof.storage_hash };
    for (slot, storage) in slots.iter().zip(&proof.storage_proof) {
        if storage.key.as_b256() != *slot {
            return Err(Wrong::Field("storage key"));
        }
        let value = (storage.value != U256::ZERO).then(|| alloy_rlp::encode(storage.value));
        if verify_proof(storage_root, Nibbles::unpack(keccak256(slot)), value, &storage.proof).is_err() {
            return Err(Wrong::Proof(format!("slot {slot}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
