// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IBalanceEvents} from "../../src/interfaces/IBalances.sol";
import {BondBase} from "./BondBase.sol";

/// @notice What an escrow's ruling takes. Any account can play the escrow, towards itself alone.
contract SlashTest is BondBase {
    address private who;

    function setUp() public override {
        super.setUp();
        who = verifier[0].addr;
    }

    function testFuzz_GoesHalfToTheReporterRoundedDownAndTheRestToNobody(uint96 bonded, uint96 amount, bool inUsd)
        public
    {
        bonded = uint96(bound(bonded, 1, type(uint96).max));
        amount = uint96(bound(amount, 1, bonded));
        address token = tokenOf(inUsd);
        bond(address(escrow), token, who, bonded);
        uint256 half = amount / 2;
        expectSlashed(token, who, amount, bonded - amount);
        vm.expectEmit(address(verifierBond));
        emit IBalanceEvents.Credited(reporter, token, half, half);
        vm.expectEmit(address(verifierBond));
        emit IBalanceEvents.Credited(NOBODY, token, amount - half, amount - half);
        slash(token, who, amount);
        assertBond(token, who, bonded - amount, 0, 0);
        assertEq(balanceOf(token, reporter), half);
        assertEq(balanceOf(token, NOBODY), amount - half);
        // Nothing is sent: a ruling must not depend on who receives this.
        assertEq(held(token, address(verifierBond)), bonded);
        assertEq(held(token, reporter), 0);
    }

    function test_TheOddWeiIsNobodys() public {
        bond(address(escrow), address(0), who, 7);
        slash(address(0), who, 7);
        assertEq(balanceOf(address(0), reporter), 3);
        assertEq(balanceOf(address(0), NOBODY), 4);
        vm.prank(reporter);
        verifierBond.withdraw(address(0), reporter, 3);
        assertEq(reporter.balance, 3);
    }

    function testFuzz_TakesWhatIsThereWhenThatIsLess(uint128 bonded, uint256 amount) public {
        bonded = uint128(bound(bonded, 1, type(uint128).max));
        amount = bound(amount, bonded, type(uint256).max);
        bond(address(escrow), address(usd), who, bonded);
        expectSlashed(address(usd), who, bonded, 0);
        slash(address(usd), who, amount);
        assertBond(address(usd), who, 0, 0, 0);
        assertEq(balanceOf(address(usd), reporter) + balanceOf(address(usd), NOBODY), bonded);
    }

    /// @dev A ruling goes on without the bond: nothing to take is no error.
    function test_TakesNothingWhereNothingIs() public {
        bond(address(escrow), address(0), who, 5);
        vm.recordLogs();
        slash(address(0), verifier[1].addr, 5);
        slash(address(usd), who, 5);
        slash(address(0), who, 0);
        assertEq(vm.getRecordedLogs().length, 0);
        assertBond(address(0), who, 5, 0, 0);
        assertEq(balanceOf(address(0), reporter), 0);
    }

    /// @dev What no longer thaws comes first out of what stays; what thaws is never more than what is there.
    function testFuzz_ReachesWhatThaws(uint256 thawing, uint256 amount) public {
        thawing = bound(thawing, 1, 100);
        amount = bound(amount, 1, 100);
        bond(address(escrow), address(0), who, 100);
        thaw(address(0), who, thawing);
        slash(address(0), who, amount);
        uint256 left = 100 - amount;
        assertBond(address(0), who, left, thawing < left ? thawing : left, START + THAW);
        // Nothing underflows afterwards.
        assertEq(lackingAt(address(0), who, 1), thawing < left ? address(0) : who);
    }

    function test_ReachesWhatHasThawedUntilItIsTakenOut() public {
        bond(address(escrow), address(0), who, 100);
        thaw(address(0), who, 60);
        warpTo(THAW + 365 days);
        slash(address(0), who, 50);
        assertBond(address(0), who, 50, 50, START + THAW);
        unbond(address(0), who);
        assertEq(who.balance, 50);
        slash(address(0), who, 50);
        assertEq(balanceOf(address(0), reporter), 25);
        assertEq(address(verifierBond).balance, 50);
    }

    function testFuzz_TheCallerReachesItsOwnCompartmentOnly(address caller, uint256 amount) public {
        vm.assume(caller != address(escrow) && caller != other);
        bond(address(escrow), address(0), who, 100);
        bond(other, address(0), who, 100);
        vm.prank(caller);
        verifierBond.slash(address(0), who, amount, reporter);
        assertBond(address(0), who, 100, 0, 0);
        assertEq(verifierBond.bondOf(other, who, address(0)).amount, 100);
        vm.prank(other);
        verifierBond.slash(address(0), who, 30, reporter);
        assertBond(address(0), who, 100, 0, 0);
        assertEq(verifierBond.bondOf(other, who, address(0)).amount, 70);
    }

    function test_ConcernsOneTokenAndOneVerifier() public {
        bond(address(escrow), address(0), who, 100);
        bond(address(escrow), address(usd), who, 100);
        bond(address(escrow), address(0), verifier[1].addr, 100);
        slash(address(0), who, 100);
        assertBond(address(0), who, 0, 0, 0);
        assertBond(address(usd), who, 100, 0, 0);
        assertBond(address(0), verifier[1].addr, 100, 0, 0);
        assertEq(balanceOf(address(usd), reporter), 0);
    }
}
