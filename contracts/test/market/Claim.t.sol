// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {Bid, Status, Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";

contract ClaimTest is Base {
    function openTerms() private view returns (Terms memory t) {
        t = nativeTerms();
        t.openClaim = true;
    }

    function claim(Terms memory t, Bid memory b, uint256 value) private returns (bytes32) {
        vm.deal(runner.addr, runner.addr.balance + value);
        vm.prank(runner.addr);
        return escrow.claim{value: value}(t, verifiers(), b);
    }

    function test_TakesASeatAtTheTopRateWithoutASignature() public {
        Terms memory t = openTerms();
        Bid memory b = bidFor(t, 0);
        post(t, RESERVE + 1);
        vm.expectEmit(address(escrow));
        emit IEvents.Engaged(
            escrow.engagementId(b),
            bountyOf(t),
            runner.addr,
            b,
            verifiers(),
            UNITS,
            uint64(START),
            uint64(START + ENDS),
            RESERVE,
            false,
            1
        );
        bytes32 id = claim(t, b, BOND);
        assertEngagement(id, Status.Active, 0, UNITS, 0);
        assertEq(escrow.engagement(id).startedAt, START);
        assertEq(escrow.engagement(id).endsAt, START + ENDS);
        assertSeats(t, 1, 0);
        assertEq(escrowOf(t), 1);
        assertEq(address(escrow).balance, RESERVE + BOND + 1);
    }

    function test_HasNoEndWithoutAClock() public {
        Terms memory t = openTerms();
        t.unitSeconds = 0;
        post(t, RESERVE);
        bytes32 id = claim(t, bidFor(t, 0), BOND);
        assertEq(escrow.engagement(id).endsAt, 0);
        assertEq(escrow.reclaimableAt(t, id), 0);
    }

    function test_OneRunnerMayTakeTwoSeatsWithTwoBids() public {
        Terms memory t = openTerms();
        post(t, 2 * RESERVE);
        claim(t, bidFor(t, 0), BOND);
        claim(t, bidFor(t, 1), BOND);
        assertSeats(t, 2, 0);
        assertEq(escrowOf(t), 0);
    }

    function test_RevertWhen_SomeoneElseClaimsForTheRunner() public {
        Terms memory t = openTerms();
        Bid memory b = bidFor(t, 0);
        post(t, RESERVE);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotRunner.selector, runner.addr, stranger));
        vm.prank(stranger);
        escrow.claim(t, verifiers(), b);
    }

    function test_RevertWhen_TheBountyIsNotOpenToClaims() public {
        Terms memory t = nativeTerms();
        post(t, RESERVE);
        vm.expectRevert(abi.encodeWithSelector(IErrors.ClaimNotOpen.selector, bountyOf(t)));
        claim(t, bidFor(t, 0), BOND);
    }

    function test_RevertWhen_TheRateIsNotTheTopRate() public {
        Terms memory t = openTerms();
        post(t, RESERVE);
        for (uint256 i = 0; i < 2; ++i) {
            Bid memory b = bidFor(t, 0);
            b.rate = i == 0 ? RATE - 1 : RATE + 1;
            vm.expectRevert(abi.encodeWithSelector(IErrors.WrongRate.selector, RATE, b.rate));
            claim(t, b, BOND);
        }
    }

    function test_ClaimsUntilTheLastOpenSecond() public {
        Terms memory t = openTerms();
        Bid memory b = bidFor(t, 0);
        b.expiresAt = type(uint64).max;
        post(t, 2 * RESERVE);
        vm.warp(OPEN_UNTIL - 1);
        claim(t, b, BOND);
        for (uint256 late = 0; late < 2; ++late) {
            b.nonce = 1;
            vm.warp(OPEN_UNTIL + late);
            vm.expectRevert(abi.encodeWithSelector(IErrors.Closed.selector, OPEN_UNTIL, OPEN_UNTIL + late));
            claim(t, b, BOND);
        }
    }

    function test_RevertWhen_TheValueIsNotTheBond() public {
        Terms memory t = openTerms();
        post(t, RESERVE);
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongValue.selector, BOND, BOND + 1));
        claim(t, bidFor(t, 0), BOND + 1);
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongValue.selector, BOND, BOND - 1));
        claim(t, bidFor(t, 0), BOND - 1);
    }

    function test_RevertWhen_TheSameBidClaimsTwice() public {
        Terms memory t = openTerms();
        post(t, 2 * RESERVE);
        bytes32 id = claim(t, bidFor(t, 0), BOND);
        vm.expectRevert(abi.encodeWithSelector(IErrors.AlreadyEngaged.selector, id));
        claim(t, bidFor(t, 0), BOND);
    }

    /// @dev The id is hashed straight from calldata, so the bid's narrow fields must be clean.
    function test_RevertWhen_TheBidHasDirtyHighBits() public {
        Terms memory t = openTerms();
        t.bond = t.faultPenalty = 0;
        post(t, RESERVE);
        bytes memory data = abi.encodeCall(IMarket.claim, (t, verifiers(), bidFor(t, 0)));
        // runner, payee, node, rate, relayFee, expiresAt come after 21 words of terms, one offset and the bounty.
        for (uint256 word = 23; word < 29; ++word) {
            data[4 + 32 * word] = 0x01;
            vm.prank(runner.addr);
            (bool ok,) = address(escrow).call(data);
            assertFalse(ok);
            data[4 + 32 * word] = 0x00;
        }
        vm.prank(runner.addr);
        (bool clean,) = address(escrow).call(data);
        assertTrue(clean);
    }
}
