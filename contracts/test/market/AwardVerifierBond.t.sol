// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {Bid, Status, Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";

/// @notice `verifierBondMin`: every verifier of the set must have that much at risk when an engagement begins.
contract AwardVerifierBondTest is Base {
    uint128 private constant MIN = 3 ether;

    /// @dev Posted with one reserve, open to claims, the runner's bond in its free balance.
    function start(bool inUsd) private returns (Terms memory t, Bid memory b) {
        t = inUsd ? usdTerms() : nativeTerms();
        (t.verifierBondMin, t.openClaim) = (MIN, true);
        b = bidFor(t, 0);
        post(t, RESERVE);
        deposit(t.token, runner.addr, BOND);
    }

    /// @dev Anyone may bond for a verifier.
    function bond(address towards, address token, uint256 who, uint256 amount) private {
        mint(token, stranger, amount);
        vm.startPrank(stranger);
        if (token != address(0)) usd.approve(address(verifierBond), amount);
        verifierBond.bond{value: valueOf(token, amount)}(towards, token, verifier[who].addr, amount);
        vm.stopPrank();
    }

    function bondAll(address token) private {
        for (uint256 i = 0; i < 3; ++i) {
            bond(address(escrow), token, i, MIN);
        }
    }

    function begin(Terms memory t, Bid memory b, bool claims) private returns (bytes32) {
        if (!claims) return award(t, b);
        vm.prank(runner.addr);
        return escrow.claim(t, verifiers(), b);
    }

    function tooLow(Terms memory t, Bid memory b, bool claims, uint256 who) private {
        vm.expectRevert(abi.encodeWithSelector(IErrors.VerifierBondTooLow.selector, MIN, verifier[who].addr));
        begin(t, b, claims);
    }

    function testFuzz_EveryVerifierNeedsTheWholeMinimum(uint8 poor, uint128 missing, bool claims, bool inUsd) public {
        (Terms memory t, Bid memory b) = start(inUsd);
        uint256 who = poor % 3;
        missing = uint128(bound(missing, 1, MIN));
        for (uint256 i = 0; i < 3; ++i) {
            if (i != who) bond(address(escrow), t.token, i, MIN);
            else if (missing != MIN) bond(address(escrow), t.token, i, MIN - missing);
        }
        tooLow(t, b, claims, who);
        bond(address(escrow), t.token, who, missing);
        assertEngagement(begin(t, b, claims), Status.Active, 0, UNITS, 0);
    }

    function test_ExactlyTheMinimumIsEnoughAndOneWeiLessIsNot() public {
        for (uint256 i = 0; i < 4; ++i) {
            (Terms memory t, Bid memory b) = (nativeTerms(), bidFor(nativeTerms(), 0));
            if (i == 0) (t, b) = start(false);
            (t.verifierBondMin, t.openClaim) = (MIN, true);
            b.bounty = bountyOf(t);
            if (i < 3) {
                tooLow(t, b, i == 1, i);
                bond(address(escrow), address(0), i, MIN - 1);
                tooLow(t, b, i == 1, i);
                bond(address(escrow), address(0), i, 1);
            } else {
                assertEngagement(award(t, b), Status.Active, 0, UNITS, 0);
            }
        }
    }

    function test_NamesTheFirstWhoLacksIt() public {
        (Terms memory t, Bid memory b) = start(false);
        bond(address(escrow), address(0), 1, MIN);
        tooLow(t, b, false, 0);
        bond(address(escrow), address(0), 0, MIN);
        tooLow(t, b, false, 2);
    }

    function test_WhatThawsDoesNotCount() public {
        (Terms memory t, Bid memory b) = start(false);
        bondAll(address(0));
        bond(address(escrow), address(0), 2, 1 ether);
        vm.startPrank(verifier[2].addr);
        verifierBond.thaw(address(escrow), address(0), 1 ether + 1);
        vm.stopPrank();
        tooLow(t, b, false, 2);
        tooLow(t, b, true, 2);
        // Thawed, but not taken out: it still doesn't.
        vm.prank(verifier[2].addr);
        verifierBond.thaw(address(escrow), address(0), 1 ether);
        assertEngagement(award(t, b), Status.Active, 0, UNITS, 0);
    }

    function test_WhatHasThawedDoesNotCountUntilItStays() public {
        (Terms memory t, Bid memory b) = start(false);
        t.openUntil = b.expiresAt = uint64(START + 60 days);
        b.bounty = bountyOf(t);
        post(t, RESERVE);
        bondAll(address(0));
        vm.prank(verifier[1].addr);
        verifierBond.thaw(address(escrow), address(0), 1);
        warpTo(31 days);
        tooLow(t, b, true, 1);
        vm.prank(verifier[1].addr);
        verifierBond.thaw(address(escrow), address(0), 0);
        assertEngagement(begin(t, b, true), Status.Active, 0, UNITS, 0);
    }

    function test_ABondTowardsAnotherEscrowDoesNotCount() public {
        (Terms memory t, Bid memory b) = start(false);
        address other = address(deployEscrow());
        for (uint256 i = 0; i < 3; ++i) {
            bond(other, address(0), i, MIN);
        }
        tooLow(t, b, false, 0);
        tooLow(t, b, true, 0);
    }

    function test_ABondInAnotherTokenDoesNotCount() public {
        for (uint256 i = 0; i < 2; ++i) {
            (Terms memory t, Bid memory b) = start(i == 1);
            bondAll(i == 1 ? address(0) : address(usd));
            tooLow(t, b, false, 0);
            // The other round begins with none of either.
            if (i == 0) super.setUp();
        }
    }

    function test_AsksForNoneWhereTheTermsDoNot() public {
        Terms memory t = nativeTerms();
        assertEngagement(engage(t, bidFor(t, 0)), Status.Active, 0, UNITS, 0);
    }

    /// @dev It is asked at the beginning only: what an engagement does later, other engagements' rulings must not decide.
    function test_ABondThatFallsLaterStopsNoPay() public {
        (Terms memory t, Bid memory b) = start(false);
        bondAll(address(0));
        bytes32 id = award(t, b);
        vm.prank(verifier[0].addr);
        verifierBond.thaw(address(escrow), address(0), MIN);
        warpTo(50);
        redeem(t, b, voucher(id, 10, 0));
        assertEq(payee.balance, 5 ether);
    }
}
