// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Vouchers} from "./Vouchers.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {Bid, EndReason, EngagementState, Status, Terms, VerifierSet} from "./interfaces/Types.sol";
import {Flags} from "./libraries/Flags.sol";
import {Hashing} from "./libraries/Hashing.sol";
import {Rules} from "./libraries/Rules.sol";
import {Signatures} from "./libraries/Signatures.sol";

/// @notice A node that signs two different blocks for one place in the chain loses its runner's bond.
abstract contract Equivocation is Vouchers, ISettlement {
    /// @inheritdoc ISettlement
    function slashNode(
        Terms calldata terms,
        VerifierSet calldata verifiers,
        Bid calldata bid,
        uint64 number,
        uint64 revision,
        bytes32[2] calldata blockHashes,
        bytes[2] calldata signatures
    ) external nonReentrant {
        (bytes32 id, EngagementState memory e) = _load(terms, bid);
        _requireVerifiers(terms, verifiers);
        require(e.status == Status.Active || e.status == Status.Ended, NotEngaged(id, e.status));
        require(e.flags & Flags.SLASHED == 0, NothingBonded(bid.runner));
        _requireEquivocated(bid.node, id, number, revision, blockHashes, signatures);

        uint256 bond = Rules.bondLeft(terms, e);
        uint256 toReporter = bond / 2;
        e.flags |= Flags.SLASHED;
        _engagements[id] = e;
        emit NodeSlashed(id, msg.sender, toReporter, bond - toReporter);
        if (Rules.works(e, block.timestamp)) {
            e.endsAt = uint40(block.timestamp);
            _end(terms, verifiers, bid, id, e, EndReason.Equivocation);
        }
        _pay(terms.token, msg.sender, toReporter);
        _pay(terms.token, terms.poster, bond - toReporter);
    }

    function _requireEquivocated(
        address node,
        bytes32 id,
        uint64 number,
        uint64 revision,
        bytes32[2] calldata blockHashes,
        bytes[2] calldata signatures
    ) private view {
        require(blockHashes[0] != blockHashes[1], NotEquivocated());
        for (uint256 i = 0; i < 2; ++i) {
            bytes32 digest = _hashTypedDataV4(Hashing.blockClaim(id, number, revision, blockHashes[i]));
            require(Signatures.isValid(node, digest, signatures[i]), BadSignature(node));
        }
    }
}
