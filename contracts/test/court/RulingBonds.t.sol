// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IVerifierBond} from "../../src/interfaces/IVerifierBond.sol";
import {Subject, Terms} from "../../src/interfaces/Types.sol";
import {CourtBase} from "./CourtBase.sol";

/// @notice What a cut verdict costs its signers.
contract RulingBondsTest is CourtBase {
    address private constant NOBODY = address(0xdead);
    /// @dev Odd: half of it is not all of it.
    uint128 private constant MIN = 4 ether + 1;

    function begin(address token) private {
        Terms memory t = courtTerms(token);
        t.verifierBondMin = MIN;
        // Open-ended: a bond thaws in 30 days.
        t.unitSeconds = 0;
        for (uint256 i = 0; i < 3; ++i) {
            bondUp(token, i, 3 * uint256(MIN));
        }
        start(t);
    }

    function bondUp(address token, uint256 who, uint256 amount) private {
        vm.prank(verifier[who].addr);
        usd.approve(address(verifierBond), amount);
        vm.prank(verifier[who].addr);
        verifierBond.bond{value: valueOf(token, amount)}(address(escrow), token, verifier[who].addr, amount);
    }

    function thaw(uint256 who, uint256 amount) private {
        vm.prank(verifier[who].addr);
        verifierBond.thaw(address(escrow), offer.token, amount);
    }

    function bonded(uint256 who) private view returns (uint256) {
        return verifierBond.bondOf(address(escrow), verifier[who].addr, offer.token).amount;
    }

    function free(address account) private view returns (uint256) {
        return verifierBond.balances(account, offer.token);
    }

    function assertBonds(uint256 first, uint256 second, uint256 third) private view {
        assertEq(bonded(0), first, "first");
        assertEq(bonded(1), second, "second");
        assertEq(bonded(2), third, "third");
    }

    function expectSlashed(uint256 who, address reporter, uint256 amount, uint256 left) private {
        vm.expectEmit(address(verifierBond));
        emit IVerifierBond.Slashed(address(escrow), verifier[who].addr, offer.token, reporter, amount, left);
    }

    function test_CutUnitsCostEachSignerTheLeastBond() public {
        cutUnits(NATIVE);
    }

    function test_CutUnitsCostEachSignerTheLeastBondInTestUSD() public {
        cutUnits(address(usd));
    }

    function cutUnits(address token) private {
        begin(token);
        disputeWith(
            poster.addr, Subject.Units, 0, voucherBy(0, 2, 50, 0, START), valueOf(token, contestBond(50, RATE, 0))
        );
        expectSlashed(0, poster.addr, MIN, 2 * uint256(MIN));
        expectSlashed(2, poster.addr, MIN, 2 * uint256(MIN));
        rules(Subject.Units, 49);
        assertBonds(2 * uint256(MIN), 3 * uint256(MIN), 2 * uint256(MIN));
        assertEq(free(poster.addr), 2 * (MIN / 2), "half to who contested");
        assertEq(free(NOBODY), 2 * (MIN / 2 + 1), "half and the rest to nobody");
        // Not a wei was lost or moved.
        assertEq(held(token, address(verifierBond)), 9 * uint256(MIN));
    }

    function test_CutFaultsCostThemTooForTheRunner() public {
        begin(NATIVE);
        warpTo(50);
        disputeFaults(0, 2);
        rules(Subject.Faults, 0);
        assertBonds(2 * uint256(MIN), 2 * uint256(MIN), 3 * uint256(MIN));
        assertEq(free(runner.addr), 2 * (MIN / 2));
        vm.prank(runner.addr);
        verifierBond.withdraw(NATIVE, stranger, 2 * (MIN / 2));
        assertEq(stranger.balance, 2 * (MIN / 2));
    }

    function test_NothingIsTakenWhereVerdictsStand() public {
        begin(NATIVE);
        disputeUnits(0, 50);
        rules(Subject.Units, 50);
        warpTo(50);
        disputeFaults(0, 2);
        warpTo(110);
        settles(Subject.Faults);
        assertBonds(3 * uint256(MIN), 3 * uint256(MIN), 3 * uint256(MIN));
        assertEq(free(NOBODY), 0);
    }

    function test_NothingIsTakenForAnAssertion() public {
        begin(NATIVE);
        warpTo(60);
        asserts(50);
        disputeAssertion(verifier[0].addr, 0, 50);
        rules(Subject.Assertion, 10);
        assertBonds(3 * uint256(MIN), 3 * uint256(MIN), 3 * uint256(MIN));
    }

    function test_NothingIsTakenWhereNoneWasAskedFor() public {
        bondUp(NATIVE, 0, MIN);
        start(NATIVE);
        warpTo(50);
        disputeUnits(0, 50);
        rules(Subject.Units, 0);
        assertBonds(MIN, 0, 0);
        assertRecord(3, 0, 0, 50);
    }

    function test_AlsoWhatThaws() public {
        begin(NATIVE);
        thaw(0, 3 * uint256(MIN));
        thaw(1, 2 * uint256(MIN) - 1);
        disputeUnits(0, 50);
        rules(Subject.Units, 0);
        assertBonds(2 * uint256(MIN), 2 * uint256(MIN), 3 * uint256(MIN));
        assertEq(verifierBond.bondOf(address(escrow), verifier[0].addr, NATIVE).thawing, 2 * uint256(MIN));
        assertEq(verifierBond.bondOf(address(escrow), verifier[1].addr, NATIVE).thawing, 2 * uint256(MIN) - 1);
    }

    function test_AlsoWhatHasThawedAndWasNotTakenOut() public {
        begin(NATIVE);
        thaw(0, 3 * uint256(MIN));
        warpTo(30 days);
        disputeUnits(0, 50);
        rules(Subject.Units, 0);
        assertBonds(2 * uint256(MIN), 2 * uint256(MIN), 3 * uint256(MIN));
    }

    function test_NoMoreThanIsThere() public {
        begin(NATIVE);
        thaw(0, 3 * uint256(MIN) - 1);
        thaw(1, 3 * uint256(MIN));
        warpTo(30 days);
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(verifier[i].addr);
            verifierBond.unbond(address(escrow), NATIVE);
        }
        disputeUnits(0, 50);
        // The one with a single base unit loses that; the one with nothing blocks nothing.
        expectSlashed(0, poster.addr, 1, 0);
        rules(Subject.Units, 0);
        assertBonds(0, 0, 3 * uint256(MIN));
        assertEq(free(poster.addr), 0);
        assertEq(free(NOBODY), 1);
    }

    function test_OnlyTheEscrowItWasPutUpFor() public {
        begin(NATIVE);
        vm.prank(poster.addr);
        verifierBond.slash(NATIVE, verifier[0].addr, MIN, poster.addr);
        assertBonds(3 * uint256(MIN), 3 * uint256(MIN), 3 * uint256(MIN));
        assertEq(free(poster.addr), 0);
    }
}
