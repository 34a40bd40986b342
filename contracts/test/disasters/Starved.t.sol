// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Attestation, BatchEntry, Bid, Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";
import {DataBomb, GasBurner, Refuser} from "../utils/Hostile.sol";

/// @notice Settlement that became too expensive to send, or that one party could stop. Each call is a transaction of its own.
/// forge-config: default.isolate = true
contract StarvedTest is Base {
    uint64 private constant MANY = 1_000_000;

    function start(Terms memory t, uint256 nonce) private returns (Bid memory b, bytes32 id) {
        b = bidFor(t, nonce);
        id = award(t, b);
    }

    function clockless() private returns (Terms memory t) {
        t = nativeTerms();
        (t.unitsMax, t.unitSeconds, t.rateMax, t.seats) = (MANY, 0, 1e9, 5);
        post(t, 10 * MANY * uint256(1e9));
        deposit(address(0), runner.addr, 5 * uint256(BOND));
        vm.deal(payee, 1);
    }

    function costOf(Terms memory t, Bid memory b, bytes32 id, uint64 units) private returns (uint256) {
        redeem(t, b, voucher(id, units, 0, START + 10));
        return vm.lastCallGas().gasTotalUsed;
    }

    function assertClose(uint256 a, uint256 b) private pure {
        assertLe((a > b ? a - b : b - a) * 100, a, "1 % apart");
    }

    /// @dev A settlement walked every change of rate since the last one, until it ran out of gas (filecoin-project/curio#897).
    function test_SettlementGrewWithEveryRateChangeUntilItFitNoBlock_FilecoinPay() public {
        Terms memory t = clockless();
        (Bid memory plain, bytes32 plainId) = start(t, 0);
        (Bid memory longer, bytes32 longerId) = start(t, 1);
        for (uint64 i = 1; i <= 100; ++i) {
            vm.prank(poster.addr);
            escrow.extend(t, verifiers(), longer, i);
        }
        warpTo(50);
        assertClose(costOf(t, plain, plainId, 1), costOf(t, longer, longerId, MANY + 5050));
        assertEq(payee.balance, 1 + (MANY + 5051) * 1e9);
    }

    /// @dev What was held for the reason at first: the time since the last one.
    function test_SettlementGrewWithTheTimeSinceTheLastOne() public {
        Terms memory t = clockless();
        (Bid memory one, bytes32 oneId) = start(t, 0);
        (Bid memory many, bytes32 manyId) = start(t, 1);
        warpTo(50);
        uint256 cost = costOf(t, one, oneId, 1);
        vm.warp(START + 10 * 365 days);
        redeem(t, many, voucher(manyId, MANY, 0));
        assertClose(cost, vm.lastCallGas().gasTotalUsed);
    }

    /// @dev Rails were settled ten at a time, and one that failed reverted the other nine (filecoin-project/curio#1092).
    function test_OneFailingPayeeStarvedAllOthersOfTheBatch_Curio() public {
        Terms memory t = clockless();
        address[5] memory payees =
            [address(new GasBurner()), payee, address(new Refuser()), address(new DataBomb()), stranger];
        bytes32[] memory leaves = new bytes32[](5);
        BatchEntry[] memory entries = new BatchEntry[](5);
        for (uint256 i = 0; i < 5; ++i) {
            Bid memory b = bidFor(t, i);
            b.payee = payees[i];
            leaves[i] = leafOf(award(t, b), MANY, 0);
            entries[i] = batchEntry(0, b, MANY, 0);
        }
        warpTo(50);
        Attestation[] memory attested = attestations(leaves, START + 30);
        assertEq(escrow.redeemBatch(oneOffer(t), attested, entries), 5);
        assertLe(vm.lastCallGas().gasTotalUsed, 600_000, "two refusals cost their pushes");
        assertEq(payee.balance, 1 + MANY * 1e9);
        assertEq(stranger.balance, MANY * 1e9);
        assertEq(payees[3].balance, MANY * 1e9);
        assertEq(escrow.balances(payees[0], address(0)), MANY * 1e9);
        assertEq(escrow.balances(payees[2], address(0)), MANY * 1e9);
    }
}
