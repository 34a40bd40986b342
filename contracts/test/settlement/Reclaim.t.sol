// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {Bid, Status, Terms, VerifierSet} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";
import {Digests} from "../utils/Digests.sol";

contract ReclaimTest is Base {
    function reclaim(Terms memory t, Bid memory b) private {
        vm.prank(stranger);
        escrow.reclaim(t, verifiers(), b);
    }

    function test_OpensWhenTheRedemptionPeriodIsOver() public {
        for (uint256 i = 0; i < 3; ++i) {
            warpTo(0);
            Terms memory t = nativeTerms();
            t.salt = i;
            Bid memory b = bidFor(t, 0);
            bytes32 id = engage(t, b);
            assertEq(escrow.reclaimableAt(t, id), START + RECLAIM);
            warpTo(ENDS);
            escrow.end(t, verifiers(), b);
            warpTo(RECLAIM - 1 + i);
            if (i == 0) {
                vm.expectRevert(
                    abi.encodeWithSelector(IErrors.RedemptionOpen.selector, START + RECLAIM, START + RECLAIM - 1)
                );
            } else {
                vm.expectEmit(address(escrow));
                emit IEvents.Reclaimed(id, RESERVE, BOND);
            }
            reclaim(t, b);
            assertEq(poster.addr.balance, i * RESERVE);
            assertEq(runner.addr.balance, i * BOND);
        }
    }

    function testFuzz_TheUnearnedReserveGoesHomeAndTheBondToo(
        uint64 units,
        uint64 faults,
        uint64 fee,
        uint128 rate,
        bool inUsd
    ) public {
        Terms memory t = inUsd ? usdTerms() : nativeTerms();
        t.faultsMax = 0;
        t.verifierFee = fee;
        units = uint64(bound(units, 0, UNITS));
        faults = uint64(bound(faults, units == 0 ? 1 : 0, 10));
        Bid memory b = bidFor(t, 0);
        b.rate = rate = uint128(bound(rate, 0, RATE));
        uint256 reserve = uint256(rate) * UNITS + 30 * uint256(fee);
        post(t, reserve);
        deposit(t.token, runner.addr, BOND);
        bytes32 id = award(t, b);
        warpTo(RECLAIM);
        redeem(t, b, voucher(id, units, faults));
        escrow.end(t, verifiers(), b);
        reclaim(t, b);

        uint256 penalty = faults * PENALTY < BOND ? faults * PENALTY : BOND;
        assertEq(held(t.token, payee), uint256(units) * rate);
        assertEq(held(t.token, poster.addr), reserve - uint256(units) * rate + penalty);
        assertEq(held(t.token, runner.addr), BOND - penalty);
        assertEq(held(t.token, address(escrow)), 0);
        assertEngagement(id, Status.Closed, units, UNITS, faults);
    }

    function test_FollowsTheEndForCause() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        bytes32 id = engage(t, b);
        warpTo(50);
        redeem(t, b, voucher(id, 5, 3));
        warpTo(50 + 109);
        vm.expectRevert(abi.encodeWithSelector(IErrors.RedemptionOpen.selector, START + 160, START + 159));
        reclaim(t, b);
        warpTo(160);
        vm.expectEmit(address(escrow));
        emit IEvents.Reclaimed(id, 45 * uint256(RATE), BOND - 3 * PENALTY);
        reclaim(t, b);
        // The released reserve stays escrow for a successor.
        assertEq(escrowOf(t), 50 * uint256(RATE));
        assertEq(address(escrow).balance, 50 * uint256(RATE));
    }

    function test_ClosedAbsorbs() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        bytes32 id = engage(t, b);
        warpTo(RECLAIM);
        escrow.end(t, verifiers(), b);
        reclaim(t, b);
        bytes memory closed = abi.encodeWithSelector(IErrors.NotEngaged.selector, id, Status.Closed);
        vm.expectRevert(closed);
        reclaim(t, b);
        vm.expectRevert(closed);
        escrow.end(t, verifiers(), b);
        vm.expectRevert(closed);
        redeem(t, b, voucher(id, 50, 5));
        vm.expectRevert(closed);
        vm.prank(runner.addr);
        escrow.giveNotice(t, b);
        post(nativeTermsWithSalt(1), RESERVE);
        vm.deal(address(this), RESERVE);
        escrow.fund{value: RESERVE}(t, RESERVE);
        deposit(address(0), runner.addr, BOND);
        vm.expectRevert(abi.encodeWithSelector(IErrors.AlreadyEngaged.selector, id));
        award(t, b);
        assertEq(address(escrow).balance, 2 * RESERVE + BOND);
    }

    function nativeTermsWithSalt(uint256 salt) private view returns (Terms memory t) {
        t = nativeTerms();
        t.salt = salt;
    }

    function test_RevertWhen_ItHasNotEnded() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotEngaged.selector, Digests.bid(b), Status.None));
        reclaim(t, b);
        engage(t, b);
        warpTo(RECLAIM);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotEngaged.selector, Digests.bid(b), Status.Active));
        reclaim(t, b);
    }

    function test_RevertWhen_TheTermsOrTheVerifierSetAreAnothers() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        engage(t, b);
        warpTo(RECLAIM);
        escrow.end(t, verifiers(), b);
        VerifierSet memory set = VerifierSet(2, new address[](32));
        vm.expectRevert(
            abi.encodeWithSelector(IErrors.WrongVerifierSet.selector, t.verifierSet, Digests.verifierSet(set))
        );
        escrow.reclaim(t, set, b);
        t.poster = stranger;
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongBounty.selector, bountyOf(t), b.bounty));
        reclaim(t, b);
    }
}
