// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IVerifierBond} from "../../src/interfaces/IVerifierBond.sol";
import {MoodyToken} from "../utils/Hostile.sol";
import {BondBase} from "./BondBase.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

contract BondTest is BondBase {
    function testFuzz_AnyoneAddsToAVerifiersBond(uint96 first, uint96 second, bool inUsd) public {
        first = uint96(bound(first, 1, type(uint96).max));
        second = uint96(bound(second, 1, type(uint96).max));
        address token = tokenOf(inUsd);
        address who = verifier[0].addr;
        bond(address(escrow), token, who, first);
        uint256 sum = uint256(first) + second;
        readyBond(token, stranger, second);
        vm.expectEmit(address(verifierBond));
        emit IVerifierBond.Bonded(address(escrow), who, token, stranger, second, sum);
        vm.prank(stranger);
        verifierBond.bond{value: valueOf(token, second)}(address(escrow), token, who, second);
        assertBond(token, who, sum, 0, 0);
        assertEq(held(token, address(verifierBond)), sum);
        assertEq(held(token, stranger), 0);
        assertEq(balanceOf(token, who), 0);
    }

    function test_KeepsACompartmentPerEscrowTokenAndVerifier() public {
        bond(address(escrow), address(0), verifier[0].addr, 1);
        bond(other, address(0), verifier[0].addr, 2);
        bond(address(escrow), address(usd), verifier[0].addr, 3);
        bond(address(escrow), address(0), verifier[1].addr, 4);
        assertBond(address(0), verifier[0].addr, 1, 0, 0);
        assertBond(address(usd), verifier[0].addr, 3, 0, 0);
        assertBond(address(0), verifier[1].addr, 4, 0, 0);
        assertEq(verifierBond.bondOf(other, verifier[0].addr, address(0)).amount, 2);
        assertEq(verifierBond.bondOf(other, verifier[0].addr, address(usd)).amount, 0);
    }

    /// @dev Else a competitor could keep a verifier's money in for ever with one wei a month.
    function testFuzz_ATopUpChangesNoTime(uint96 amount, uint32 when) public {
        amount = uint96(bound(amount, 1, type(uint96).max));
        address who = verifier[0].addr;
        bond(address(escrow), address(0), who, 100);
        thaw(address(0), who, 60);
        warpTo(bound(when, 0, THAW));
        bond(address(escrow), address(0), who, amount);
        assertBond(address(0), who, 100 + uint256(amount), 60, START + THAW);
        warpTo(THAW);
        unbond(address(0), who);
        assertBond(address(0), who, 40 + uint256(amount), 0, 0);
    }

    /// @dev The real escrow asks this before it engages anyone.
    function test_LackingNamesTheFirstMemberBelowTheMinimum() public {
        address[] memory members = verifiers().members;
        bond(address(escrow), address(0), members[0], 11);
        bond(address(escrow), address(0), members[1], 10);
        bond(address(escrow), address(0), members[2], 9);
        assertEq(verifierBond.lacking(address(escrow), address(0), members, 9), address(0));
        assertEq(verifierBond.lacking(address(escrow), address(0), members, 10), members[2]);
        assertEq(verifierBond.lacking(address(escrow), address(0), members, 11), members[1]);
        assertEq(verifierBond.lacking(other, address(0), members, 1), members[0]);
        assertEq(verifierBond.lacking(address(escrow), address(usd), members, 1), members[0]);
        assertEq(verifierBond.lacking(other, address(usd), members, 0), address(0));
    }

    function test_RevertWhen_TheValueIsNotTheAmount() public {
        vm.deal(stranger, 3);
        for (uint256 value = 0; value < 3; ++value) {
            if (value == 1) continue;
            vm.expectRevert(abi.encodeWithSelector(IErrors.WrongValue.selector, 1, value));
            vm.prank(stranger);
            verifierBond.bond{value: value}(address(escrow), address(0), verifier[0].addr, 1);
        }
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongValue.selector, 0, 1));
        vm.prank(stranger);
        verifierBond.bond{value: 1}(address(escrow), address(usd), verifier[0].addr, 1);
    }

    function test_RevertWhen_TheAmountIsZero() public {
        vm.expectRevert(abi.encodeWithSelector(IErrors.ZeroAmount.selector));
        verifierBond.bond(address(escrow), address(0), verifier[0].addr, 0);
    }

    function test_RevertWhen_TheTokenTakesAFee() public {
        MoodyToken token = new MoodyToken();
        token.mint(stranger, 1000);
        token.setMood(MoodyToken.Mood.TakesFee);
        vm.prank(stranger);
        token.approve(address(verifierBond), 1000);
        vm.expectRevert(abi.encodeWithSelector(IErrors.TransferMismatch.selector, 1000, 989));
        vm.prank(stranger);
        verifierBond.bond(address(escrow), address(token), verifier[0].addr, 1000);
    }

    function test_RevertWhen_TheBondDoesNotFit() public {
        uint256 most = type(uint128).max;
        bond(address(escrow), address(usd), verifier[0].addr, most);
        readyBond(address(usd), stranger, 1);
        vm.expectRevert(abi.encodeWithSelector(SafeCast.SafeCastOverflowedUintDowncast.selector, uint8(128), most + 1));
        vm.prank(stranger);
        verifierBond.bond(address(escrow), address(usd), verifier[0].addr, 1);
    }
}
