// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

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

/// @notice One verifier's signature over the Merkle root of all its verdicts of a round.
struct SignedStatement {
    address verifier;
    bytes32 root;
    uint64 attestedAt;
    bytes signature; // 64 bytes (ERC-2098), 65 bytes, or whatever an ERC-1271 verifier accepts
}

/// @notice One verifier's cumulative finding for one engagement, with the proof that `statements[statement]` contains it.
struct ProvenVerdict {
    uint32 statement; // index into the call's statements
    uint64 epoch;
    uint64 units;
    uint64 faults;
    bytes32 evidence;
    bytes32[] proof;
}

/// @notice Terms and verifier set shared by several entries of one batch.
struct Offer {
    Terms terms;
    VerifierSet verifiers;
}

/// @notice One engagement's voucher in a batch.
struct BatchEntry {
    uint32 offer; // index into the call's offers
    Bid bid;
    ProvenVerdict[] verdicts; // exactly `threshold`, ascending by verifier
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

/// @dev One slot: everything a redemption reads or writes. Reserve and bond are derived, so they can't drift:
/// reserve = (unitsMax − unitsPaid) × bid.rate + fees, bond = terms.bond − faults × terms.faultPenalty (at least 0).
struct EngagementState {
    uint64 unitsPaid;
    uint64 unitsMax;
    uint32 faults;
    uint40 startedAt;
    uint40 endsAt; // 0 = open-ended
    Status status;
    NoticeBy noticeBy;
}

enum NoticeBy {
    Nobody,
    Poster,
    Runner
}

enum EndReason {
    Elapsed, // the clock ran through all units
    Completed, // every reserved unit is paid
    PosterNotice,
    RunnerNotice,
    Faults // for cause
}

/// @title Piecework escrow
/// @notice Holds posters' money and runners' bonds, and moves them only by the rules below. No owner, no proxy, no pause.
///
/// Powers (what each caller can move):
///  - anyone: fund, sweep a deposit address into its bounty, submit awards and vouchers, end and reclaim after time;
///  - poster: post, award by signature, give notice, reclaim unreserved escrow;
///  - runner: claim, bid by signature, give notice, withdraw free balance;
///  - `threshold` verifiers of the set together: raise proven units (reserve → payee) and faults (bond → poster).
///
/// Token assumptions: `transfer` and `transferFrom` move exactly the stated amount and return true or nothing when they do;
/// balances change by transfers only.
/// Incoming transfers that move another amount revert. Native coin is `address(0)`.
interface IEscrow {
    // --- events: one per state change, complete enough to rebuild storage by replay ---

    event Posted(bytes32 indexed bounty, address indexed poster, Terms terms);
    event Funded(bytes32 indexed bounty, address indexed from, uint256 amount, uint256 escrow);
    event DepositReturned(bytes32 indexed bounty, address indexed poster, address indexed token, uint256 amount);
    event EscrowReclaimed(bytes32 indexed bounty, address indexed poster, uint256 amount);
    event Engaged(
        bytes32 indexed engagement,
        bytes32 indexed bounty,
        address indexed runner,
        Bid bid,
        VerifierSet verifiers,
        uint64 unitsMax,
        uint64 startedAt,
        uint64 endsAt,
        uint256 reserve,
        bool spare,
        uint256 escrow
    );
    /// @param units paid so far, this redemption included
    /// @param amount sent or credited to the payee, relay fee already taken off
    event Redeemed(
        bytes32 indexed engagement,
        address indexed payee,
        address indexed submitter,
        uint256 units,
        uint256 amount,
        uint256 relayFee
    );
    /// @param faults proven so far
    event Faulted(bytes32 indexed engagement, uint256 faults, uint256 penalty, uint256 bond);
    /// @notice One entry of a batch was not redeemed; `reason` is the ABI-encoded error a single redemption reverts with.
    event Skipped(bytes32 indexed engagement, bytes reason);
    event NoticeGiven(bytes32 indexed engagement, address indexed by, uint64 endsAt);
    /// @param unitsMax units that stay reserved: those the clock allows up to the end
    /// @param released reserve that became the bounty's escrow again
    event Ended(
        bytes32 indexed engagement,
        bytes32 indexed bounty,
        EndReason reason,
        uint64 endedAt,
        uint64 unitsMax,
        uint256 released,
        uint256 escrow
    );
    event Reclaimed(bytes32 indexed engagement, uint256 reserve, uint256 bond);
    /// @notice A free balance rose: a deposit, or a push that its receiver refused.
    event Credited(address indexed account, address indexed token, uint256 amount, uint256 balance);
    /// @notice A free balance fell: a withdrawal, or a bond taken.
    event Debited(address indexed account, address indexed token, uint256 amount, uint256 balance);

    // --- errors: the expected or limiting value first, then the actual one ---

    error InvalidTerms(bytes32 field);
    error AlreadyPosted(bytes32 bounty);
    error NotPosted(bytes32 bounty);
    error NotPoster(address expected, address actual);
    error NotRunner(address expected, address actual);
    error NotParty(address actual);
    error NothingDeposited(address depositAddress);
    error Closed(uint256 openUntil, uint256 time);
    error ClaimNotOpen(bytes32 bounty);
    error RateTooHigh(uint256 rateMax, uint256 rate);
    error WrongRate(uint256 expected, uint256 actual);
    error WrongBounty(bytes32 expected, bytes32 actual);
    error WrongBid(bytes32 expected, bytes32 actual);
    error BidExpired(uint256 expiresAt, uint256 time);
    error AwardExpired(uint256 expiresAt, uint256 time);
    error BadSignature(address signer);
    error WrongVerifierSet(bytes32 expected, bytes32 actual);
    error InvalidVerifierSet();
    error SeatsTaken(uint256 seats);
    error NoSeatVacated(bytes32 bounty);
    error AlreadyEngaged(bytes32 engagement);
    error Underfunded(uint256 reserve, uint256 escrow);
    error NotEngaged(bytes32 engagement, Status status);
    error WrongVerdictCount(uint256 expected, uint256 actual);
    error NoSuchStatement(uint256 statements, uint256 index);
    error NoSuchOffer(uint256 offers, uint256 index);
    error NotVerifier(address actual);
    error VerdictNotProven(address verifier);
    error ChallengeOpen(uint256 until, uint256 time);
    error NothingNew(uint256 unitsPaid, uint256 units);
    error BatchTooLong(uint256 max, uint256 actual);
    error EndsAlready(uint256 endsAt);
    error NotEnded(uint256 endsAt, uint256 time);
    error RedemptionOpen(uint256 until, uint256 time);
    error WrongValue(uint256 expected, uint256 actual);
    error ZeroAmount();
    error BalanceTooLow(uint256 balance, uint256 amount);
    error TransferMismatch(uint256 expected, uint256 actual);
    error PushFailed(address to);
    error GasTooLow(uint256 needed, uint256 left);
    error UnexpectedNative(address from);

    // --- free balances ---

    /// @notice Adds to `account`'s free balance, which awards and claims take bonds from.
    function deposit(address token, address account, uint256 amount) external payable;
    /// @notice Takes from the caller's free balance. Reverts when the transfer fails.
    function withdraw(address token, address to, uint256 amount) external;

    // --- bounties ---

    /// @notice Creates a bounty with `amount` in escrow (native: `msg.value == amount`). Only the poster.
    function post(Terms calldata terms, uint256 amount) external payable returns (bytes32 bounty);
    /// @notice Moves all `terms.token` at the deposit address into the bounty, posting it first if need be. Anyone, repeatable.
    /// When the bounty was never posted and can't be any more (closed, invalid terms) everything goes to the poster.
    function postFromDeposit(Terms calldata terms) external returns (bytes32 bounty);
    /// @notice Sends what the bounty can't use back to the poster: any token but `terms.token` by anyone, `terms.token` by the poster.
    function returnDeposit(Terms calldata terms, address token) external;
    /// @notice Adds to a bounty's escrow. Changes no time.
    function fund(Terms calldata terms, uint256 amount) external payable;
    /// @notice Sends the unreserved escrow to the poster: at any time by the poster, by anyone once closed.
    function reclaimEscrow(Terms calldata terms) external;

    // --- engagements ---

    /// @notice Takes a seat at `rateMax` where `openClaim`. Only `bid.runner`; no signature needed.
    /// The bond comes from the call's value (all of it, native only), else the free balance, else the allowance.
    function claim(Terms calldata terms, VerifierSet calldata verifiers, Bid calldata bid)
        external
        payable
        returns (bytes32 engagement);
    /// @notice Engages the runner of a signed bid by a signed award. Anyone holding both.
    function award(
        Terms calldata terms,
        VerifierSet calldata verifiers,
        Bid calldata bid,
        bytes calldata bidSignature,
        Award calldata choice,
        bytes calldata awardSignature
    ) external payable returns (bytes32 engagement);
    /// @notice Pays an engagement up to the lowest count among `threshold` verdicts. Anyone; see `Redeemed`, `Faulted`.
    function redeem(
        Terms calldata terms,
        VerifierSet calldata verifiers,
        Bid calldata bid,
        SignedStatement[] calldata statements,
        ProvenVerdict[] calldata verdicts
    ) external;
    /// @notice Redeems many vouchers; an entry that a single `redeem` would refuse is skipped and reported.
    function redeemBatch(Offer[] calldata offers, SignedStatement[] calldata statements, BatchEntry[] calldata entries)
        external
        returns (uint256 redeemed);
    /// @notice Ends the engagement `noticeSeconds` from now. Poster or runner.
    function giveNotice(Terms calldata terms, Bid calldata bid) external;
    /// @notice Moves an engagement whose time is over, or whose units are all paid, to its redemption period. Anyone.
    function end(Terms calldata terms, VerifierSet calldata verifiers, Bid calldata bid) external;
    /// @notice After the redemption period: what is left of the reserve to the poster, of the bond to the runner. Anyone.
    function reclaim(Terms calldata terms, VerifierSet calldata verifiers, Bid calldata bid) external;

    // --- views ---

    function balances(address account, address token) external view returns (uint256);
    function bountyId(Terms calldata terms) external view returns (bytes32);
    function engagementId(Bid calldata bid) external pure returns (bytes32);
    function depositAddress(bytes32 bounty) external view returns (address);
    function bounty(bytes32 id) external view returns (BountyState memory);
    function engagement(bytes32 id) external view returns (EngagementState memory);
    function bidDigest(Bid calldata bid) external view returns (bytes32);
    function awardDigest(Award calldata choice) external view returns (bytes32);
    function statementDigest(bytes32 root, uint64 attestedAt) external view returns (bytes32);
    function verdictLeaf(bytes32 engagement, uint64 epoch, uint64 units, uint64 faults, bytes32 evidence)
        external
        pure
        returns (bytes32);
    /// @notice Most units an engagement can have proven by `time`.
    function unitsCap(Terms calldata terms, bytes32 engagement, uint64 time) external view returns (uint256);
    /// @notice Money locked at engagement: rate × unitsMax + fees of all verifiers for all epochs.
    function reserveFor(Terms calldata terms, uint256 verifiers, uint256 rate) external pure returns (uint256);
    /// @notice From this time on an ended engagement can be reclaimed; 0 while it has no end.
    function reclaimableAt(Terms calldata terms, bytes32 engagement) external view returns (uint256);
}
