// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IBalances} from "./IBalances.sol";
import {ICourt} from "./ICourt.sol";
import {IMarket} from "./IMarket.sol";
import {ISettlement} from "./ISettlement.sol";

/// @title Piecework escrow
/// @notice Holds posters' money and runners' bonds, and moves them only by the rules below. No owner, no upgrade, no pause.
/// @dev One account with three parts of code, because a chain takes 24,576 bytes at once: see docs/adr/0005.
///
/// Powers (what each caller can move):
///  - anyone: fund, sweep a deposit address into its bounty, submit awards and vouchers, settle, end and reclaim after time,
///    prove that a node equivocated;
///  - poster: post, award by signature, extend, dispute units, give notice, reclaim unreserved escrow;
///  - runner: claim, bid by signature, assert units, dispute faults, give notice, withdraw free balance;
///  - a verifier: dispute asserted units, claim its fee;
///  - `threshold` verifiers of the set together: raise proven units (reserve → payee) and faults (bond → poster);
///  - arbiter: decide what is disputed, between what is claimed and what nobody contests.
///
/// Token assumptions: `transfer` and `transferFrom` move exactly the stated amount and return true or nothing when they do;
/// balances change by transfers only.
/// Incoming transfers that move another amount revert. Native coin is `address(0)`.
interface IEscrow is IBalances, IMarket, ISettlement, ICourt {}
