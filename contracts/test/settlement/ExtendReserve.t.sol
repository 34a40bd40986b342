// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {Bid, Status, Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice What an extension reserves: exactly what the longer engagement would have reserved more from its beginning.
contract ExtendReserveTest is Base {
    uint256 private constant CLOCK_MAX = type(uint32).max;
    uint256 private constant UNITS_MAX = 2 ** 53 - 1;

    function extend(Terms memory t, Bid memory b, uint64 units) private {
        vm.prank(poster.addr);
        escrow.extend(t, verifiers(), b, units);
    }

    function fund(Terms memory t, uint256 amount) private {
        ready(t.token, stranger, amount);
        vm.prank(stranger);
        escrow.fund{value: valueOf(t.token, amount)}(t, amount);
    }

    /// @dev Written once more: units, and three verifiers' fees for every epoch begun, or per unit without a clock.
    function reserveOf(Terms memory t, Bid memory b, uint256 units) private pure returns (uint256) {
        uint256 epochs = units;
        if (t.unitSeconds != 0) epochs = (units * t.unitSeconds + t.epochSeconds - 1) / t.epochSeconds;
        return units * b.rate + 3 * uint256(t.verifierFee) * epochs;
    }

    function engageWith(Terms memory t, Bid memory b) private returns (bytes32) {
        post(t, reserveOf(t, b, t.unitsMax));
        deposit(t.token, b.runner, t.bond);
        return award(t, b);
    }

    function test_ReservesFeesOnlyForEpochsThatAreNew() public {
        Terms memory t = nativeTerms();
        (t.epochSeconds, t.verifierFee) = (30, 1 ether);
        Bid memory b = bidFor(t, 0);
        bytes32 id = engageWith(t, b);
        fund(t, 21 * uint256(RATE) + 3 ether);
        // The fourth epoch was begun before and is filled now.
        vm.expectEmit(address(escrow));
        emit IEvents.Extended(id, b.bounty, 120, uint64(START + 120), 20 * uint256(RATE), RATE + 3 ether);
        extend(t, b, 20);
        vm.expectEmit(address(escrow));
        emit IEvents.Extended(id, b.bounty, 121, uint64(START + 121), RATE + 3 ether, 0);
        extend(t, b, 1);
    }

    function testFuzz_ReservesTheDifference(
        uint32 unitSeconds,
        uint32 epochSeconds,
        uint96 fee,
        uint32 units,
        uint128 rate,
        bool inUsd
    ) public {
        Terms memory t = inUsd ? usdTerms() : nativeTerms();
        t.unitSeconds = uint32(bound(unitSeconds, 0, 1000));
        t.epochSeconds = uint32(bound(epochSeconds, 1, 100_000));
        t.verifierFee = fee;
        units = uint32(bound(units, 1, 1_000_000));
        Bid memory b = bidFor(t, 0);
        b.rate = uint128(bound(rate, 0, RATE));
        bytes32 id = engageWith(t, b);
        uint256 more = reserveOf(t, b, UNITS + units) - reserveOf(t, b, UNITS);
        fund(t, more + 1);
        extend(t, b, units);
        assertEq(escrowOf(t), 1);
        assertEq(escrow.engagement(id).unitsMax, UNITS + units);
        assertEq(held(t.token, address(escrow)), reserveOf(t, b, UNITS + units) + 1 + BOND);
    }

    function testFuzz_NothingIsLostOnTheWayHome(uint16 units, uint64 fee, uint16 paid, bool clocked, bool inUsd)
        public
    {
        Terms memory t = inUsd ? usdTerms() : nativeTerms();
        (t.verifierFee, t.unitSeconds) = (fee, clocked ? 1 : 0);
        units = uint16(bound(units, 1, 10_000));
        paid = uint16(bound(paid, 1, uint256(UNITS) + units));
        Bid memory b = bidFor(t, 0);
        bytes32 id = engageWith(t, b);
        uint256 more = reserveOf(t, b, UNITS + units) - reserveOf(t, b, UNITS);
        fund(t, more + 9);
        extend(t, b, units);
        if (!clocked) {
            vm.prank(runner.addr);
            escrow.giveNotice(t, b);
        }
        warpTo(uint256(UNITS) + units + RECLAIM);
        redeem(t, b, voucher(id, paid, 0));
        escrow.end(t, verifiers(), b);
        escrow.reclaim(t, verifiers(), b);
        assertEngagement(id, Status.Closed, paid, UNITS + units, 0);
        assertEq(held(t.token, payee), uint256(paid) * RATE);
        assertEq(held(t.token, poster.addr), reserveOf(t, b, UNITS + units) - uint256(paid) * RATE);
        assertEq(held(t.token, runner.addr), BOND);
        assertEq(escrowOf(t), 9);
        assertEq(held(t.token, address(escrow)), 9);
    }

    function test_RevertWhen_TheEscrowLacksOneWei() public {
        for (uint256 i = 0; i < 2; ++i) {
            Terms memory t = i == 0 ? nativeTerms() : usdTerms();
            t.verifierFee = 5;
            Bid memory b = bidFor(t, 0);
            bytes32 id = engageWith(t, b);
            // Eleven units begin two epochs.
            uint256 reserve = 11 * uint256(RATE) + 30;
            fund(t, reserve - 1);
            vm.expectRevert(abi.encodeWithSelector(IErrors.Underfunded.selector, reserve, reserve - 1));
            extend(t, b, 11);
            fund(t, 1);
            extend(t, b, 11);
            assertEq(escrowOf(t), 0);
            assertEq(escrow.engagement(id).unitsMax, 111);
        }
    }

    /// @dev What is paid in fees is counted in 128 bits: a fee that is lost count of would be paid out of others' money.
    function test_RevertWhen_TheFeesWouldNotFit() public {
        for (uint128 i = 0; i < 2; ++i) {
            Terms memory t = usdTerms();
            (t.unitSeconds, t.unitsMax, t.rateMax) = (0, 1, 1);
            // The most that two epochs of three verifiers can cost, and a wei more.
            t.verifierFee = type(uint128).max / 6 + i;
            Bid memory b = bidFor(t, 0);
            bytes32 id = engageWith(t, b);
            fund(t, reserveOf(t, b, 1));
            if (i == 1) {
                vm.expectRevert(
                    abi.encodeWithSelector(
                        SafeCast.SafeCastOverflowedUintDowncast.selector, uint8(128), 6 * uint256(t.verifierFee)
                    )
                );
            }
            extend(t, b, 1);
            assertEq(escrow.engagement(id).unitsMax, 2 - i);
        }
    }

    function test_RevertWhen_TheClockWouldNotFit() public {
        for (uint256 i = 0; i < 2; ++i) {
            Terms memory t = nativeTerms();
            (t.rateMax, t.unitSeconds) = (1, i == 0 ? 1 : 1000);
            uint256 most = CLOCK_MAX / t.unitSeconds;
            bytes32 id = assertLimit(t, most);
            assertEq(escrow.engagement(id).endsAt, START + most * t.unitSeconds);
        }
    }

    function test_RevertWhen_TheUnitsWouldNotFit() public {
        Terms memory t = nativeTerms();
        (t.rateMax, t.unitSeconds) = (1, 0);
        assertLimit(t, UNITS_MAX);
    }

    /// @dev At most `most` units, whatever the escrow could pay.
    function assertLimit(Terms memory t, uint256 most) private returns (bytes32 id) {
        Bid memory b = bidFor(t, 0);
        id = engageWith(t, b);
        fund(t, UNITS_MAX);
        vm.expectRevert(abi.encodeWithSelector(IErrors.TooManyUnits.selector, most, most + 1));
        extend(t, b, uint64(most - UNITS + 1));
        uint256 all = uint256(UNITS) + type(uint64).max;
        vm.expectRevert(abi.encodeWithSelector(IErrors.TooManyUnits.selector, most, all));
        extend(t, b, type(uint64).max);
        extend(t, b, uint64(most - UNITS));
        assertEq(escrow.engagement(id).unitsMax, most);
        vm.expectRevert(abi.encodeWithSelector(IErrors.TooManyUnits.selector, most, most + 1));
        extend(t, b, 1);
    }
}
