// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IEscrow} from "../../src/interfaces/IEscrow.sol";
import {Bond, IVerifierBond} from "../../src/interfaces/IVerifierBond.sol";
import {Assertion, Bid, Dispute, NoticeBy, Status, Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";
import {Refuser} from "../utils/Hostile.sol";

/// @notice What everybody should have after every step, as a plain ledger that never asks the contracts about money.
abstract contract Ledger is Base {
    uint256 internal constant OFFERS = 6;
    uint256 internal constant ACCOUNTS = 12;
    address internal constant NOBODY = address(0xdead);

    struct Book {
        bool posted;
        uint256 free; // escrow not reserved
        uint256 seats;
        uint256 vacated;
        uint256 funded; // ever
        uint256 refunded; // ever
    }

    struct Entry {
        uint256 offer;
        Bid bid;
        bytes32 id;
        Status status;
        NoticeBy noticeBy;
        bool slashed;
        uint256 startedAt;
        uint256 endsAt;
        uint256 unitsMax;
        uint256 units;
        uint256 faults;
        uint256 locked; // reserve at the start, and by extensions
        uint256 reserve; // what is left of it
        uint256 payouts; // relay fees included
        uint256 fees; // to verifiers
        uint256 bond;
        uint256 ejected;
        uint256 lostByPoster;
        uint256 lostByRunner;
        uint256 resolvedAt; // a dispute about a voucher
        uint256 reclaimableFrom;
        Assertion asserted;
        Dispute[3] disputes;
        uint256[3] nextEpoch;
        uint256[3] epochsPaid;
    }

    Terms[OFFERS] internal offers;
    Book[OFFERS] internal books;
    Entry[] internal entries;
    address internal refuser;
    address internal refusingPoster;
    address internal arbiter;
    Key internal node;
    uint256 public time = START;
    /// @dev Held by the account itself.
    mapping(address account => mapping(address token => uint256)) public outside;
    /// @dev Its free balance in the escrow, and in the contract of the verifiers' bonds.
    mapping(address account => mapping(address token => uint256)) public inside;
    mapping(address account => mapping(address token => uint256)) public insideBond;
    mapping(uint256 verifier => mapping(address token => Bond)) internal bonds;
    mapping(address token => uint256) public moneyIn;
    mapping(address token => uint256) public moneyOut;
    mapping(address token => uint256) public bondIn;
    mapping(address token => uint256) public bondOut;

    constructor() {
        setUp();
        (refuser, refusingPoster) = (address(new Refuser()), address(new Refuser()));
        (arbiter, node) = (makeAddr("arbiter"), makeKey("node"));
        for (uint256 i = 0; i < OFFERS; ++i) {
            Terms memory t = i % 2 == 0 ? nativeTerms() : usdTerms();
            (t.salt, t.seats, t.openUntil, t.openClaim) = (i, 4, uint64(START + 7300 days), i > 1);
            if (i == 1 || i == 2 || i == 4) t.arbiter = arbiter;
            if (i == 1) (t.verifierFee, t.verifierBondMin) = (0.01 ether, 10 ether);
            if (i == 2) {
                (t.unitSeconds, t.faultPenalty, t.verifierFee, t.verifierBondMin) = (0, 2 ether, 0.05 ether, 3);
            }
            // Closes early, so that what comes late is seen too.
            if (i == 3) (t.unitSeconds, t.verifierFee, t.noticeSeconds, t.faultsMax) = (7, 3, 0, 0);
            if (i == 3) t.openUntil = uint64(START + 1500);
            if (i == 4) (t.poster, t.verifierFee, t.verifierBondMin) = (refusingPoster, 1 gwei, 2 ether);
            // Nothing at risk and no window.
            if (i == 5) {
                (t.unitSeconds, t.bond, t.faultPenalty, t.challengeSeconds, t.silenceSeconds) = (0, 0, 0, 0, 0);
            }
            offers[i] = t;
        }
    }

    // ------------------------------------------------------------------------------------------------- money

    function refuses(address token, address to) internal view returns (bool) {
        return token == address(0) && (to == refuser || to == refusingPoster);
    }

    /// @dev What the escrow pays: pushed, or credited where it is refused.
    function paid(address token, address to, uint256 amount) internal {
        if (refuses(token, to)) {
            inside[to][token] += amount;
        } else {
            outside[to][token] += amount;
            moneyOut[token] += amount;
        }
    }

    /// @dev Half of a slashed bond to the reporter, the rest to nobody; neither is sent.
    function slashed(uint256 k, address token, uint256 amount, address reporter) internal {
        Bond storage b = bonds[k][token];
        if (amount > b.amount) amount = b.amount;
        b.amount -= uint128(amount);
        if (b.thawing > b.amount) b.thawing = b.amount;
        insideBond[reporter][token] += amount / 2;
        insideBond[NOBODY][token] += amount - amount / 2;
    }

    // ------------------------------------------------------------------------------------------------- what it says

    function accounts() public view returns (address[ACCOUNTS] memory) {
        return [
            poster.addr,
            runner.addr,
            payee,
            relayer,
            stranger,
            refuser,
            refusingPoster,
            arbiter,
            verifier[0].addr,
            verifier[1].addr,
            verifier[2].addr,
            NOBODY
        ];
    }

    function world() external view returns (IEscrow, IVerifierBond, address) {
        return (escrow, verifierBond, address(usd));
    }

    function verifierAt(uint256 k) external view returns (address) {
        return verifier[k].addr;
    }

    function bondAt(uint256 k, address token) external view returns (Bond memory) {
        return bonds[k][token];
    }

    function entry(uint256 i) external view returns (Entry memory) {
        return entries[i];
    }

    function offer(uint256 i) external view returns (Terms memory) {
        return offers[i];
    }

    function book(uint256 i) external view returns (Book memory) {
        return books[i];
    }

    function count() external view returns (uint256) {
        return entries.length;
    }

    function ceil(uint256 a, uint256 b) internal pure returns (uint256) {
        return a == 0 ? 0 : (a - 1) / b + 1;
    }

    function min(uint256 a, uint256 b) internal pure returns (uint256) {
        return a < b ? a : b;
    }

    function max(uint256 a, uint256 b) internal pure returns (uint256) {
        return a > b ? a : b;
    }
}
