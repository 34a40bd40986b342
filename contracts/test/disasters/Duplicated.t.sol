// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {Attestation, BatchEntry, Bid, SignedVerdict, Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";
import {Digests} from "../utils/Digests.sol";

/// @notice One signature that was counted twice.
contract DuplicatedTest is Base {
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    Terms private t;
    Bid private b;
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        Terms memory terms = nativeTerms();
        Bid memory bid = bidFor(terms, 0);
        (t, b, id) = (terms, bid, engage(terms, bid));
        warpTo(60);
    }

    /// @dev One verifier's statement in every form in which it could be given.
    function forms(uint256 who) private view returns (bytes[4] memory) {
        bytes32 statement = Digests.statement(leafOf(id, 40, 0), uint64(START + 40));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(verifier[who].secret, digest(statement));
        bytes32 high = bytes32(ORDER - uint256(s));
        return [
            abi.encodePacked(r, s, v),
            signCompact(verifier[who], statement),
            abi.encodePacked(r, high, v == 27 ? uint8(28) : uint8(27)),
            abi.encodePacked(r, bytes32(uint256(high) | (uint256(28 - v) << 255)))
        ];
    }

    /// @dev Receipts were told apart by the bytes of their signature, and a signature has more than one form
    /// (semiotic-ai/timeline-aggregation-protocol#291).
    function test_AMalleableSignatureMadeASecondReceipt_GraphTAP() public {
        SignedVerdict[] memory v = voucher(id, 40, 0, START + 40);
        bytes[4] memory signatures = forms(1);
        for (uint256 i = 2; i < 4; ++i) {
            v[1].signature = signatures[i];
            vm.expectRevert(abi.encodeWithSelector(IErrors.NotAttested.selector, verifier[1].addr));
            redeem(t, b, v);
        }
        v[1].signature = signatures[0];
        redeem(t, b, v);
        assertEq(payee.balance, 20 ether);
        // The other good form pays nothing again.
        v[1].signature = signatures[1];
        vm.expectRevert(abi.encodeWithSelector(IErrors.NothingNew.selector, 40, 40));
        redeem(t, b, v);
    }

    function test_OneSignerFilledTheThresholdAlone_GraphTAP() public {
        bytes[4] memory signatures = forms(0);
        SignedVerdict[] memory v = voucher(id, 40, 0, START + 40);
        for (uint256 i = 0; i < 4; ++i) {
            v[1].signature = signatures[i];
            v[1].packed = v[0].packed;
            vm.expectRevert(abi.encodeWithSelector(IErrors.WrongMember.selector, 3, 0));
            redeem(t, b, v);
            // Nor under another's name.
            v[1].packed = pack(1, START + 40, 7, 40, 0);
            vm.expectRevert(abi.encodeWithSelector(IErrors.NotAttested.selector, verifier[1].addr));
            redeem(t, b, v);
        }
    }

    function test_OneSignerFilledTheThresholdAloneInABatch_GraphTAP() public {
        bytes[4] memory signatures = forms(0);
        bytes32[] memory leaves = new bytes32[](1);
        leaves[0] = leafOf(id, 40, 0);
        Attestation[] memory attested = new Attestation[](2);
        attested[0] = attestation(0, leaves, START + 40);
        BatchEntry[] memory entries = new BatchEntry[](1);
        entries[0] = batchEntry(0, b, 40, 0);
        for (uint256 i = 0; i < 4; ++i) {
            attested[1] = attestation(0, leaves, START + 40);
            attested[1].signature = signatures[i];
            expectSkipped(IErrors.NotVerifier.selector, 0);
            assertEq(escrow.redeemBatch(oneOffer(t), attested, entries), 0);
            attested[1].verifier = verifier[1].addr;
            expectSkipped(IErrors.NotAttested.selector, 1);
            assertEq(escrow.redeemBatch(oneOffer(t), attested, entries), 0);
        }
        assertEq(payee.balance, 0);
    }

    function expectSkipped(bytes4 why, uint256 who) private {
        vm.expectEmit(address(escrow));
        emit IEvents.Skipped(id, abi.encodeWithSelector(why, verifier[who].addr));
    }

    /// @dev Twice in one call, and again in the next one.
    function test_OneClaimWasPaidTwice() public {
        bytes32[] memory leaves = new bytes32[](2);
        leaves[0] = leaves[1] = leafOf(id, 40, 0);
        BatchEntry[] memory entries = new BatchEntry[](2);
        entries[0] = entries[1] = batchEntry(0, b, 40, 0);
        Attestation[] memory attested = attestations(leaves, START + 40);
        assertEq(escrow.redeemBatch(oneOffer(t), attested, entries), 1);
        assertEq(escrow.redeemBatch(oneOffer(t), attested, entries), 0);
        SignedVerdict[] memory v = voucher(id, 40, 0, START + 40);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NothingNew.selector, 40, 40));
        redeem(t, b, v);
        assertEq(payee.balance, 20 ether);
    }
}
