// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {AttestedFinding} from "../../src/interfaces/IVerifierBond.sol";
import {Verdict} from "../../src/interfaces/Types.sol";
import {Digests} from "../utils/Digests.sol";
import {BondBase} from "./BondBase.sol";

/// @notice What proves no equivocation.
contract SlashVerifierProofTest is BondBase {
    bytes private constant NOT_EQUIVOCATED = abi.encodeWithSelector(IErrors.NotEquivocated.selector);

    address private who;
    bytes private notAttested;

    function setUp() public override {
        super.setUp();
        who = verifier[0].addr;
        notAttested = abi.encodeWithSelector(IErrors.NotAttested.selector, who);
        bond(address(escrow), address(0), who, 100);
        bond(other, address(0), who, 100);
        bond(address(escrow), address(0), verifier[1].addr, 100);
    }

    function expectRefused(bytes memory why, AttestedFinding memory a, AttestedFinding memory b) private {
        vm.expectRevert(why);
        slashVerifier(address(0), who, a, b);
        assertBond(address(0), who, 100, 0, 0);
    }

    /// @dev Repeating oneself is no lie, however often and in whatever tree.
    function test_RevertWhen_BothAreTheSameVerdict() public {
        AttestedFinding memory a = alone(verifier[0], verdict(7, 10), START);
        expectRefused(NOT_EQUIVOCATED, a, a);
        expectRefused(NOT_EQUIVOCATED, a, alone(verifier[0], verdict(7, 10), START + 5));
        (AttestedFinding memory b,) = together(verifier[0], verdict(7, 10), verdict(7, 11));
        expectRefused(NOT_EQUIVOCATED, a, b);
    }

    function testFuzz_RevertWhen_TheEpochsDiffer(uint64 first, uint64 second) public {
        vm.assume(first != second);
        expectRefused(
            NOT_EQUIVOCATED,
            alone(verifier[0], verdict(first, 10), START),
            alone(verifier[0], verdict(second, 11), START)
        );
        (AttestedFinding memory a, AttestedFinding memory b) =
            together(verifier[0], verdict(first, 10), verdict(second, 11));
        expectRefused(NOT_EQUIVOCATED, a, b);
    }

    function test_RevertWhen_OneIsForAnotherEngagement() public {
        bytes32 another = keccak256("another engagement");
        AttestedFinding memory a = alone(verifier[0], verdict(7, 10), START);
        AttestedFinding memory b = alone(verifier[0], verdict(7, 11), START);
        b.signature = signStatement(verifier[0], Digests.leaf(another, 7, 11, 0, EVIDENCE), START);
        expectRefused(notAttested, a, b);
        expectRefused(notAttested, b, a);
        vm.expectRevert(notAttested);
        verifierBond.slashVerifier(address(escrow), address(0), who, another, a, b);
    }

    function test_RevertWhen_OneIsForAnotherEscrow() public {
        AttestedFinding memory a = alone(verifier[0], verdict(7, 10), START);
        AttestedFinding memory b = alone(verifier[0], verdict(7, 11), START);
        bytes32 structHash = Digests.statement(leafOf(b.verdict), b.attestedAt);
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(verifier[0].secret, Digests.typed(Digests.domain("Piecework", other), structHash));
        b.signature = abi.encodePacked(r, s, v);
        expectRefused(notAttested, a, b);
        expectRefused(notAttested, b, a);
        vm.expectRevert(notAttested);
        verifierBond.slashVerifier(other, address(0), who, ENGAGEMENT, a, b);
    }

    /// @dev Nor can a proof for one escrow be carried to the bond towards another.
    function test_RevertWhen_BothAreForAnotherEscrow() public {
        (AttestedFinding memory a, AttestedFinding memory b) = conflict(verifier[0]);
        vm.expectRevert(notAttested);
        verifierBond.slashVerifier(other, address(0), who, ENGAGEMENT, a, b);
        assertEq(verifierBond.bondOf(other, who, address(0)).amount, 100);
    }

    function test_RevertWhen_OneIsAnotherVerifiers() public {
        AttestedFinding memory a = alone(verifier[0], verdict(7, 10), START);
        AttestedFinding memory b = alone(verifier[1], verdict(7, 11), START);
        expectRefused(notAttested, a, b);
        expectRefused(notAttested, b, a);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotAttested.selector, verifier[1].addr));
        slashVerifier(address(0), verifier[1].addr, a, b);
    }

    function test_RevertWhen_AnythingAboutOneIsNotWhatWasSigned() public {
        AttestedFinding memory a = alone(verifier[0], verdict(7, 10), START);
        for (uint256 i = 0; i < 6; ++i) {
            (, AttestedFinding memory b) = together(verifier[0], verdict(7, 10), verdict(7, 11));
            if (i == 0) ++b.verdict.units;
            if (i == 1) ++b.verdict.faults;
            if (i == 2) b.verdict.evidence = 0;
            if (i == 3) ++b.attestedAt;
            if (i == 4) b.proof = new bytes32[](0);
            if (i == 5) b.signature[10] ^= 0x01;
            expectRefused(notAttested, a, b);
            expectRefused(notAttested, b, a);
        }
    }

    function test_RevertWhen_ItIsSignedOnAnotherChain() public {
        (AttestedFinding memory a, AttestedFinding memory b) = conflict(verifier[0]);
        vm.chainId(2);
        expectRefused(notAttested, a, b);
    }

    function test_RevertWhen_NothingIsBonded() public {
        (AttestedFinding memory a, AttestedFinding memory b) = conflict(verifier[2]);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NothingBonded.selector, verifier[2].addr));
        slashVerifier(address(0), verifier[2].addr, a, b);
        (a, b) = conflict(verifier[0]);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NothingBonded.selector, who));
        slashVerifier(address(usd), who, a, b);
    }
}
