//! Checks what happened to every wallet, to the base unit, against the contracts' events and the wallets' own transactions.

use std::collections::BTreeMap;

use alloy::consensus::Transaction;
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::network::TransactionResponse;
use alloy::primitives::I256;
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::{Filter, TransactionRequest};
use alloy::sol_types::{SolCall, SolEvent};
use anyhow::{Context, Result};
use piecework_contracts::abi::{Escrow, TestUSD};
use piecework_domain::chain::{Engagement, Event};
use piecework_domain::money::NATIVE;
use piecework_domain::{Address, B256, U256};

use super::cast::Parts;

/// Balances by wallet and token at one block.
pub struct Opening {
    block: u64,
    balances: BTreeMap<(Address, Address), U256>,
}

type Ledger = BTreeMap<(Address, Address), I256>;

pub async fn open(parts: &Parts, chain: &DynProvider, wallets: &[(&str, Address)]) -> Result<Opening> {
    let block = chain.get_block_number().await?;
    Ok(Opening { block, balances: balances(parts, chain, wallets, block).await? })
}

/// Lists every wallet whose balance did not change by exactly what the events and its own transactions say.
pub async fn close(
    parts: &Parts,
    chain: &DynProvider,
    opening: Opening,
    wallets: &[(&str, Address)],
) -> Result<Vec<String>> {
    let last = chain.get_block_number().await?;
    let now = balances(parts, chain, wallets, last).await?;
    let mut expected = Ledger::new();
    let deposits = own_transactions(parts, chain, opening.block + 1, last, &mut expected).await?;
    escrow_events(parts, chain, last, opening.block, &deposits, &mut expected).await?;
    token_transfers(parts, chain, opening.block + 1, last, &mut expected).await?;

    let mut differences = Vec::new();
    for (name, wallet) in wallets {
        for token in [NATIVE, parts.test_usd] {
            let key = (*wallet, token);
            let actual = signed(now[&key])? - signed(opening.balances[&key])?;
            let expected = expected.get(&key).copied().unwrap_or(I256::ZERO);
            if actual != expected {
                differences.push(format!("{name} {wallet}, token {token}: expected {expected}, got {actual}"));
            }
        }
    }
    Ok(differences)
}

async fn balances(
    parts: &Parts,
    chain: &DynProvider,
    wallets: &[(&str, Address)],
    block: u64,
) -> Result<BTreeMap<(Address, Address), U256>> {
    let mut all = BTreeMap::new();
    for (_, wallet) in wallets {
        all.insert((*wallet, NATIVE), chain.get_balance(*wallet).number(block).await?);
        let call = TransactionRequest::default()
            .to(parts.test_usd)
            .input(piecework_contracts::balance_of_call(*wallet).into());
        let answer = chain.call(call).block(BlockId::number(block)).await?;
        all.insert((*wallet, parts.test_usd), TestUSD::balanceOfCall::abi_decode_returns(&answer)?);
    }
    Ok(all)
}

/// Gas, and native coin that went along or came back by `withdraw`. Returns the transactions that call `deposit`.
async fn own_transactions(
    parts: &Parts,
    chain: &DynProvider,
    first: u64,
    last: u64,
    ledger: &mut Ledger,
) -> Result<Vec<B256>> {
    let mut deposits = Vec::new();
    for number in first..=last {
        let block = chain.get_block_by_number(BlockNumberOrTag::Number(number)).full().await?;
        for tx in block.context("a block is missing")?.transactions.into_transactions() {
            let receipt = chain.get_transaction_receipt(tx.tx_hash()).await?.context("a receipt is missing")?;
            let gas = U256::from(receipt.gas_used) * U256::from(receipt.effective_gas_price);
            add(ledger, tx.from(), NATIVE, -signed(gas)?);
            if !receipt.status() {
                continue;
            }
            add(ledger, tx.from(), NATIVE, -signed(tx.value())?);
            match tx.to() {
                Some(to) if to != parts.escrow => add(ledger, to, NATIVE, signed(tx.value())?),
                Some(_) => {
                    if tx.input().starts_with(&Escrow::depositCall::SELECTOR) {
                        deposits.push(tx.tx_hash());
                    }
                    if let Ok(withdrawal) = Escrow::withdrawCall::abi_decode(tx.input())
                        && withdrawal.token == NATIVE
                    {
                        add(ledger, withdrawal.to, NATIVE, signed(withdrawal.amount)?);
                    }
                }
                None => {}
            }
        }
    }
    Ok(deposits)
}

/// Native coin that the escrow sent, by its events.
async fn escrow_events(
    parts: &Parts,
    chain: &DynProvider,
    last: u64,
    opened: u64,
    deposits: &[B256],
    ledger: &mut Ledger,
) -> Result<()> {
    let filter = Filter::new().address(parts.escrow).from_block(parts.start_block).to_block(last);
    let mut tokens: BTreeMap<_, (Address, Address)> = BTreeMap::new();
    let mut engagements: BTreeMap<_, Engagement> = BTreeMap::new();
    for log in chain.get_logs(&filter).await? {
        let Some(event) = piecework_contracts::decode(&log)? else {
            continue;
        };
        if let Event::Posted { bounty, terms } = &event {
            tokens.insert(*bounty, (terms.token, terms.poster));
        }
        if let Event::Engaged { engagement, .. } = &event {
            let state = Engagement::apply(None, &event)?.context("an engagement begins")?;
            engagements.insert(*engagement, state);
        }
        if log.block_number.is_some_and(|number| number <= opened) {
            continue;
        }
        let of = |id| {
            let engagement = engagements.get(id).context("an unknown engagement")?;
            let (token, poster) = tokens.get(&engagement.bounty).context("an unknown bounty")?;
            anyhow::Ok((engagement.bid.runner, *token, *poster))
        };
        let mut pay = |to: Address, token: Address, amount: U256| -> Result<()> {
            if token == NATIVE {
                add(ledger, to, NATIVE, signed(amount)?);
            }
            Ok(())
        };
        match &event {
            Event::Redeemed { engagement, payee, submitter, amount, relay_fee, .. } => {
                let (_, token, _) = of(engagement)?;
                pay(*payee, token, amount.0)?;
                pay(*submitter, token, relay_fee.0)?;
            }
            Event::Faulted { engagement, penalty, .. } => {
                let (_, token, poster) = of(engagement)?;
                pay(poster, token, penalty.0)?;
            }
            Event::Reclaimed { engagement, reserve, bond } => {
                let (runner, token, poster) = of(engagement)?;
                pay(poster, token, reserve.0)?;
                pay(runner, token, bond.0)?;
            }
            Event::EscrowReclaimed { bounty, poster, amount } => {
                let (token, _) = tokens.get(bounty).context("an unknown bounty")?;
                pay(*poster, *token, amount.0)?;
            }
            Event::DepositReturned { poster, token, amount, .. } => pay(*poster, *token, amount.0)?,
            // A push that was refused stayed in the contract; a deposit came along with its transaction.
            Event::Credited { account, token, amount, .. }
                if *token == NATIVE && !deposits.contains(&log.transaction_hash.unwrap_or_default()) =>
            {
                add(ledger, *account, NATIVE, -signed(amount.0)?);
            }
            _ => {}
        }
    }
    Ok(())
}

/// TestUSD by its own events.
async fn token_transfers(parts: &Parts, chain: &DynProvider, first: u64, last: u64, ledger: &mut Ledger) -> Result<()> {
    let filter = Filter::new()
        .address(parts.test_usd)
        .event_signature(TestUSD::Transfer::SIGNATURE_HASH)
        .from_block(first)
        .to_block(last);
    for log in chain.get_logs(&filter).await? {
        let transfer = TestUSD::Transfer::decode_log(&log.inner)?;
        add(ledger, transfer.from, parts.test_usd, -signed(transfer.value)?);
        add(ledger, transfer.to, parts.test_usd, signed(transfer.value)?);
    }
    Ok(())
}

fn add(ledger: &mut Ledger, wallet: Address, token: Address, amount: I256) {
    let sum = ledger.entry((wallet, token)).or_insert(I256::ZERO);
    *sum += amount;
}

fn signed(amount: U256) -> Result<I256> {
    I256::try_from(amount).context("an amount above 2^255")
}
