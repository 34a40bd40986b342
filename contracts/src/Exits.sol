// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Vouchers} from "./Vouchers.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {
    Bid,
    BountyState,
    EndReason,
    EngagementState,
    NoticeBy,
    Record,
    Status,
    Subject,
    Terms,
    VerifierSet
} from "./interfaces/Types.sol";
import {Flags} from "./libraries/Flags.sol";
import {Rules} from "./libraries/Rules.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice How an engagement goes on and how it ends.
abstract contract Exits is Vouchers, ISettlement {
    using SafeCast for uint256;

    /// @inheritdoc ISettlement
    function extend(Terms calldata terms, VerifierSet calldata verifiers, Bid calldata bid, uint64 units)
        external
        nonReentrant
    {
        (bytes32 id, EngagementState memory e) = _load(terms, bid);
        _requireVerifiers(terms, verifiers);
        require(msg.sender == terms.poster, NotPoster(terms.poster, msg.sender));
        require(units != 0, ZeroAmount());
        require(e.status == Status.Active, NotEngaged(id, e.status));
        // While the runner can still give notice: it agreed to its bid's units and to a notice, and to no more.
        bool leaves = e.endsAt == 0 || block.timestamp + terms.noticeSeconds < e.endsAt;
        require(e.noticeBy == NoticeBy.Nobody && leaves, EndsAlready(e.endsAt));
        uint256 unitsMax = uint256(e.unitsMax) + units;
        uint256 most = Rules.unitsLimit(terms);
        require(unitsMax <= most, TooManyUnits(most, unitsMax));

        // All fees together must fit what `feesPaid` can count.
        uint256 reserve = units * uint256(bid.rate)
            + Rules.feeReserve(terms, verifiers.members.length, unitsMax).toUint128()
            - Rules.feeReserve(terms, verifiers.members.length, e.unitsMax);
        BountyState storage b = _bounties[bid.bounty];
        uint256 escrow = b.escrow;
        require(reserve <= escrow, Underfunded(reserve, escrow));
        // At most what was there, a uint128; at most `unitsLimit`, below 2^53 units and 2^32 seconds.
        b.escrow = uint128(escrow - reserve);
        e.unitsMax = uint56(unitsMax);
        if (terms.unitSeconds != 0) e.endsAt += uint40(uint256(units) * terms.unitSeconds);
        _engagements[id] = e;
        emit Extended(id, bid.bounty, e.unitsMax, e.endsAt, reserve, escrow - reserve);
    }

    /// @inheritdoc ISettlement
    function giveNotice(Terms calldata terms, Bid calldata bid) external nonReentrant {
        (bytes32 id, EngagementState memory e) = _load(terms, bid);
        require(msg.sender == terms.poster || msg.sender == bid.runner, NotParty(msg.sender));
        require(e.status == Status.Active, NotEngaged(id, e.status));
        uint256 endsAt = block.timestamp + terms.noticeSeconds;
        require(e.endsAt == 0 || endsAt < e.endsAt, EndsAlready(e.endsAt));
        // Only ever earlier than a 40-bit time, or block time plus 32 bits.
        e.endsAt = uint40(endsAt);
        e.noticeBy = msg.sender == bid.runner ? NoticeBy.Runner : NoticeBy.Poster;
        _engagements[id] = e;
        emit NoticeGiven(id, msg.sender, e.endsAt);
    }

    /// @inheritdoc ISettlement
    function end(Terms calldata terms, VerifierSet calldata verifiers, Bid calldata bid) external nonReentrant {
        (bytes32 id, EngagementState memory e) = _load(terms, bid);
        _requireVerifiers(terms, verifiers);
        require(e.status == Status.Active, NotEngaged(id, e.status));
        EndReason reason = EndReason.Elapsed;
        if (!Rules.works(e, block.timestamp)) {
            if (e.noticeBy == NoticeBy.Poster) reason = EndReason.PosterNotice;
            if (e.noticeBy == NoticeBy.Runner) reason = EndReason.RunnerNotice;
        } else {
            require(e.unitsPaid == e.unitsMax, NotEnded(e.endsAt, block.timestamp));
            reason = EndReason.Completed;
            e.endsAt = uint40(block.timestamp);
        }
        _end(terms, verifiers, bid, id, e, reason);
    }

    /// @inheritdoc ISettlement
    function reclaim(Terms calldata terms, VerifierSet calldata verifiers, Bid calldata bid) external nonReentrant {
        (bytes32 id, EngagementState memory e) = _load(terms, bid);
        _requireVerifiers(terms, verifiers);
        require(e.status == Status.Ended, NotEngaged(id, e.status));
        _requireNothingOpen(e);
        Record memory r = _records[id];
        uint256 until = Math.max(Rules.reclaimableAt(terms, e.endsAt), r.reclaimableFrom);
        require(block.timestamp >= until, RedemptionOpen(until, block.timestamp));

        uint256 reserve = uint256(e.unitsMax - e.unitsPaid) * bid.rate
            + Rules.feeReserve(terms, verifiers.members.length, e.unitsMax) - r.feesPaid;
        uint256 bond = Rules.bondLeft(terms, e);
        _engagements[id].status = Status.Closed;
        emit Reclaimed(id, reserve, bond);
        _pay(terms.token, terms.poster, reserve);
        _pay(terms.token, bid.runner, bond);
    }

    /// @dev Each open question ends by itself at a known time, after which anyone can `settle` it.
    function _requireNothingOpen(EngagementState memory e) private pure {
        require(e.flags & Flags.UNITS_DISPUTED == 0, DisputeOpen(Subject.Units));
        require(e.flags & Flags.FAULTS_DISPUTED == 0, DisputeOpen(Subject.Faults));
        require(e.flags & Flags.ASSERTED == 0, DisputeOpen(Subject.Assertion));
    }
}
