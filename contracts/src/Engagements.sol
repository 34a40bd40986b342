// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {State} from "./State.sol";
import {IMarket} from "./interfaces/IMarket.sol";
import {Award, Bid, BountyState, EngagementState, Status, Terms, VerifierSet} from "./interfaces/Types.sol";
import {Hashing} from "./libraries/Hashing.sol";
import {Rules} from "./libraries/Rules.sol";
import {Signatures} from "./libraries/Signatures.sol";

/// @notice How an engagement begins: the runner claims, or the poster awards.
abstract contract Engagements is State, IMarket {
    /// @inheritdoc IMarket
    function claim(Terms calldata terms, VerifierSet calldata verifiers, Bid calldata bid)
        external
        payable
        nonReentrant
        returns (bytes32 id)
    {
        require(msg.sender == bid.runner, NotRunner(bid.runner, msg.sender));
        require(terms.openClaim, ClaimNotOpen(bid.bounty));
        require(bid.rate == terms.rateMax, WrongRate(terms.rateMax, bid.rate));
        id = Hashing.bid(bid);
        _engage(terms, verifiers, bid, id, false);
    }

    /// @inheritdoc IMarket
    function award(
        Terms calldata terms,
        VerifierSet calldata verifiers,
        Bid calldata bid,
        bytes calldata bidSignature,
        Award calldata choice,
        bytes calldata awardSignature
    ) external payable nonReentrant returns (bytes32 id) {
        id = Hashing.bid(bid);
        require(choice.bid == id, WrongBid(id, choice.bid));
        require(choice.bounty == bid.bounty, WrongBounty(bid.bounty, choice.bounty));
        require(block.timestamp < choice.expiresAt, AwardExpired(choice.expiresAt, block.timestamp));
        require(bid.rate <= terms.rateMax, RateTooHigh(terms.rateMax, bid.rate));
        require(Signatures.isValid(bid.runner, _hashTypedDataV4(id), bidSignature), BadSignature(bid.runner));
        require(
            Signatures.isValid(terms.poster, _hashTypedDataV4(Hashing.award(choice)), awardSignature),
            BadSignature(terms.poster)
        );
        _engage(terms, verifiers, bid, id, choice.spare);
    }

    function _engage(Terms calldata terms, VerifierSet calldata verifiers, Bid calldata bid, bytes32 id, bool spare)
        private
    {
        bytes32 bountyId_ = Hashing.bountyId(terms);
        require(bid.bounty == bountyId_, WrongBounty(bountyId_, bid.bounty));
        require(block.timestamp < terms.openUntil, Closed(terms.openUntil, block.timestamp));
        require(block.timestamp < bid.expiresAt, BidExpired(bid.expiresAt, block.timestamp));
        _requireVerifiers(terms, verifiers);
        require(Rules.isValid(verifiers), InvalidVerifierSet());
        _requireBonds(terms, verifiers);
        require(_engagements[id].status == Status.None, AlreadyEngaged(id));

        BountyState memory b = _bounties[bountyId_];
        require(b.postedAt != 0, NotPosted(bountyId_));
        require(b.seatsTaken < terms.seats, SeatsTaken(terms.seats));
        if (spare) {
            require(b.seatsVacated != 0, NoSeatVacated(bountyId_));
            b.seatsVacated -= 1;
        }
        uint256 reserve = Rules.reserve(terms, verifiers.members.length, bid.rate);
        require(reserve <= b.escrow, Underfunded(reserve, b.escrow));
        b.seatsTaken += 1;
        // Any award may fill a vacated seat; then no spare can.
        if (b.seatsVacated > terms.seats - b.seatsTaken) b.seatsVacated = terms.seats - b.seatsTaken;
        // The require above makes the cast exact.
        b.escrow -= uint128(reserve);
        _bounties[bountyId_] = b;

        EngagementState memory e;
        e.status = Status.Active;
        // `Rules.firstInvalid` keeps it below 2^53.
        e.unitsMax = uint56(terms.unitsMax);
        e.startedAt = uint40(block.timestamp);
        // `Rules.firstInvalid` keeps the product within 32 bits.
        if (terms.unitSeconds != 0) e.endsAt = uint40(block.timestamp + uint256(terms.unitsMax) * terms.unitSeconds);
        _engagements[id] = e;

        emit Engaged(
            id, bountyId_, bid.runner, bid, verifiers, e.unitsMax, e.startedAt, e.endsAt, reserve, spare, b.escrow
        );
        _takeBond(terms.token, bid.runner, terms.bond);
    }

    function _requireBonds(Terms calldata terms, VerifierSet calldata verifiers) private view {
        if (terms.verifierBondMin == 0) return;
        address poor = VERIFIER_BOND.lacking(address(this), terms.token, verifiers.members, terms.verifierBondMin);
        require(poor == address(0), VerifierBondTooLow(terms.verifierBondMin, poor));
    }
}
