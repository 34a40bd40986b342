// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {Bid, Status, Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";

/// @notice What a voucher pays, and when.
contract RedeemTest is Base {
    Terms private t;
    Bid private b;
    bytes32 private id;

    function start(Terms memory terms) private {
        t = terms;
        Bid memory bid = bidFor(terms, 0);
        b = bid;
        id = engage(terms, bid);
    }

    function test_PaysUnitsTimesRateToThePayee() public {
        start(nativeTerms());
        warpTo(60);
        vm.expectEmit(address(escrow));
        emit IEvents.Redeemed(id, payee, relayer, 40, 20 ether, 0);
        redeem(t, b, voucher(id, 40, 0, START + 40));
        assertEq(payee.balance, 20 ether);
        assertEq(relayer.balance, 0);
        assertEngagement(id, Status.Active, 40, UNITS, 0);
        assertEq(address(escrow).balance, RESERVE + BOND - 20 ether);
    }

    function testFuzz_PaysTheLowestCountAmongTheThreshold(uint64 low, uint64 high, bool swap, uint8 out, bool inUsd)
        public
    {
        start(inUsd ? usdTerms() : nativeTerms());
        low = uint64(bound(low, 1, UNITS));
        high = uint64(bound(high, low, type(uint64).max));
        uint256[2] memory who = [uint256(out % 3 == 0 ? 1 : 0), out % 3 == 2 ? 1 : 2];
        uint64[2] memory units = swap ? [high, low] : [low, high];
        warpTo(200);
        redeem(t, b, voucher(id, units, [uint64(0), 0], [START + 100, START + 150], who));
        assertEq(held(t.token, payee), uint256(low) * RATE);
        assertEq(held(t.token, address(escrow)), RESERVE + BOND - uint256(low) * RATE);
    }

    function test_ProvesTheLowestFaultsAmongTheThreshold() public {
        start(nativeTerms());
        warpTo(60);
        vm.expectEmit(address(escrow));
        emit IEvents.Faulted(id, 1, PENALTY, BOND - PENALTY);
        redeem(t, b, voucher(id, [uint64(0), 0], [uint64(2), 1], [START + 40, START + 10], [uint256(0), 2]));
        assertEngagement(id, Status.Active, 0, UNITS, 1);
        assertEq(poster.addr.balance, PENALTY);
        assertEq(payee.balance, 0);
    }

    function testFuzz_CountsAreCumulative(uint64 first, uint64 second) public {
        start(nativeTerms());
        first = uint64(bound(first, 1, UNITS - 1));
        second = uint64(bound(second, first + 1, UNITS));
        warpTo(150);
        redeem(t, b, voucher(id, first, 0));
        assertEq(payee.balance, uint256(first) * RATE);
        redeem(t, b, voucher(id, second, 0));
        assertEq(payee.balance, uint256(second) * RATE);
        assertEngagement(id, Status.Active, second, UNITS, 0);
    }

    function test_RevertWhen_NothingIsNew() public {
        start(nativeTerms());
        warpTo(50);
        redeem(t, b, voucher(id, 20, 1));
        uint64[3] memory units = [uint64(20), 19, 0];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IErrors.NothingNew.selector, 20, units[i]));
            redeem(t, b, voucher(id, units[i], 1));
        }
    }

    function test_FaultsCanBeNewWhenUnitsAreNot() public {
        start(nativeTerms());
        warpTo(50);
        redeem(t, b, voucher(id, 20, 0));
        redeem(t, b, voucher(id, 5, 1));
        assertEngagement(id, Status.Active, 20, UNITS, 1);
        assertEq(payee.balance, 20 * uint256(RATE));
    }

    // ------------------------------------------------------------------------------------------- clock

    function test_CapsUnitsByTheClock() public {
        Terms memory terms = nativeTerms();
        terms.unitSeconds = 7;
        start(terms);
        uint256[4] memory time = [uint256(27), 28, 29, 35];
        uint256[4] memory units = [uint256(3), 4, 4, 5];
        for (uint256 i = 0; i < 4; ++i) {
            warpTo(time[i] + CHALLENGE);
            assertEq(escrow.unitsCap(t, id, uint64(START + time[i])), units[i]);
            if (i == 2) vm.expectRevert(abi.encodeWithSelector(IErrors.NothingNew.selector, 4, 4));
            redeem(t, b, voucher(id, 1000, 0));
            assertEq(payee.balance, units[i] * RATE);
        }
    }

    function test_StopsTheClockAtTheEnd() public {
        start(nativeTerms());
        assertEq(escrow.unitsCap(t, id, uint64(START - 1)), 0);
        for (uint256 time = ENDS - 1; time <= ENDS + 1; ++time) {
            warpTo(time + CHALLENGE);
            if (time > ENDS) vm.expectRevert(abi.encodeWithSelector(IErrors.NothingNew.selector, UNITS, UNITS));
            redeem(t, b, voucher(id, type(uint64).max, 0));
            assertEq(payee.balance, (time < ENDS ? time : ENDS) * RATE);
        }
    }

    function test_StopsTheClockWhenNoticeRunsOut() public {
        start(nativeTerms());
        vm.prank(poster.addr);
        escrow.giveNotice(t, b);
        for (uint256 time = 29; time <= 31; ++time) {
            warpTo(time + CHALLENGE);
            if (time == 31) vm.expectRevert(abi.encodeWithSelector(IErrors.NothingNew.selector, 30, 30));
            redeem(t, b, voucher(id, 100, 0));
            assertEq(payee.balance, (time < 30 ? time : 30) * RATE);
        }
    }

    function test_CapsByTheReserveAloneWithoutAClock() public {
        Terms memory terms = nativeTerms();
        terms.unitSeconds = 0;
        start(terms);
        warpTo(20);
        redeem(t, b, voucher(id, 101, 0));
        assertEq(payee.balance, RESERVE);
        assertEngagement(id, Status.Active, UNITS, UNITS, 0);
    }

    // ------------------------------------------------------------------------------------------- challenge window

    function test_PaysOnceTheNewestVerdictMatured() public {
        start(nativeTerms());
        for (uint256 time = 59; time <= 61; ++time) {
            warpTo(time);
            uint64 units = uint64(time - 21);
            if (time == 59) {
                vm.expectRevert(abi.encodeWithSelector(IErrors.ChallengeOpen.selector, START + 60, START + 59));
            }
            redeem(t, b, voucher(id, [units, units], [uint64(0), 0], [START + 40, START + 10], [uint256(0), 1]));
            assertEq(payee.balance, time == 59 ? 0 : units * uint256(RATE));
        }
    }

    /// @dev As late as forty bits can say.
    function test_RevertWhen_AttestedInTheFuture() public {
        start(nativeTerms());
        warpTo(99);
        vm.expectRevert(
            abi.encodeWithSelector(IErrors.ChallengeOpen.selector, uint256(type(uint40).max) + 20, START + 99)
        );
        redeem(t, b, voucher(id, 1, 0, type(uint40).max));
    }

    // ------------------------------------------------------------------------------------------- after the end

    function test_WorksInTheRedemptionPeriodUntilClosed() public {
        start(nativeTerms());
        warpTo(ENDS);
        escrow.end(t, verifiers(), b);
        redeem(t, b, voucher(id, 50, 1));
        assertEngagement(id, Status.Ended, 50, UNITS, 1);
        warpTo(RECLAIM + 5);
        redeem(t, b, voucher(id, 60, 2));
        assertEq(payee.balance, 30 ether);
        escrow.reclaim(t, verifiers(), b);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotEngaged.selector, id, Status.Closed));
        redeem(t, b, voucher(id, 70, 0));
        // What was paid, what was penalized, and the rest home to its owners.
        assertEq(poster.addr.balance, RESERVE - 30 ether + 2 * PENALTY);
        assertEq(runner.addr.balance, BOND - 2 * PENALTY);
        assertEq(address(escrow).balance, 0);
    }
}
