// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IBalanceEvents} from "../../src/interfaces/IBalances.sol";
import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {Award, Bid, Status, Terms, VerifierSet} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";
import {Digests} from "../utils/Digests.sol";

contract AwardTest is Base {
    Terms private t;
    Bid private b;

    function setUp() public override {
        super.setUp();
        t = nativeTerms();
        b = bidFor(t, 0);
        post(t, RESERVE);
        deposit(address(0), runner.addr, BOND);
    }

    function test_LocksTheReserveAndTakesTheBond() public {
        Bid memory bid = b;
        bid.rate = 0.3 ether;
        vm.expectEmit(address(escrow));
        emit IEvents.Engaged(
            Digests.bid(bid),
            bid.bounty,
            runner.addr,
            bid,
            verifiers(),
            UNITS,
            uint64(START),
            uint64(START + ENDS),
            30 ether,
            false,
            20 ether
        );
        vm.expectEmit(address(escrow));
        emit IBalanceEvents.Debited(runner.addr, address(0), BOND, 0);
        bytes32 id = award(t, bid);
        assertEq(id, Digests.bid(bid));
        assertEngagement(id, Status.Active, 0, UNITS, 0);
        assertSeats(t, 1, 0);
        assertEq(address(escrow).balance, RESERVE + BOND);
    }

    function testFuzz_ReservesFeesForEveryEpochBegun(uint64 unitsMax, uint16 epochSeconds, uint64 fee) public {
        Terms memory terms = t;
        terms.unitsMax = uint64(bound(unitsMax, 1, 1e6));
        terms.epochSeconds = uint32(bound(epochSeconds, 1, type(uint16).max));
        terms.verifierFee = fee;
        uint256 epochs = (terms.unitsMax + terms.epochSeconds - 1) / terms.epochSeconds;
        uint256 reserve = uint256(RATE) * terms.unitsMax + 3 * epochs * fee;
        assertEq(escrow.reserveFor(terms, 3, RATE), reserve);

        post(terms, reserve - 1);
        Bid memory bid = bidFor(terms, 1);
        vm.expectRevert(abi.encodeWithSelector(IErrors.Underfunded.selector, reserve, reserve - 1));
        award(terms, bid);
        vm.deal(address(this), 1);
        escrow.fund{value: 1}(terms, 1);
        award(terms, bid);
        assertEq(escrowOf(terms), 0);
    }

    function test_ReservesOneFeePerUnitWithoutAClock() public view {
        Terms memory terms = t;
        terms.unitSeconds = 0;
        terms.verifierFee = 7;
        assertEq(escrow.reserveFor(terms, 3, RATE), RESERVE + 3 * 7 * UNITS);
    }

    function test_RevertWhen_Underfunded() public {
        vm.deal(stranger, BOND);
        Terms memory terms = t;
        award(terms, b);
        Bid memory second = bidFor(terms, 1);
        vm.expectRevert(abi.encodeWithSelector(IErrors.Underfunded.selector, RESERVE, 0));
        award(terms, second);
    }

    function test_RevertWhen_NotPosted() public {
        Terms memory terms = t;
        terms.salt = 1;
        Bid memory bid = bidFor(terms, 0);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NotPosted.selector, bid.bounty));
        award(terms, bid);
    }

    function test_RevertWhen_AwardedTwice() public {
        vm.deal(address(this), RESERVE);
        escrow.fund{value: RESERVE}(t, RESERVE);
        bytes32 id = award(t, b);
        deposit(address(0), runner.addr, BOND);
        vm.expectRevert(abi.encodeWithSelector(IErrors.AlreadyEngaged.selector, id));
        award(t, b);
    }

    function test_RevertWhen_AllSeatsAreTaken() public {
        vm.deal(address(this), 2 * RESERVE);
        escrow.fund{value: 2 * RESERVE}(t, 2 * RESERVE);
        deposit(address(0), runner.addr, 2 * BOND);
        award(t, b);
        award(t, bidFor(t, 1));
        Bid memory third = bidFor(t, 2);
        vm.expectRevert(abi.encodeWithSelector(IErrors.SeatsTaken.selector, 2));
        award(t, third);
    }

    function test_RevertWhen_TheAwardNamesAnotherBid() public {
        Award memory a = awardFor(bidFor(t, 1));
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongBid.selector, Digests.bid(b), a.bid));
        award(t, b, a);
    }

    function test_RevertWhen_TheAwardNamesAnotherBounty() public {
        Award memory a = awardFor(b);
        a.bounty = keccak256("other");
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongBounty.selector, b.bounty, a.bounty));
        award(t, b, a);
    }

    function test_RevertWhen_TheBidIsForAnotherBounty() public {
        Terms memory other = t;
        other.salt = 1;
        post(other, RESERVE);
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongBounty.selector, bountyOf(other), b.bounty));
        award(other, b);
    }

    function test_RevertWhen_TheBidExpired() public {
        Bid memory bid = b;
        bid.expiresAt = uint64(START + 50);
        for (uint256 late = 0; late < 2; ++late) {
            warpTo(50 + late);
            vm.expectRevert(abi.encodeWithSelector(IErrors.BidExpired.selector, bid.expiresAt, bid.expiresAt + late));
            award(t, bid);
        }
        warpTo(49);
        award(t, bid);
    }

    function test_RevertWhen_TheAwardExpired() public {
        Award memory a = awardFor(b);
        a.expiresAt = uint64(START + 50);
        for (uint256 late = 0; late < 2; ++late) {
            warpTo(50 + late);
            vm.expectRevert(abi.encodeWithSelector(IErrors.AwardExpired.selector, a.expiresAt, a.expiresAt + late));
            award(t, b, a);
        }
        warpTo(49);
        award(t, b, a);
    }

    function test_RevertWhen_TheBountyIsNoLongerOpen() public {
        Bid memory bid = b;
        bid.expiresAt = OPEN_UNTIL + 10;
        Award memory a = awardFor(bid);
        a.expiresAt = OPEN_UNTIL + 10;
        for (uint256 late = 0; late < 2; ++late) {
            vm.warp(OPEN_UNTIL + late);
            vm.expectRevert(abi.encodeWithSelector(IErrors.Closed.selector, OPEN_UNTIL, OPEN_UNTIL + late));
            award(t, bid, a);
        }
        vm.warp(OPEN_UNTIL - 1);
        award(t, bid, a);
    }

    function testFuzz_RevertWhen_TheRateIsTooHigh(uint128 rate) public {
        Bid memory bid = b;
        bid.rate = uint128(bound(rate, uint256(RATE) + 1, type(uint128).max));
        vm.expectRevert(abi.encodeWithSelector(IErrors.RateTooHigh.selector, RATE, bid.rate));
        award(t, bid);
    }

    function test_RevertWhen_TheVerifierSetIsAnother() public {
        VerifierSet memory set = verifiers();
        set.threshold = 1;
        bytes memory awardSignature = sign(poster, Digests.award(awardFor(b)));
        bytes memory bidSignature = sign(runner, Digests.bid(b));
        vm.expectRevert(
            abi.encodeWithSelector(IErrors.WrongVerifierSet.selector, t.verifierSet, Digests.verifierSet(set))
        );
        escrow.award(t, set, b, bidSignature, awardFor(b), awardSignature);
    }

    function test_RevertWhen_TheVerifierSetIsInvalid() public {
        VerifierSet memory set = verifiers();
        set.threshold = 0;
        refuseSet(set);
        set.threshold = 4;
        refuseSet(set);
        set = verifiers();
        set.members[1] = set.members[0];
        refuseSet(set);
        set = verifiers();
        (set.members[0], set.members[1]) = (set.members[1], set.members[0]);
        refuseSet(set);
        set = verifiers();
        set.members[0] = address(0);
        refuseSet(set);
        set.members = new address[](33);
        for (uint160 i = 0; i < 33; ++i) {
            set.members[i] = address(i + 1);
        }
        refuseSet(set);
    }

    function refuseSet(VerifierSet memory set) private {
        Terms memory terms = t;
        terms.verifierSet = Digests.verifierSet(set);
        post(terms, RESERVE);
        Bid memory bid = bidFor(terms, 0);
        Award memory a = awardFor(bid);
        vm.expectRevert(abi.encodeWithSelector(IErrors.InvalidVerifierSet.selector));
        escrow.award(terms, set, bid, sign(runner, Digests.bid(bid)), a, sign(poster, Digests.award(a)));
    }
}
