// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Money} from "./Money.sol";
import {IEvents} from "./interfaces/IEvents.sol";
import {IVerifierBond} from "./interfaces/IVerifierBond.sol";
import {
    Assertion,
    Bid,
    BountyState,
    Dispute,
    EngagementState,
    Record,
    Subject,
    Terms,
    VerifierSet
} from "./interfaces/Types.sol";
import {Hashing} from "./libraries/Hashing.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice All that is stored. Every part of the escrow's code inherits this first, so all see the same slots.
abstract contract State is Money, IEvents, EIP712("Piecework", "1") {
    using SafeCast for uint256;

    IVerifierBond internal immutable VERIFIER_BOND;

    mapping(bytes32 bounty => BountyState) internal _bounties;
    mapping(bytes32 engagement => EngagementState) internal _engagements;
    // Read only where `EngagementState.flags`, a fee or an exit asks for it: an undisputed redemption never does.
    mapping(bytes32 engagement => Record) internal _records;
    mapping(bytes32 engagement => Assertion) internal _assertions;
    mapping(bytes32 engagement => mapping(Subject => Dispute)) internal _disputes;
    mapping(bytes32 engagement => mapping(address verifier => FeeMark)) internal _feeMarks;

    /// @dev Set while a deposit address is being swept; any other plain transfer is a mistake and comes back.
    bool internal transient _sweeping;

    /// @dev Epochs ascend; those paid never exceed those reserved.
    struct FeeMark {
        uint64 nextEpoch;
        uint64 epochsPaid;
    }

    constructor(IVerifierBond verifierBond_) {
        VERIFIER_BOND = verifierBond_;
    }

    receive() external payable {
        require(_sweeping, UnexpectedNative(msg.sender));
    }

    function _requirePosted(bytes32 id) internal view {
        require(_bounties[id].postedAt != 0, NotPosted(id));
    }

    function _post(bytes32 id, Terms calldata terms) internal {
        _bounties[id].postedAt = uint64(block.timestamp);
        emit Posted(id, terms.poster, terms);
    }

    function _fund(bytes32 id, address from, uint256 amount) internal {
        uint128 escrow = (_bounties[id].escrow + amount).toUint128();
        _bounties[id].escrow = escrow;
        emit Funded(id, from, amount, escrow);
    }

    /// @return the engagement's id, and its state
    function _load(Terms calldata terms, Bid calldata bid) internal view returns (bytes32, EngagementState memory) {
        bytes32 bountyId_ = Hashing.bountyId(terms);
        require(bid.bounty == bountyId_, WrongBounty(bountyId_, bid.bounty));
        bytes32 id = Hashing.bid(bid);
        return (id, _engagements[id]);
    }

    function _requireVerifiers(Terms calldata terms, VerifierSet calldata verifiers) internal pure {
        bytes32 actual = Hashing.verifierSet(verifiers);
        require(actual == terms.verifierSet, WrongVerifierSet(terms.verifierSet, actual));
    }

    function _refuse(bytes4 selector, uint256 expected, uint256 actual) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(selector, expected, actual);
    }

    function _revertWith(bytes memory refusal) internal pure {
        assembly ("memory-safe") {
            revert(add(refusal, 0x20), mload(refusal))
        }
    }
}
