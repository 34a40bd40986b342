// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {Award, Bid, Status, Terms} from "../../src/interfaces/Types.sol";
import {Digests} from "../utils/Digests.sol";
import {NodeBase} from "./NodeBase.sol";

/// @notice The second-best bid takes over what was vacated for cause, and only that, without asking the poster again.
contract SpareTest is NodeBase {
    function spare(Bid memory b) private pure returns (Award memory a) {
        a = awardFor(b);
        a.spare = true;
    }

    function fund(Terms memory t, uint256 amount) private {
        ready(t.token, stranger, amount);
        vm.prank(stranger);
        escrow.fund{value: valueOf(t.token, amount)}(t, amount);
    }

    /// @dev A bounty whose only runner starts at second 0, and a bond for its successor.
    function begin(uint32 seats, bool inUsd) private returns (Terms memory t, Bid memory b) {
        t = inUsd ? usdTerms() : nativeTerms();
        t.seats = seats;
        b = nodeBid(t, 0);
        engage(t, b);
        deposit(t.token, runner.addr, 3 * BOND);
    }

    function takeSpare(Terms memory t, Bid memory b) private returns (bytes32) {
        return award(t, b, spare(b));
    }

    function expectNoSeat(Terms memory t) private {
        Bid memory b = nodeBid(t, 9);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NoSeatVacated.selector, bountyOf(t)));
        takeSpare(t, b);
    }

    /// @dev The released half of the reserve and as much again pay for the successor.
    function assertTakesOver(Terms memory t) private {
        assertEq(escrowOf(t), 50 * uint256(RATE));
        fund(t, 50 * uint256(RATE));
        Bid memory b = nodeBid(t, 1);
        bytes32 id = Digests.bid(b);
        vm.expectEmit(address(escrow));
        emit IEvents.Engaged(
            id, b.bounty, runner.addr, b, verifiers(), UNITS, uint64(START + 50), uint64(START + 150), RESERVE, true, 0
        );
        takeSpare(t, b);
        assertEngagement(id, Status.Active, 0, UNITS, 0);
        assertSeats(t, 1, 0);
    }

    // ------------------------------------------------------------------------------------------- takes

    function test_TakesASeatVacatedByFaults() public {
        for (uint256 i = 0; i < 2; ++i) {
            warpTo(0);
            (Terms memory t, Bid memory b) = begin(1, i == 1);
            warpTo(50);
            redeem(t, b, voucher(Digests.bid(b), 0, 3));
            assertTakesOver(t);
        }
    }

    function test_TakesASeatVacatedByAnEquivocation() public {
        (Terms memory t, Bid memory b) = begin(1, false);
        warpTo(50);
        slashNode(t, b);
        assertTakesOver(t);
    }

    function test_TakesAsManySeatsAsWereVacated() public {
        (Terms memory t, Bid memory b) = begin(3, false);
        fund(t, 4 * RESERVE);
        Bid memory second = nodeBid(t, 1);
        award(t, second);
        warpTo(50);
        slashNode(t, b);
        slashNode(t, second);
        assertSeats(t, 0, 2);
        takeSpare(t, nodeBid(t, 2));
        takeSpare(t, nodeBid(t, 3));
        assertSeats(t, 2, 0);
        // The third seat was never taken.
        expectNoSeat(t);
    }

    function test_ASpareCanBeReplacedByASpare() public {
        (Terms memory t, Bid memory b) = begin(1, false);
        fund(t, 2 * RESERVE);
        for (uint256 i = 1; i <= 2; ++i) {
            warpTo(10 * i);
            slashNode(t, b);
            assertSeats(t, 0, 1);
            b = nodeBid(t, i);
            takeSpare(t, b);
            assertSeats(t, 1, 0);
        }
    }

    // ------------------------------------------------------------------------------------------- refused

    function test_RevertWhen_TheFirstRunnerIsStillThere() public {
        (Terms memory t,) = begin(1, false);
        fund(t, RESERVE);
        Bid memory b = nodeBid(t, 1);
        vm.expectRevert(abi.encodeWithSelector(IErrors.SeatsTaken.selector, 1));
        takeSpare(t, b);
    }

    function test_RevertWhen_TheSeatWasNeverTaken() public {
        (Terms memory t,) = begin(2, false);
        fund(t, RESERVE);
        expectNoSeat(t);
    }

    function test_RevertWhen_TheFirstRunnerLeftByNotice() public {
        for (uint256 i = 0; i < 2; ++i) {
            warpTo(0);
            (Terms memory t, Bid memory b) = begin(2, i == 1);
            fund(t, RESERVE);
            vm.prank(i == 0 ? poster.addr : runner.addr);
            escrow.giveNotice(t, b);
            warpTo(30);
            escrow.end(t, verifiers(), b);
            expectNoSeat(t);
        }
    }

    function test_RevertWhen_TheFirstRunnerWorkedToTheEnd() public {
        (Terms memory t, Bid memory b) = begin(2, false);
        fund(t, RESERVE);
        warpTo(ENDS);
        // Convicted too late to vacate anything.
        slashNode(t, b);
        escrow.end(t, verifiers(), b);
        expectNoSeat(t);
    }

    function test_RevertWhen_AnOrdinaryAwardFilledTheSeat() public {
        (Terms memory t, Bid memory b) = begin(2, false);
        fund(t, 3 * RESERVE);
        Bid memory second = nodeBid(t, 1);
        award(t, second);
        slashNode(t, b);
        award(t, nodeBid(t, 2));
        assertSeats(t, 2, 0);
        // A seat that opens afterwards by notice was not vacated for cause.
        vm.prank(runner.addr);
        escrow.giveNotice(t, second);
        warpTo(30);
        escrow.end(t, verifiers(), second);
        assertSeats(t, 1, 0);
        expectNoSeat(t);
    }

    function test_RevertWhen_TheEscrowCannotPayASuccessor() public {
        (Terms memory t, Bid memory b) = begin(1, false);
        fund(t, 50 * uint256(RATE) - 1);
        warpTo(50);
        slashNode(t, b);
        b = nodeBid(t, 1);
        vm.expectRevert(abi.encodeWithSelector(IErrors.Underfunded.selector, RESERVE, RESERVE - 1));
        takeSpare(t, b);
        fund(t, 1);
        takeSpare(t, b);
    }

    function test_RevertWhen_TheSameSpareIsTakenAgain() public {
        (Terms memory t, Bid memory b) = begin(1, false);
        fund(t, 2 * RESERVE);
        slashNode(t, b);
        b = nodeBid(t, 1);
        bytes32 id = takeSpare(t, b);
        slashNode(t, b);
        assertSeats(t, 0, 1);
        vm.expectRevert(abi.encodeWithSelector(IErrors.AlreadyEngaged.selector, id));
        takeSpare(t, b);
    }

    /// @dev What the poster signed for an ordinary seat isn't a spare award, nor the other way round.
    function test_RevertWhen_TheAwardWasSignedForTheOtherKind() public {
        (Terms memory t, Bid memory b) = begin(1, false);
        fund(t, 2 * RESERVE);
        slashNode(t, b);
        b = nodeBid(t, 1);
        Award memory choice = awardFor(b);
        bytes memory bidSignature = sign(runner, Digests.bid(b));
        for (uint256 i = 0; i < 2; ++i) {
            choice.spare = i == 0;
            bytes memory signature = sign(poster, Digests.award(choice));
            choice.spare = i == 1;
            vm.expectRevert(abi.encodeWithSelector(IErrors.BadSignature.selector, poster.addr));
            escrow.award(t, verifiers(), b, bidSignature, choice, signature);
        }
    }

    function test_RevertWhen_TheBountyHasClosed() public {
        (Terms memory t, Bid memory b) = begin(1, false);
        fund(t, 2 * RESERVE);
        slashNode(t, b);
        b = nodeBid(t, 1);
        b.expiresAt = OPEN_UNTIL + 9;
        Award memory choice = spare(b);
        choice.expiresAt = OPEN_UNTIL + 9;
        vm.warp(OPEN_UNTIL);
        vm.expectRevert(abi.encodeWithSelector(IErrors.Closed.selector, OPEN_UNTIL, OPEN_UNTIL));
        award(t, b, choice);
        vm.warp(OPEN_UNTIL - 1);
        award(t, b, choice);
    }
}
