// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {Bid, Status, Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";

/// @notice A voucher proves what the clock allowed at its newest statement, however late it is redeemed.
contract RedeemClockTest is Base {
    Terms private t;
    Bid private b;
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        Terms memory terms = nativeTerms();
        Bid memory bid = bidFor(terms, 0);
        (t, b) = (terms, bid);
        id = engage(terms, bid);
    }

    function nothingNew(uint256 paid, uint256 proven) private {
        vm.expectRevert(abi.encodeWithSelector(IErrors.NothingNew.selector, paid, proven));
    }

    function test_ABackDatedStatementProvesThatMuchLess() public {
        warpTo(90);
        redeem(t, b, voucher(id, 90, 0, START + 10));
        assertEq(payee.balance, 10 * uint256(RATE));
        nothingNew(10, 10);
        redeem(t, b, voucher(id, 90, 0, START + 10));
        redeem(t, b, voucher(id, 90, 0));
        assertEq(payee.balance, 70 * uint256(RATE));
    }

    function test_ABackDatedStatementTakesNothingBack() public {
        warpTo(90);
        redeem(t, b, voucher(id, 70, 1));
        nothingNew(70, 40);
        redeem(t, b, voucher(id, 90, 1, START + 40));
        assertEngagement(id, Status.Active, 70, UNITS, 1);
    }

    function test_RevertWhen_AttestedNoLaterThanTheStart() public {
        warpTo(90);
        uint256[3] memory attestedAt = [START, START - 1, 0];
        for (uint256 i = 0; i < 3; ++i) {
            nothingNew(0, 0);
            redeem(t, b, voucher(id, 90, 9, attestedAt[i]));
        }
    }

    function test_RevertWhen_AStatementIsOlderThanALateEngagement() public {
        Terms memory terms = t;
        terms.salt = 1;
        Bid memory bid = bidFor(terms, 0);
        warpTo(500);
        bytes32 late = engage(terms, bid);
        warpTo(590);
        nothingNew(0, 0);
        redeem(terms, bid, voucher(late, 90, 9, START + 499));
        redeem(terms, bid, voucher(late, 90, 0, START + 507));
        assertEq(payee.balance, 7 * uint256(RATE));
    }

    function test_OneFreshStatementOpensTheWindowAgain() public {
        warpTo(90);
        vm.expectRevert(abi.encodeWithSelector(IErrors.ChallengeOpen.selector, START + 91, START + 90));
        redeem(t, b, voucher(id, [uint64(90), 90], [uint64(0), 0], [START + 10, START + 71], [uint256(0), 1]));
    }

    function test_BackDatedFaultsAreFewer() public {
        warpTo(90);
        redeem(t, b, voucher(id, 0, 9, START + 1));
        assertEq(poster.addr.balance, PENALTY);
        nothingNew(0, 0);
        redeem(t, b, voucher(id, 0, 9, START + 10));
        redeem(t, b, voucher(id, 0, 9, START + 20));
        assertEngagement(id, Status.Active, 0, UNITS, 2);
        assertEq(poster.addr.balance, 2 * PENALTY);
        // The third epoch begun is the limit.
        redeem(t, b, voucher(id, 0, 9, START + 21));
        assertEngagement(id, Status.Ended, 0, 90, 3);
    }

    function test_FaultsAreDatedEvenWithoutAClock() public {
        Terms memory terms = t;
        terms.unitSeconds = 0;
        Bid memory bid = bidFor(terms, 0);
        bytes32 engaged = engage(terms, bid);
        warpTo(90);
        nothingNew(0, 0);
        redeem(terms, bid, voucher(engaged, 0, 9, START));
        redeem(terms, bid, voucher(engaged, 0, 9, START + 11));
        assertEngagement(engaged, Status.Active, 0, UNITS, 2);
    }

    function testFuzz_ProvesWhatTheClockAllowedAtTheNewestStatement(
        uint256 first,
        uint256 second,
        uint64 units,
        uint64 faults
    ) public {
        Terms memory terms = t;
        (terms.salt, terms.faultsMax, terms.faultPenalty) = (1, 0, 0.1 ether);
        Bid memory bid = bidFor(terms, 0);
        bytes32 engaged = engage(terms, bid);
        (first, second) = (bound(first, 0, 250), bound(second, 0, 250));
        (units, faults) = (uint64(bound(units, 0, 120)), uint64(bound(faults, 0, 15)));
        // Both from fifty seconds before the start on.
        uint256[2] memory attestedAt = [START - 50 + first, START - 50 + second];
        uint256 worked = first > second ? first : second;
        worked = worked < 50 ? 0 : worked - 50 > ENDS ? ENDS : worked - 50;
        uint256 provenUnits = units < worked ? units : worked;
        uint256 provenFaults = faults < (worked + 9) / 10 ? faults : (worked + 9) / 10;
        warpTo(300);
        if (provenUnits == 0 && provenFaults == 0) nothingNew(0, 0);
        redeem(terms, bid, voucher(engaged, [units, units], [faults, faults], attestedAt, [uint256(0), 1]));
        assertEngagement(engaged, Status.Active, provenUnits, UNITS, provenFaults);
        assertEq(payee.balance, provenUnits * RATE);
        assertEq(poster.addr.balance, provenFaults * 0.1 ether);
    }
}
