// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {AttestedFinding} from "../../src/interfaces/IVerifierBond.sol";
import {Verdict} from "../../src/interfaces/Types.sol";
import {Digests} from "../utils/Digests.sol";
import {Account1271} from "../utils/Hostile.sol";
import {BondBase} from "./BondBase.sol";

/// @notice Two differing verdicts for one engagement and epoch cost the whole bond in one token.
contract SlashVerifierTest is BondBase {
    address private who;

    function setUp() public override {
        super.setUp();
        who = verifier[0].addr;
    }

    function testFuzz_TakesTheWholeBondForTwoVerdictsInTwoTrees(uint96 bonded, bool inUsd, bool swapped) public {
        bonded = uint96(bound(bonded, 1, type(uint96).max));
        address token = tokenOf(inUsd);
        bond(address(escrow), token, who, bonded);
        (AttestedFinding memory a, AttestedFinding memory b) = conflict(verifier[0]);
        if (swapped) (a, b) = (b, a);
        expectSlashed(token, who, bonded, 0);
        slashVerifier(token, who, a, b);
        assertBond(token, who, 0, 0, 0);
        assertEq(balanceOf(token, reporter), bonded / 2);
        assertEq(balanceOf(token, NOBODY), bonded - bonded / 2);
        assertEq(held(token, address(verifierBond)), bonded);
    }

    function test_TakesItForTwoVerdictsInOneTree() public {
        bond(address(escrow), address(0), who, 100);
        (AttestedFinding memory a, AttestedFinding memory b) = together(verifier[0], verdict(7, 10), verdict(7, 11));
        expectSlashed(address(0), who, 100, 0);
        slashVerifier(address(0), who, a, b);
        assertBond(address(0), who, 0, 0, 0);
    }

    function test_AnyDifferenceIsEnough() public {
        for (uint256 i = 0; i < 3; ++i) {
            bond(address(escrow), address(0), who, 100);
            Verdict memory v = verdict(7, 10);
            if (i == 0) ++v.units;
            if (i == 1) ++v.faults;
            if (i == 2) v.evidence = keccak256("other evidence");
            slashVerifier(address(0), who, alone(verifier[0], verdict(7, 10), START), alone(verifier[0], v, START));
            assertBond(address(0), who, 0, 0, 0);
        }
    }

    /// @dev Bonds of one key towards one escrow all stand for the same word.
    function test_TakesEachTokensBondInACallOfItsOwn() public {
        bond(address(escrow), address(0), who, 100);
        bond(address(escrow), address(usd), who, 50);
        (AttestedFinding memory a, AttestedFinding memory b) = conflict(verifier[0]);
        slashVerifier(address(usd), who, a, b);
        assertBond(address(0), who, 100, 0, 0);
        slashVerifier(address(0), who, a, b);
        assertBond(address(0), who, 0, 0, 0);
        assertBond(address(usd), who, 0, 0, 0);
    }

    function test_ReachesWhatThawsAndWhatHasThawed() public {
        bond(address(escrow), address(0), who, 100);
        bond(address(escrow), address(usd), who, 100);
        thaw(address(0), who, 100);
        thaw(address(usd), who, 100);
        (AttestedFinding memory a, AttestedFinding memory b) = conflict(verifier[0]);
        warpTo(THAW - 1);
        slashVerifier(address(0), who, a, b);
        warpTo(THAW + 1);
        slashVerifier(address(usd), who, a, b);
        vm.expectRevert(abi.encodeWithSelector(IErrors.ZeroAmount.selector));
        unbond(address(usd), who);
        assertEq(held(address(usd), who), 0);
    }

    function test_RevertWhen_ItWasTakenOutBefore() public {
        bond(address(escrow), address(0), who, 100);
        thaw(address(0), who, 100);
        warpTo(THAW);
        unbond(address(0), who);
        (AttestedFinding memory a, AttestedFinding memory b) = conflict(verifier[0]);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NothingBonded.selector, who));
        slashVerifier(address(0), who, a, b);
    }

    function test_RevertWhen_ItWasSlashedBefore() public {
        bond(address(escrow), address(0), who, 100);
        (AttestedFinding memory a, AttestedFinding memory b) = conflict(verifier[0]);
        slashVerifier(address(0), who, a, b);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NothingBonded.selector, who));
        slashVerifier(address(0), who, a, b);
        assertEq(balanceOf(address(0), reporter), 50);
    }

    /// @dev A proof stays a proof: a key that lied once can't be bonded again towards this escrow.
    function test_TheSameProofTakesALaterBondToo() public {
        bond(address(escrow), address(0), who, 100);
        (AttestedFinding memory a, AttestedFinding memory b) = conflict(verifier[0]);
        slashVerifier(address(0), who, a, b);
        bond(address(escrow), address(0), who, 10);
        slashVerifier(address(0), who, a, b);
        assertBond(address(0), who, 0, 0, 0);
        assertEq(balanceOf(address(0), reporter), 55);
    }

    function test_LeavesBondsTowardsOtherEscrowsAndOfOthersAlone() public {
        bond(address(escrow), address(0), who, 100);
        bond(other, address(0), who, 100);
        bond(address(escrow), address(0), verifier[1].addr, 100);
        (AttestedFinding memory a, AttestedFinding memory b) = conflict(verifier[0]);
        slashVerifier(address(0), who, a, b);
        assertEq(verifierBond.bondOf(other, who, address(0)).amount, 100);
        assertBond(address(0), verifier[1].addr, 100, 0, 0);
    }

    function test_TakesTheWordOfASmartAccount() public {
        Account1271 account = new Account1271();
        bond(address(escrow), address(0), address(account), 100);
        (AttestedFinding memory a, AttestedFinding memory b) = conflict(verifier[0]);
        (a.signature, b.signature) = ("", "");
        account.approve(digest(Digests.statement(leafOf(a.verdict), a.attestedAt)));
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotAttested.selector, address(account)));
        slashVerifier(address(0), address(account), a, b);
        account.approve(digest(Digests.statement(leafOf(b.verdict), b.attestedAt)));
        expectSlashed(address(0), address(account), 100, 0);
        slashVerifier(address(0), address(account), a, b);
    }
}
