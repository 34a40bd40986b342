// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IBalanceEvents} from "../../src/interfaces/IBalances.sol";
import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IVerifierBond} from "../../src/interfaces/IVerifierBond.sol";
import {Reenterer, Refuser} from "../utils/Hostile.sol";
import {BondBase} from "./BondBase.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

contract UnbondTest is BondBase {
    function expectUnbonded(address token, address who, uint256 amount, uint256 left) private {
        vm.expectEmit(address(verifierBond));
        emit IVerifierBond.Unbonded(address(escrow), who, token, amount, left);
    }

    function test_OpensThirtyDaysAfterTheThaw() public {
        for (uint256 i = 0; i < 6; ++i) {
            warpTo(0);
            address token = tokenOf(i > 2);
            address who = makeAddr(i > 2 ? "usd" : "native");
            if (i % 3 == 0) bond(address(escrow), token, who, 100);
            thaw(token, who, 20);
            warpTo(THAW - 1 + i % 3);
            if (i % 3 == 0) {
                vm.expectRevert(abi.encodeWithSelector(IErrors.NotEnded.selector, START + THAW, START + THAW - 1));
            } else {
                expectUnbonded(token, who, 20, 100 - 20 * (i % 3));
            }
            unbond(token, who);
            assertEq(held(token, who), 20 * (i % 3));
        }
    }

    function testFuzz_SendsWhatThawedAndKeepsTheRest(uint96 amount, uint96 part, bool inUsd) public {
        amount = uint96(bound(amount, 1, type(uint96).max));
        part = uint96(bound(part, 1, amount));
        address token = tokenOf(inUsd);
        address who = verifier[0].addr;
        bond(address(escrow), token, who, amount);
        thaw(token, who, part);
        warpTo(THAW);
        expectUnbonded(token, who, part, amount - part);
        unbond(token, who);
        assertBond(token, who, amount - part, 0, 0);
        assertEq(held(token, who), part);
        assertEq(held(token, address(verifierBond)), amount - part);
    }

    function test_RevertWhen_NothingThaws() public {
        address who = verifier[0].addr;
        bond(address(escrow), address(0), who, 100);
        bytes memory nothing = abi.encodeWithSelector(IErrors.ZeroAmount.selector);
        vm.expectRevert(nothing);
        unbond(address(0), who);
        thaw(address(0), who, 100);
        warpTo(THAW);
        unbond(address(0), who);
        vm.expectRevert(nothing);
        unbond(address(0), who);
        assertEq(who.balance, 100);
    }

    function test_TakesFromTheCallersCompartmentOnly() public {
        address who = verifier[0].addr;
        bond(address(escrow), address(0), who, 100);
        bond(other, address(0), who, 100);
        bond(address(escrow), address(0), verifier[1].addr, 100);
        thaw(address(0), who, 100);
        warpTo(THAW);
        vm.expectRevert(abi.encodeWithSelector(IErrors.ZeroAmount.selector));
        unbond(address(0), verifier[1].addr);
        vm.expectRevert(abi.encodeWithSelector(IErrors.ZeroAmount.selector));
        vm.prank(who);
        verifierBond.unbond(other, address(0));
        vm.expectRevert(abi.encodeWithSelector(IErrors.ZeroAmount.selector));
        unbond(address(usd), who);
        unbond(address(0), who);
        assertEq(address(verifierBond).balance, 200);
    }

    function test_CreditsAVerifierThatRefusesThePush() public {
        Refuser who = new Refuser();
        bond(address(escrow), address(0), address(who), 100);
        thaw(address(0), address(who), 100);
        warpTo(THAW);
        expectUnbonded(address(0), address(who), 100, 0);
        vm.expectEmit(address(verifierBond));
        emit IBalanceEvents.Credited(address(who), address(0), 100, 100);
        unbond(address(0), address(who));
        assertEq(balanceOf(address(0), address(who)), 100);
        vm.prank(address(who));
        verifierBond.withdraw(address(0), payee, 100);
        assertEq(payee.balance, 100);
        assertEq(address(verifierBond).balance, 0);
    }

    function test_RevertWhen_TheReceiverCallsBack() public {
        Reenterer who = new Reenterer();
        bond(address(escrow), address(0), address(who), 100);
        thaw(address(0), address(who), 50);
        who.load(address(verifierBond), abi.encodeCall(IVerifierBond.unbond, (address(escrow), address(0))));
        warpTo(THAW);
        unbond(address(0), address(who));
        assertFalse(who.entered());
        assertEq(bytes32(who.refusal()), bytes32(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector));
        assertBond(address(0), address(who), 50, 0, 0);
    }
}
