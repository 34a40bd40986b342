// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Settlement} from "../../src/Settlement.sol";
import {IVerifierBond} from "../../src/interfaces/IVerifierBond.sol";
import {Bid, BountyState, EngagementState, Terms, VerifierSet} from "../../src/interfaces/Types.sol";
import {Hashing} from "../../src/libraries/Hashing.sol";
import {Rules} from "../../src/libraries/Rules.sol";

/// @notice The part of the escrow that ends engagements, with the doors to its inner rules that a check needs.
contract Harness is Settlement {
    constructor() Settlement(IVerifierBond(address(0)), msg.sender) {}

    /// @dev An engagement as `_engage` leaves it, but with any history.
    function put(Bid calldata bid, EngagementState calldata e, uint128 feesPaid) external {
        bytes32 id = Hashing.bid(bid);
        _bounties[bid.bounty] = BountyState({escrow: 0, seatsTaken: 1, seatsVacated: 0, postedAt: 1});
        _engagements[id] = e;
        _records[id].feesPaid = feesPaid;
    }

    /// @dev What a voucher does once its verdicts are counted.
    function carryOut(
        Terms calldata terms,
        VerifierSet calldata verifiers,
        Bid calldata bid,
        uint256 units,
        uint256 faults
    ) external returns (uint256 relayFee) {
        bytes32 id = Hashing.bid(bid);
        return _apply(terms, verifiers, bid, id, _engagements[id], units, faults, true);
    }

    function verifierSet(VerifierSet calldata verifiers) external pure returns (bytes32) {
        return Hashing.verifierSet(verifiers);
    }

    function bondLeft(Terms calldata terms, EngagementState calldata e) external pure returns (uint256) {
        return Rules.bondLeft(terms, e);
    }

    function engagement(Bid calldata bid) external view returns (EngagementState memory) {
        return _engagements[Hashing.bid(bid)];
    }

    function escrowOf(Bid calldata bid) external view returns (uint256) {
        return _bounties[bid.bounty].escrow;
    }

    /// @dev What was sent to somebody, or where that failed credited.
    function given(address account) external view returns (uint256) {
        return account.balance + _balances[account][address(0)];
    }
}
