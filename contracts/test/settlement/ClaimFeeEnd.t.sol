// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {Bid, Terms} from "../../src/interfaces/Types.sol";
import {FeeBase} from "./FeeBase.sol";

/// @notice The last epoch, which the end cuts; and engagements without a clock.
contract ClaimFeeEndTest is FeeBase {
    /// @dev Four epochs, the last of them ten seconds long.
    function test_TheLastEpochIsPayableOnceTheEndWasReached() public {
        Terms memory t = feeTerms(false);
        t.epochSeconds = 30;
        Bid memory b = bidFor(t, 0);
        bytes32 id = engageWith(t, b, RESERVE + 12 * FEE);
        warpTo(ENDS + 1 + CHALLENGE);
        for (uint256 i = 0; i < 3; ++i) {
            if (i == 0) expectSkipped(id, IErrors.EpochOpen.selector, 3, 3);
            else expectClaimed(id, verifier[i].addr, 4, 4, 4 * FEE);
            claimFee(t, b, i, START + ENDS - 1 + i, judged(0, 4));
        }
        expectSkipped(id, IErrors.EpochOpen.selector, 4, 4);
        claimFee(t, b, 0, START + ENDS + 1, judged(4));
    }

    function test_NoticeCutsTheLastEpoch() public {
        for (uint256 i = 0; i < 2; ++i) {
            warpTo(0);
            Terms memory t = feeTerms(false);
            if (i == 1) t.unitSeconds = 0;
            Bid memory b = bidFor(t, 0);
            bytes32 id = engageWith(t, b, RESERVE + (i == 0 ? 30 : 300) * FEE);
            warpTo(15);
            vm.prank(poster.addr);
            escrow.giveNotice(t, b);
            // Ends at second 45, in the fifth epoch.
            warpTo(44 + CHALLENGE);
            expectSkipped(id, IErrors.EpochOpen.selector, 4, 4);
            claimFee(t, b, 0, START + 44, judged(0, 5));
            warpTo(46 + CHALLENGE);
            expectClaimed(id, verifier[0].addr, 5, 5, 5 * FEE);
            claimFee(t, b, 0, START + 45, judged(0, 5));
            expectClaimed(id, verifier[1].addr, 5, 5, 5 * FEE);
            claimFee(t, b, 1, START + 46, judged(0, 5));
            expectSkipped(id, IErrors.EpochOpen.selector, 5, 5);
            claimFee(t, b, 1, START + 46, judged(5));
        }
    }

    function test_AnExtensionUncutsTheLastEpoch() public {
        Terms memory t = feeTerms(false);
        t.epochSeconds = 30;
        Bid memory b = bidFor(t, 0);
        bytes32 id = engageWith(t, b, RESERVE + 12 * FEE);
        mint(t.token, address(this), 20 * uint256(RATE));
        escrow.fund{value: 20 * uint256(RATE)}(t, 20 * uint256(RATE));
        warpTo(69);
        vm.prank(poster.addr);
        escrow.extend(t, verifiers(), b, 20);
        warpTo(120 + CHALLENGE);
        expectSkipped(id, IErrors.EpochOpen.selector, 3, 3);
        claimFee(t, b, 0, START + 119, judged(0, 4));
        expectClaimed(id, verifier[0].addr, 4, 4, 4 * FEE);
        claimFee(t, b, 0, START + 120, judged(0, 4));
    }

    // ------------------------------------------------------------------------------------------- without a clock

    /// @dev Two units, so two epochs per verifier, however long it takes.
    function test_WithoutAClockAnEpochPerUnitIsReserved() public {
        Terms memory t = feeTerms(false);
        (t.unitSeconds, t.unitsMax) = (0, 2);
        Bid memory b = bidFor(t, 0);
        bytes32 id = engageWith(t, b, 2 * uint256(RATE) + 6 * FEE);
        warpTo(200);
        expectSkipped(id, IErrors.NothingReserved.selector, 2);
        assertEq(claimFee(t, b, 0, START + 100, judged(0, 3)), 0);
        claimFee(t, b, 0, START + 100, judged(3, 2));
        expectSkipped(id, IErrors.NothingReserved.selector, 2);
        claimFee(t, b, 0, START + 100, judged(5));
        assertEq(verifier[0].addr.balance, 2 * FEE);
        // A verifier that used up its own takes nothing of another's.
        claimFee(t, b, 1, START + 100, judged(0, 2));
        assertEq(verifier[1].addr.balance, 2 * FEE);
    }

    function test_AnExtensionReservesMore() public {
        Terms memory t = feeTerms(false);
        (t.unitSeconds, t.unitsMax) = (0, 2);
        Bid memory b = bidFor(t, 0);
        bytes32 id = engageWith(t, b, 3 * uint256(RATE) + 9 * FEE);
        warpTo(200);
        claimFee(t, b, 0, START + 100, judged(0, 2));
        vm.prank(poster.addr);
        escrow.extend(t, verifiers(), b, 1);
        expectSkipped(id, IErrors.NothingReserved.selector, 3);
        claimFee(t, b, 0, START + 100, judged(2, 2));
        expectClaimed(id, verifier[0].addr, 1, 3, FEE);
        claimFee(t, b, 0, START + 100, judged(2));
    }

    function expectSkipped(bytes32 id, bytes4 selector, uint256 expected) private {
        expectSkipped(id, abi.encodeWithSelector(selector, expected));
    }
}
