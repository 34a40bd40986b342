// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IBalanceEvents, IBalances} from "../../src/interfaces/IBalances.sol";
import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {ISettlement} from "../../src/interfaces/ISettlement.sol";
import {BatchEntry, Bid, SignedVerdict, Status, Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";
import {DataBomb, GasBurner, Hungry, Reenterer, Refuser} from "../utils/Hostile.sol";

/// @notice Hostile receivers and tokens: what can't be pushed is credited, and nobody else is blocked.
contract PayoutTest is Base {
    bytes4 private constant REENTRANT = bytes4(keccak256("ReentrancyGuardReentrantCall()"));

    function engageTo(address to) private returns (Terms memory t, Bid memory b, bytes32 id) {
        t = nativeTerms();
        b = bidFor(t, 0);
        b.payee = to;
        b.relayFee = 0.5 ether;
        id = engage(t, b);
        warpTo(50);
    }

    function assertCredited(address to) private {
        (Terms memory t, Bid memory b, bytes32 id) = engageTo(to);
        vm.expectEmit(address(escrow));
        emit IBalanceEvents.Credited(to, address(0), 4.5 ether, 4.5 ether);
        redeem(t, b, voucher(id, 10, 1));
        assertEq(to.balance, 0);
        assertEq(escrow.balances(to, address(0)), 4.5 ether);
        assertEq(relayer.balance, 0.5 ether);
        assertEq(poster.addr.balance, PENALTY);
        assertEq(address(escrow).balance, RESERVE + BOND - 0.5 ether - PENALTY);
        assertEngagement(id, Status.Active, 10, UNITS, 1);
    }

    function test_CreditsAPayeeThatReverts() public {
        Refuser refuser = new Refuser();
        assertCredited(address(refuser));
        // It can still withdraw to somebody who accepts.
        refuser.act(address(escrow), abi.encodeCall(IBalances.withdraw, (address(0), stranger, 4.5 ether)));
        assertEq(stranger.balance, 4.5 ether);
        assertEq(escrow.balances(address(refuser), address(0)), 0);
    }

    function test_CreditsAPayeeThatBurnsGas() public {
        assertCredited(address(new GasBurner()));
        assertLe(vm.lastCallGas().gasTotalUsed, 300_000, "a burner costs no more than its push");
    }

    function test_CreditsAPayeeThatNeedsMoreGasThanAPushBrings() public {
        Hungry hungry = new Hungry();
        assertCredited(address(hungry));
        // A withdrawal brings all there is.
        vm.prank(address(hungry));
        escrow.withdraw(address(0), address(hungry), 4.5 ether);
        assertEq(address(hungry).balance, 4.5 ether);
    }

    function test_PaysAPayeeThatReturnsMuchDataAndCopiesNone() public {
        DataBomb bomb = new DataBomb();
        (Terms memory t, Bid memory b, bytes32 id) = engageTo(address(bomb));
        redeem(t, b, voucher(id, 10, 0));
        assertEq(address(bomb).balance, 4.5 ether);
    }

    function test_RefusesReentryButPays() public {
        Reenterer again = new Reenterer();
        (Terms memory t, Bid memory b, bytes32 id) = engageTo(address(again));
        bytes[3] memory calls = [
            abi.encodeCall(IBalances.withdraw, (address(0), address(again), 1)),
            abi.encodeCall(ISettlement.giveNotice, (t, b)),
            abi.encodeCall(ISettlement.end, (t, verifiers(), b))
        ];
        for (uint64 i = 0; i < 3; ++i) {
            again.load(address(escrow), calls[i]);
            redeem(t, b, voucher(id, 10 * (i + 1), 0));
            assertEq(uint256(uint32(again.refusal())), uint256(uint32(REENTRANT)));
        }
        assertFalse(again.entered());
        assertEq(address(again).balance, 30 * uint256(RATE) - 1.5 ether);
    }

    function test_CreditsAPosterThatReverts() public {
        Terms memory t = nativeTerms();
        t.poster = address(new Refuser());
        t.openClaim = true;
        Bid memory b = bidFor(t, 0);
        vm.deal(escrow.depositAddress(b.bounty), RESERVE);
        escrow.postFromDeposit(t);
        vm.deal(runner.addr, BOND);
        vm.prank(runner.addr);
        bytes32 id = escrow.claim{value: BOND}(t, verifiers(), b);
        warpTo(RECLAIM);
        redeem(t, b, voucher(id, 10, 1));
        assertEq(payee.balance, 5 ether);
        assertEq(escrow.balances(t.poster, address(0)), PENALTY);
        escrow.end(t, verifiers(), b);
        escrow.reclaim(t, verifiers(), b);
        assertEq(escrow.balances(t.poster, address(0)), PENALTY + RESERVE - 5 ether);
        assertEq(runner.addr.balance, BOND - PENALTY);
    }

    function test_CreditsARelayerThatReverts() public {
        Refuser refuser = new Refuser();
        refuser.setOpen(true);
        (Terms memory t, Bid memory b, bytes32 id) = engageTo(payee);
        SignedVerdict[] memory v = voucher(id, 10, 0);
        refuser.setOpen(false);
        refuser.act(address(escrow), abi.encodeCall(IMarket.redeem, (t, verifiers(), b, v)));
        assertEq(escrow.balances(address(refuser), address(0)), 0.5 ether);
        assertEq(payee.balance, 4.5 ether);
    }

    function test_OneHostilePayeeBlocksNobodyInABatch() public {
        (Terms memory t, Bid memory bad, bytes32 badId) = engageTo(address(new GasBurner()));
        vm.deal(address(this), RESERVE);
        escrow.fund{value: RESERVE}(t, RESERVE);
        deposit(address(0), runner.addr, BOND);
        Bid memory fine = bidFor(t, 1);
        bytes32 fineId = award(t, fine);
        warpTo(100);
        bytes32[] memory leaves = new bytes32[](2);
        (leaves[0], leaves[1]) = (leafOf(badId, 10, 0), leafOf(fineId, 10, 0));
        BatchEntry[] memory entries = new BatchEntry[](2);
        entries[0] = batchEntry(0, bad, 10, 0);
        entries[1] = batchEntry(0, fine, 10, 0);
        assertEq(escrow.redeemBatch(oneOffer(t), attestations(leaves, START + 80), entries), 2);
        assertEq(payee.balance, 5 ether);
        assertEq(escrow.balances(bad.payee, address(0)), 4.5 ether);
    }

    // ------------------------------------------------------------------------------------------- gas

    /// @dev Whatever gas the submitter brings, the payee is paid or nothing happens: never credited for want of gas.
    function testFuzz_TooLittleGasFailsTheCallNotThePush(uint256 gasLimit) public {
        (Terms memory t, Bid memory b, bytes32 id) = engageTo(payee);
        vm.deal(payee, 1);
        SignedVerdict[] memory v = voucher(id, 10, 0);
        gasLimit = bound(gasLimit, 30_000, 300_000);
        bytes memory data = abi.encodeCall(IMarket.redeem, (t, verifiers(), b, v));
        (bool ok,) = address(escrow).call{gas: gasLimit}(data);
        assertEq(escrow.balances(payee, address(0)), 0);
        assertEq(payee.balance, ok ? 4.5 ether + 1 : 1);
    }

    function test_RevertWhen_TooLittleGasIsLeftForAPush() public {
        (Terms memory t, Bid memory b, bytes32 id) = engageTo(payee);
        SignedVerdict[] memory v = voucher(id, 10, 0);
        bytes memory data = abi.encodeCall(IMarket.redeem, (t, verifiers(), b, v));
        (bool ok, bytes memory why) = address(escrow).call{gas: 95_000}(data);
        assertFalse(ok);
        assertEq(uint256(uint32(bytes4(why))), uint256(uint32(IErrors.GasTooLow.selector)));
        uint256 needed;
        assembly {
            needed := mload(add(why, 0x24))
        }
        assertEq(needed, 50_000 + 1562 + 12_000);
    }
}
