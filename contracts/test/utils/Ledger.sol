// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bid, EngagementState, IEscrow, NoticeBy, Status, Terms} from "../../src/interfaces/IEscrow.sol";
import {Base} from "./Base.sol";
import {Refuser} from "./Hostile.sol";

/// @notice The rules of money a second time, as a plain ledger: what each party should have after every step.
abstract contract Ledger is Base {
    struct Entry {
        uint256 offer;
        Bid bid;
        bytes32 id;
        Status status;
        NoticeBy noticeBy;
        uint256 startedAt;
        uint256 endsAt;
        uint256 unitsMax;
        uint256 units;
        uint256 faults;
        uint256 locked; // reserve at the start
        uint256 reserve;
        uint256 bond;
    }

    Terms[4] internal offers;
    Entry[] internal entries;
    uint256[4] public free; // escrow not reserved
    uint256[4] public seats;
    uint256[4] public vacated;
    bool[4] public posted;
    address public refuser;
    uint256 public time = START;
    /// @dev What an account has outside plus its free balance inside.
    mapping(address account => mapping(address token => uint256)) public wealth;
    mapping(address token => uint256) public moneyIn;
    mapping(address token => uint256) public moneyOut;

    constructor() {
        setUp();
        refuser = address(new Refuser());
        for (uint256 i = 0; i < 4; ++i) {
            Terms memory t = i % 2 == 0 ? nativeTerms() : usdTerms();
            t.salt = i;
            t.seats = 3;
            t.openUntil = uint64(START + 3000);
            if (i == 1) t.verifierFee = 0.01 ether;
            if (i == 2) (t.unitSeconds, t.faultPenalty) = (0, 2 ether);
            if (i == 3) (t.unitSeconds, t.verifierFee, t.noticeSeconds, t.faultsMax) = (7, 3, 0, 0);
            t.openClaim = i > 1;
            offers[i] = t;
        }
    }

    function accounts() external view returns (address[5] memory) {
        return [poster.addr, runner.addr, payee, relayer, refuser];
    }

    function world() external view returns (IEscrow, address) {
        return (escrow, address(usd));
    }

    /// @dev Units and faults never fall, whatever just happened.
    modifier step() {
        vm.warp(time);
        _;
        for (uint256 i = 0; i < entries.length; ++i) {
            EngagementState memory e = escrow.engagement(entries[i].id);
            require(e.unitsPaid == entries[i].units && e.faults == entries[i].faults, "counts");
        }
    }

    /// @dev The first engagement of this status from `i` on; where there is none, any.
    function pick(uint256 i, Status status) internal view returns (Entry storage e) {
        uint256 length = entries.length;
        for (uint256 k = 0; k < length; ++k) {
            e = entries[(i % length + k) % length];
            if (e.status == status) return e;
        }
        e = entries[i % length];
    }

    function entry(uint256 i) external view returns (Entry memory) {
        return entries[i];
    }

    function offer(uint256 i) external view returns (Terms memory) {
        return offers[i];
    }

    function count() external view returns (uint256) {
        return entries.length;
    }

    function ceil(uint256 a, uint256 b) internal pure returns (uint256) {
        return a == 0 ? 0 : (a - 1) / b + 1;
    }

    function fees(Terms memory t, uint256 units) internal pure returns (uint256) {
        uint256 epochs = t.unitSeconds == 0 ? units : ceil(units * t.unitSeconds, t.epochSeconds);
        return 3 * uint256(t.verifierFee) * epochs;
    }

    function given(address token, uint256 amount) internal {
        moneyIn[token] += amount;
    }

    function paid(address token, address to, uint256 amount) internal {
        wealth[to][token] += amount;
        if (to != refuser || token != address(0)) moneyOut[token] += amount;
    }

    /// @dev The seconds of work that a statement of this time can prove.
    function worked(Entry storage e, uint256 attestedAt) private view returns (uint256) {
        uint256 until = e.endsAt != 0 && e.endsAt < attestedAt ? e.endsAt : attestedAt;
        return until < e.startedAt ? 0 : until - e.startedAt;
    }

    /// @return redeemed false when the escrow must refuse
    function book(Entry storage e, uint256 units, uint256 faults, uint256 attestedAt, address submitter)
        internal
        returns (bool redeemed)
    {
        Terms memory t = offers[e.offer];
        if (e.status != Status.Active && e.status != Status.Ended) return false;
        uint256 cap =
            attestedAt < e.startedAt ? 0 : t.unitSeconds == 0 ? e.unitsMax : worked(e, attestedAt) / t.unitSeconds;
        if (cap > e.unitsMax) cap = e.unitsMax;
        if (units > cap) units = cap;
        cap = ceil(worked(e, attestedAt), t.epochSeconds);
        if (faults > cap) faults = cap;
        if (units > e.units) {
            uint256 pay = (units - e.units) * e.bid.rate;
            uint256 fee = e.bid.relayFee < pay / 10 ? e.bid.relayFee : pay / 10;
            e.reserve -= pay;
            e.units = units;
            paid(t.token, e.bid.payee, pay - fee);
            paid(t.token, submitter, fee);
            redeemed = true;
        }
        if (faults > e.faults) {
            uint256 penalty = (faults - e.faults) * t.faultPenalty;
            if (penalty > e.bond) penalty = e.bond;
            e.bond -= penalty;
            e.faults = faults;
            paid(t.token, t.poster, penalty);
            redeemed = true;
        }
        bool works = e.status == Status.Active && (e.endsAt == 0 || time < e.endsAt);
        if (redeemed && t.faultsMax != 0 && e.faults >= t.faultsMax && works) {
            e.endsAt = time;
            seats[e.offer] -= 1;
            vacated[e.offer] += 1;
            bookEnd(e);
        }
    }

    function bookEnd(Entry storage e) internal {
        Terms memory t = offers[e.offer];
        if (t.unitSeconds != 0) {
            uint256 reachable = ceil(e.endsAt - e.startedAt, t.unitSeconds);
            if (reachable < e.unitsMax) e.unitsMax = reachable;
        }
        uint256 keep = (e.unitsMax - e.units) * e.bid.rate + fees(t, e.unitsMax);
        free[e.offer] += e.reserve - keep;
        e.reserve = keep;
        e.status = Status.Ended;
    }
}
