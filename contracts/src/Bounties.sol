// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {State} from "./State.sol";
import {IMarket} from "./interfaces/IMarket.sol";
import {Terms} from "./interfaces/Types.sol";
import {Hashing} from "./libraries/Hashing.sol";
import {Rules} from "./libraries/Rules.sol";

/// @notice Posting, funding and unreserved escrow.
abstract contract Bounties is State, IMarket {
    /// @inheritdoc IMarket
    function post(Terms calldata terms, uint256 amount) external payable nonReentrant returns (bytes32 id) {
        require(msg.sender == terms.poster, NotPoster(terms.poster, msg.sender));
        bytes32 field = Rules.firstInvalid(terms);
        require(field == 0, InvalidTerms(field));
        require(block.timestamp < terms.openUntil, Closed(terms.openUntil, block.timestamp));
        id = Hashing.bountyId(terms);
        require(_bounties[id].postedAt == 0, AlreadyPosted(id));

        _pull(terms.token, amount);
        _post(id, terms);
        _fund(id, msg.sender, amount);
    }

    /// @inheritdoc IMarket
    function fund(Terms calldata terms, uint256 amount) external payable nonReentrant {
        require(amount != 0, ZeroAmount());
        bytes32 id = Hashing.bountyId(terms);
        _requirePosted(id);
        _pull(terms.token, amount);
        _fund(id, msg.sender, amount);
    }

    /// @inheritdoc IMarket
    function reclaimEscrow(Terms calldata terms) external nonReentrant {
        bytes32 id = Hashing.bountyId(terms);
        _requirePosted(id);
        require(msg.sender == terms.poster || block.timestamp >= terms.openUntil, NotPoster(terms.poster, msg.sender));
        uint256 amount = _bounties[id].escrow;
        require(amount != 0, ZeroAmount());

        _bounties[id].escrow = 0;
        emit EscrowReclaimed(id, terms.poster, amount);
        _pay(terms.token, terms.poster, amount);
    }
}
