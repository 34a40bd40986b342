// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {PackedVerdict} from "../libraries/Packing.sol";

// ---------------------------------------------------------------------------------------------------------------
// What travels in calldata. Only hashes of these are stored (DESIGN §3).
// ---------------------------------------------------------------------------------------------------------------

/// @notice The immutable offer. `bounty = keccak256(abi.encode(block.chainid, escrow, terms))`.
/// @dev All amounts are base units of `token`; all times are seconds.
struct Terms {
    address poster; // funds the bounty, chooses the runner, receives refunds and fault penalties
    address token; // 0 = native coin. Tokens with transfer fees or rebasing are refused when money moves
    uint128 rateMax; // most the poster pays per unit
    uint64 unitsMax; // units reserved for each engagement
    uint32 unitSeconds; // least time one unit takes; 0 = no clock
    uint32 epochSeconds; // length of the period a verdict is about
    uint32 seats; // engagements that may run to their end
    uint128 bond; // runner's bond per engagement
    uint128 faultPenalty; // moved from bond to poster per proven fault
    uint32 faultsMax; // engagement ends for cause at this many faults; 0 = never
    uint64 openUntil; // claims and awards only while block.timestamp < openUntil
    uint32 challengeSeconds; // a verdict pays this long after it was attested
    uint32 noticeSeconds; // work and pay go on this long after notice
    uint32 silenceSeconds; // verifiers silent for this long let the runner assert units
    uint128 verifierFee; // per verifier and epoch judged
    uint128 verifierBondMin; // bond every verifier of the set must have at award
    bool openClaim; // first come, first served at rateMax
    bytes32 verifierSet; // keccak256(abi.encode(threshold, sorted verifiers))
    address arbiter; // rules on disputed units; 0 = nobody
    bytes32 specHash; // keccak256 of the canonical JSON that says what the work is
    uint256 salt;
}

/// @notice Who may attest: `keccak256(abi.encode(threshold, members)) == terms.verifierSet`.
struct VerifierSet {
    uint8 threshold; // 1 … members.length
    address[] members; // strictly ascending, at most 32
}

/// @notice A runner's offer, signed off chain (EIP-712). Its struct hash is the engagement's id.
struct Bid {
    bytes32 bounty;
    address runner; // signs this, posts the bond, gets it back
    address payee; // receives the pay
    address node; // key that signs evidence
    uint128 rate; // per unit, at most terms.rateMax
    uint128 relayFee; // per redemption, out of the pay, to whoever submits it; at most a tenth of that payout
    uint64 expiresAt;
    uint256 nonce;
}

/// @notice The poster's choice of exactly one bid, signed off chain (EIP-712).
struct Award {
    bytes32 bounty;
    bytes32 bid; // struct hash of the bid
    uint64 expiresAt;
    bool spare; // only for a seat vacated for cause
}

/// @notice One verifier's cumulative finding for one engagement. Merkle leaf: the hash of the EIP-712 struct hash.
struct Verdict {
    uint64 epoch;
    uint64 units;
    uint64 faults;
    bytes32 evidence;
}

/// @notice A verdict with all that proves it: the path to the root of a statement, and the verifier's signature of that.
/// @dev The root itself does not travel: it follows from leaf and path, and a wrong one fails the signature.
struct SignedVerdict {
    PackedVerdict packed; // index: place of the verifier in the set
    bytes32 evidence;
    bytes signature; // 64 bytes (ERC-2098), 65 bytes, or whatever an ERC-1271 verifier accepts
    bytes32[] proof;
}

/// @notice Terms and verifier set shared by several entries of one batch.
struct Offer {
    Terms terms;
    VerifierSet verifiers;
}

/// @notice One statement of one verifier, with the multiproof (OpenZeppelin `MerkleProof`) from all verdicts of the batch that
/// name it, in their order, to its root.
struct Attestation {
    address verifier;
    uint64 attestedAt;
    bytes signature;
    bytes32[] proof;
    bool[] flags;
}

/// @notice A verdict of a batch.
struct AttestedVerdict {
    PackedVerdict packed; // index: into the call's attestations; attestedAt: unused
    bytes32 evidence;
}

/// @notice One engagement's voucher in a batch.
struct BatchEntry {
    uint32 offer; // index into the call's offers
    Bid bid;
    AttestedVerdict[] verdicts; // exactly `threshold`, ascending by verifier
}

/// @notice The epochs of one engagement that one verifier wants its fee for.
struct FeeEntry {
    uint32 offer;
    Bid bid;
    Verdict[] verdicts; // ascending by epoch, all of one verifier
}

// ---------------------------------------------------------------------------------------------------------------
// What is stored.
// ---------------------------------------------------------------------------------------------------------------

/// @dev One slot.
struct BountyState {
    uint128 escrow; // funded and not reserved
    uint32 seatsTaken; // engagements that hold a seat
    uint32 seatsVacated; // seats vacated for cause that a spare award may take
    uint64 postedAt; // 0 = not posted
}

enum Status {
    None,
    Active, // work counts until endsAt
    Ended, // redemption period
    Closed // money is out; absorbing
}

enum NoticeBy {
    Nobody,
    Poster,
    Runner
}

/// @dev One slot: everything an undisputed redemption reads or writes. Reserve and bond are derived, so they can't drift:
/// reserve = (unitsMax − unitsPaid) × bid.rate + unclaimed fees; bond = terms.bond − faults × terms.faultPenalty, at least 0,
/// and 0 once slashed.
struct EngagementState {
    uint56 unitsPaid;
    uint56 unitsMax;
    uint32 faults;
    uint40 startedAt;
    uint40 endsAt; // 0 = open-ended
    Status status;
    NoticeBy noticeBy;
    uint8 flags; // see libraries/Flags.sol
}

/// @notice What a dispute is about.
enum Subject {
    Units, // a voucher's units, contested by the poster
    Faults, // a voucher's faults, contested by the runner
    Assertion // what the runner asserted, contested by the poster or a verifier of the set
}

/// @dev Two slots. `by` = 0: none.
struct Dispute {
    address by;
    uint40 openedAt;
    uint32 signers; // members whose verdicts are contested
    uint56 floor; // what nobody contests
    uint56 claimed; // what the voucher or the assertion says
    uint128 bond;
}

/// @dev One slot. `assertedAt` = 0: none.
struct Assertion {
    uint56 units;
    uint40 assertedAt;
    uint128 bond;
}

/// @dev One slot: what an engagement has gone through.
struct Record {
    uint32 ejected; // members whose verdicts no longer count
    uint8 lostByPoster; // disputes lost; each doubles the next bond
    uint8 lostByRunner;
    uint40 resolvedAt; // when the last dispute about a voucher was resolved: no window that was open then ends before a new one would
    uint40 reclaimableFrom; // a window and `silenceSeconds` after the last question was resolved
    uint128 feesPaid; // to verifiers so far
}

enum EndReason {
    Elapsed, // the clock ran through all units
    Completed, // every reserved unit is paid
    PosterNotice,
    RunnerNotice,
    Faults, // for cause
    Equivocation // for cause
}
