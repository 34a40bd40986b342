// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IEvents} from "../../src/interfaces/IEvents.sol";
import {BatchEntry, Bid, SignedVerdict, Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";
import {Vm} from "../utils/Vm.sol";

/// @notice What the submitter of a voucher gets: the bid's fee out of the pay, at most a tenth of it.
contract RelayFeeTest is Base {
    function start(Terms memory t, uint128 rate, uint128 relayFee) private returns (Bid memory b, bytes32 id) {
        b = bidFor(t, 0);
        (b.rate, b.relayFee) = (rate, relayFee);
        id = engage(t, b);
        warpTo(ENDS + CHALLENGE);
    }

    function testFuzz_IsTheFeeOfTheBidOrATenthOfThePay(uint128 fee, uint64 units, bool inUsd) public {
        units = uint64(bound(units, 1, UNITS));
        fee = uint128(bound(fee, 0, uint256(RATE) * UNITS));
        Terms memory t = inUsd ? usdTerms() : nativeTerms();
        (Bid memory b, bytes32 id) = start(t, RATE, fee);
        uint256 pay = uint256(units) * RATE;
        uint256 relayFee = fee < pay / 10 ? fee : pay / 10;
        vm.expectEmit(address(escrow));
        emit IEvents.Redeemed(id, payee, relayer, units, pay - relayFee, relayFee);
        redeem(t, b, voucher(id, units, 0));
        assertEq(held(t.token, payee), pay - relayFee);
        assertEq(held(t.token, relayer), relayFee);
        assertEq(held(t.token, address(escrow)), RESERVE + BOND - pay);
    }

    function test_IsCappedFromOneBaseUnitAboveATenth() public {
        Terms memory t = nativeTerms();
        t.salt = 1;
        for (uint128 more = 0; more < 2; ++more) {
            (Bid memory b, bytes32 id) = (bidFor(t, more), bytes32(0));
            b.relayFee = 0.5 ether + more;
            warpTo(0);
            if (more == 0) post(t, 2 * RESERVE);
            deposit(address(0), runner.addr, BOND);
            id = award(t, b);
            warpTo(50);
            redeem(t, b, voucher(id, 10, 0));
            assertEq(relayer.balance, (more + 1) * 0.5 ether);
        }
    }

    /// @dev The farm: whoever relays is paid per redemption, so it cuts the work as thin as it can.
    function test_SlicingTheWorkFarmsNoMoreThanATenth() public {
        Terms memory t = nativeTerms();
        (Bid memory b, bytes32 id) = start(t, RATE, type(uint128).max);
        for (uint64 units = 1; units <= UNITS; ++units) {
            redeem(t, b, voucher(id, units, 0));
            assertLe(relayer.balance * 10, units * uint256(RATE), "a tenth");
        }
        assertEq(relayer.balance, RESERVE / 10);
        assertEq(payee.balance, RESERVE - RESERVE / 10);
    }

    /// @dev The same in one transaction.
    function test_SlicingTheWorkInABatchFarmsNoMoreThanATenth() public {
        Terms memory t = nativeTerms();
        (Bid memory b, bytes32 id) = start(t, RATE, type(uint128).max);
        bytes32[] memory leaves = new bytes32[](20);
        BatchEntry[] memory entries = new BatchEntry[](20);
        for (uint64 i = 0; i < 20; ++i) {
            leaves[i] = leafOf(id, i + 1, 0);
            entries[i] = batchEntry(0, b, i + 1, 0);
        }
        vm.prank(relayer);
        assertEq(escrow.redeemBatch(oneOffer(t), attestations(leaves, START + ENDS), entries), 20);
        assertEq(relayer.balance, 1 ether);
        assertEq(payee.balance, 9 ether);
    }

    /// @dev Rounded down in each slice, the sum can't exceed the tenth by rounding either.
    function testFuzz_NeverSumsToMoreThanATenth(uint128 rate, uint128 fee, uint256 seed) public {
        Terms memory t = usdTerms();
        (Bid memory b, bytes32 id) = start(t, uint128(bound(rate, 1, 1000)), fee);
        for (uint64 units = 0; units < UNITS; seed = uint256(keccak256(abi.encode(seed)))) {
            units += uint64(1 + seed % 30);
            if (units > UNITS) units = UNITS;
            redeem(t, b, voucher(id, units, 0));
            assertLe(usd.balanceOf(relayer) * 10, units * uint256(b.rate), "a tenth");
            assertEq(usd.balanceOf(relayer) + usd.balanceOf(payee), units * uint256(b.rate));
        }
    }

    function test_SendsNoFeeThatRoundsToNothing() public {
        Terms memory t = usdTerms();
        (Bid memory b, bytes32 id) = start(t, 9, type(uint128).max);
        SignedVerdict[] memory v = voucher(id, 1, 0);
        vm.recordLogs();
        redeem(t, b, v);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        // One Redeemed, and one transfer to the payee.
        assertEq(logs.length, 2);
        assertEq(usd.balanceOf(payee), 9);
    }

    function test_NoFeeForFaultsAlone() public {
        Terms memory t = nativeTerms();
        (Bid memory b, bytes32 id) = start(t, RATE, 1 ether);
        redeem(t, b, voucher(id, 0, 1));
        assertEq(relayer.balance, 0);
        assertEq(poster.addr.balance, PENALTY);
    }
}
