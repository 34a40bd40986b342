// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IEvents} from "../../src/interfaces/IEvents.sol";
import {Bid, Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";
import {Digests} from "../utils/Digests.sol";

/// @notice What tests of a node that signs two blocks for one place do.
abstract contract NodeBase is Base {
    uint64 internal constant NUMBER = 1234;
    uint64 internal constant REVISION = 2;

    Key internal node;

    function setUp() public virtual override {
        super.setUp();
        node = makeKey("node");
    }

    function nodeBid(Terms memory t, uint256 nonce) internal view returns (Bid memory b) {
        b = bidFor(t, nonce);
        b.node = node.addr;
    }

    function hashes() internal pure returns (bytes32[2] memory) {
        return [keccak256("one block"), keccak256("another block")];
    }

    function claimOf(Key memory key, bytes32 id, uint64 number, uint64 revision, bytes32 blockHash)
        internal
        view
        returns (bytes memory)
    {
        return sign(key, Digests.blockClaim(id, number, revision, blockHash));
    }

    /// @notice Both claims of one node about one number and revision.
    function proofOf(Key memory key, bytes32 id) internal view returns (bytes[2] memory signatures) {
        for (uint256 i = 0; i < 2; ++i) {
            signatures[i] = claimOf(key, id, NUMBER, REVISION, hashes()[i]);
        }
    }

    function slashNode(Terms memory t, Bid memory b, bytes32[2] memory blockHashes, bytes[2] memory signatures)
        internal
    {
        vm.prank(stranger);
        escrow.slashNode(t, verifiers(), b, NUMBER, REVISION, blockHashes, signatures);
    }

    function slashNode(Terms memory t, Bid memory b) internal {
        slashNode(t, b, hashes(), proofOf(node, Digests.bid(b)));
    }

    function expectSlashed(bytes32 id, uint256 toReporter, uint256 toPoster) internal {
        vm.expectEmit(address(escrow));
        emit IEvents.NodeSlashed(id, stranger, toReporter, toPoster);
    }
}
