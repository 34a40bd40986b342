// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {Award, Bid, Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";
import {Digests} from "../utils/Digests.sol";

/// @notice Where `award` takes the bond from, and when a spare award works.
contract AwardBondTest is Base {
    function awardWith(Terms memory t, Bid memory b, uint256 value) private {
        Award memory a = awardFor(b);
        bytes memory bidSignature = sign(runner, Digests.bid(b));
        bytes memory choice = sign(poster, Digests.award(a));
        vm.deal(stranger, value);
        vm.prank(stranger);
        escrow.award{value: value}(t, verifiers(), b, bidSignature, a, choice);
    }

    function spareFor(Bid memory b) private pure returns (Award memory a) {
        a = awardFor(b);
        a.spare = true;
    }

    function test_TheCallsValueComesFirst() public {
        Terms memory t = nativeTerms();
        post(t, RESERVE);
        deposit(address(0), runner.addr, BOND);
        awardWith(t, bidFor(t, 0), BOND);
        assertEq(escrow.balances(runner.addr, address(0)), BOND);
        assertEq(address(escrow).balance, RESERVE + 2 * BOND);
    }

    function test_RevertWhen_TheValueIsNotTheBond() public {
        Terms memory t = nativeTerms();
        post(t, RESERVE);
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongValue.selector, BOND, 1));
        awardWith(t, bidFor(t, 0), 1);
        t = usdTerms();
        post(t, RESERVE);
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongValue.selector, 0, BOND));
        awardWith(t, bidFor(t, 0), BOND);
    }

    function test_RevertWhen_TheFreeNativeBalanceIsTooLow() public {
        Terms memory t = nativeTerms();
        post(t, RESERVE);
        deposit(address(0), runner.addr, BOND - 1);
        vm.expectRevert(abi.encodeWithSelector(IErrors.BalanceTooLow.selector, BOND - 1, BOND));
        awardWith(t, bidFor(t, 0), 0);
    }

    function testFuzz_WhatTheFreeBalanceLacksComesFromTheAllowance(uint96 free) public {
        Terms memory t = usdTerms();
        post(t, RESERVE);
        free = uint96(bound(free, 0, 2 * uint256(BOND)));
        if (free != 0) deposit(address(usd), runner.addr, free);
        uint256 missing = free < BOND ? BOND - free : 0;
        ready(address(usd), runner.addr, missing);
        awardWith(t, bidFor(t, 0), 0);
        assertEq(usd.balanceOf(runner.addr), 0);
        assertEq(escrow.balances(runner.addr, address(usd)), free < BOND ? 0 : free - BOND);
        assertEq(usd.balanceOf(address(escrow)), RESERVE + free + missing);
    }

    function test_RevertWhen_NeitherBalanceNorAllowanceCoverTheBond() public {
        Terms memory t = usdTerms();
        post(t, RESERVE);
        deposit(address(usd), runner.addr, 1);
        ready(address(usd), runner.addr, BOND - 2);
        vm.expectRevert(
            abi.encodeWithSignature(
                "ERC20InsufficientAllowance(address,uint256,uint256)",
                address(escrow),
                uint256(BOND - 2),
                uint256(BOND - 1)
            )
        );
        awardWith(t, bidFor(t, 0), 0);
    }

    function test_NeedsNoBondWhereTheTermsAskForNone() public {
        Terms memory t = nativeTerms();
        t.bond = t.faultPenalty = 0;
        post(t, RESERVE);
        awardWith(t, bidFor(t, 0), 0);
        assertEq(address(escrow).balance, RESERVE);
    }

    // ------------------------------------------------------------------------------------------- spare awards

    function test_RevertWhen_ASpareFindsNoVacatedSeat() public {
        Terms memory t = nativeTerms();
        post(t, RESERVE);
        Bid memory b = bidFor(t, 0);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NoSeatVacated.selector, bountyOf(t)));
        award(t, b, spareFor(b));
    }

    /// @dev Engages twice, ends the first for cause at second 50, with the units up to then still reserved.
    function vacate(Terms memory t) private {
        Bid memory b = bidFor(t, 0);
        bytes32 id = engage(t, b);
        mint(t.token, address(this), RESERVE);
        escrow.fund{value: RESERVE}(t, RESERVE);
        warpTo(50);
        redeem(t, b, voucher(id, 0, 3));
        assertSeats(t, 0, 1);
    }

    function test_ASpareTakesTheVacatedSeatOnce() public {
        Terms memory t = nativeTerms();
        vacate(t);
        deposit(address(0), runner.addr, 2 * BOND);
        Bid memory b = bidFor(t, 1);
        award(t, b, spareFor(b));
        assertSeats(t, 1, 0);
        b = bidFor(t, 2);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NoSeatVacated.selector, bountyOf(t)));
        award(t, b, spareFor(b));
    }

    function test_AnOrdinaryAwardThatFillsTheVacatedSeatLeavesNoneForASpare() public {
        Terms memory t = nativeTerms();
        t.seats = 1;
        vacate(t);
        deposit(address(0), runner.addr, BOND);
        award(t, bidFor(t, 1));
        assertSeats(t, 1, 0);
    }

    function test_AnOrdinaryAwardTakesAnUnusedSeatBeforeTheVacatedOne() public {
        Terms memory t = nativeTerms();
        vacate(t);
        deposit(address(0), runner.addr, BOND);
        award(t, bidFor(t, 1));
        assertSeats(t, 1, 1);
    }

    function test_ARunnersNoticeOpensTheSeatButNotForASpare() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        engage(t, b);
        vm.prank(runner.addr);
        escrow.giveNotice(t, b);
        warpTo(30);
        escrow.end(t, verifiers(), b);
        assertSeats(t, 0, 0);
        b = bidFor(t, 1);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NoSeatVacated.selector, bountyOf(t)));
        award(t, b, spareFor(b));
    }
}
