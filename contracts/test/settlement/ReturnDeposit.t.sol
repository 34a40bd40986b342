// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";

/// @notice What a bounty can't use goes back to its poster.
contract ReturnDepositTest is Base {
    function depositOf(Terms memory t) private view returns (address) {
        return escrow.depositAddress(bountyOf(t));
    }

    function test_ReturnsTheWrongTokenByAnyone() public {
        Terms memory t = nativeTerms();
        usd.mint(depositOf(t), 6);
        vm.expectEmit(address(escrow));
        emit IEvents.DepositReturned(bountyOf(t), poster.addr, address(usd), 6);
        vm.prank(stranger);
        escrow.returnDeposit(t, address(usd));
        assertEq(usd.balanceOf(poster.addr), 6);
    }

    function test_ReturnsNativeSentToATokenBountyByAnyone() public {
        Terms memory t = usdTerms();
        vm.deal(depositOf(t), 6);
        vm.prank(stranger);
        escrow.returnDeposit(t, address(0));
        assertEq(poster.addr.balance, 6);
        assertEq(address(escrow).balance, 0);
    }

    function test_ReturnsTheRightTokenToThePosterOnly() public {
        for (uint256 i = 0; i < 2; ++i) {
            Terms memory t = i == 0 ? nativeTerms() : usdTerms();
            mint(t.token, depositOf(t), 6);
            vm.expectRevert(abi.encodeWithSelector(IErrors.NotPoster.selector, poster.addr, stranger));
            vm.prank(stranger);
            escrow.returnDeposit(t, t.token);
            vm.prank(poster.addr);
            escrow.returnDeposit(t, t.token);
            assertEq(held(t.token, poster.addr), 6);
        }
    }

    function test_RevertWhen_ThereIsNoPosterToReturnItTo() public {
        for (uint256 i = 0; i < 2; ++i) {
            Terms memory t = i == 0 ? nativeTerms() : usdTerms();
            t.poster = address(0);
            address token = i == 0 ? address(usd) : address(0);
            mint(token, depositOf(t), 4);
            vm.expectRevert(abi.encodeWithSelector(IErrors.InvalidTerms.selector, bytes32("poster")));
            escrow.returnDeposit(t, token);
            assertEq(held(token, depositOf(t)), 4);
        }
    }

    function test_RevertWhen_NoNativeWasDeposited() public {
        Terms memory t = usdTerms();
        address account = depositOf(t);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NothingDeposited.selector, account));
        escrow.returnDeposit(t, address(0));
    }
}
