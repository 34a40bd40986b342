// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {Subject, Terms} from "../../src/interfaces/Types.sol";
import {CourtBase} from "./CourtBase.sol";

/// @notice Each lost dispute doubles the next bond of who lost it, in that engagement.
contract DoublingTest is CourtBase {
    /// @dev The poster contests the next unit, and loses `lost` times before.
    function loseAgain(uint64 lost) private {
        uint256 bond = contestBond(1, bid.rate, lost);
        assertEq(escrow.disputeBond(offer, bid, Subject.Units, poster.addr, 1), bond, "view");
        remember();
        disputeWith(poster.addr, Subject.Units, lost, fresh(lost + 1, 0), bond);
        rules(Subject.Units, lost + 1);
        assertLost(poster.addr, bond, "loser");
        assertGained(runner.addr, bond, "the other side");
    }

    function test_EachLossDoublesThePostersBondUpTo65536Fold() public {
        start(NATIVE);
        warpTo(50);
        for (uint64 lost = 0; lost < 19; ++lost) {
            loseAgain(lost);
            assertRecord(0, lost + 1, 0, 50);
        }
        assertEq(escrow.disputeBond(offer, bid, Subject.Units, poster.addr, 1), 65_536 * uint256(RATE));
    }

    function test_TheCountOfLossesStopsAt255() public {
        Terms memory t = courtTerms(NATIVE);
        (t.rateMax, t.unitsMax) = (1 gwei, 300);
        start(t);
        warpTo(300);
        for (uint64 lost = 0; lost < 257; ++lost) {
            loseAgain(lost);
        }
        assertEq(escrow.record(id).lostByPoster, 255);
        assertEq(escrow.disputeBond(offer, bid, Subject.Units, poster.addr, 1), 65_536 * 1 gwei);
    }

    function test_RevertWhen_TheBondIsNotDoubled() public {
        start(NATIVE);
        warpTo(50);
        loseAgain(0);
        vm.expectRevert(abi.encodeWithSelector(IErrors.WrongValue.selector, 2 * uint256(RATE), RATE));
        disputeWith(poster.addr, Subject.Units, 1, fresh(2, 0), RATE);
    }

    function test_ALossByTimeOutCountsToo() public {
        start(address(usd));
        warpTo(50);
        disputeUnits(0, 50);
        warpTo(110);
        settles(Subject.Units);
        assertEq(escrow.disputeBond(offer, bid, Subject.Units, poster.addr, 20), 2 * uint256(RATE) * 2);
        assertEq(escrow.disputeBond(offer, bid, Subject.Assertion, poster.addr, 20), 2 * uint256(RATE) * 2);
    }

    function test_WinningDoublesNothing() public {
        start(NATIVE);
        warpTo(50);
        disputeUnits(0, 50);
        rules(Subject.Units, 49);
        assertEq(escrow.disputeBond(offer, bid, Subject.Units, poster.addr, 1), RATE);
        assertEq(escrow.assertionBond(offer, bid, 50), RATE);
    }

    function test_TheRunnersLossesDoubleItsDisputesAndAssertions() public {
        start(NATIVE);
        warpTo(100);
        disputeFaults(0, 1);
        rules(Subject.Faults, 1);
        assertEq(escrow.assertionBond(offer, bid, 20), 2 * uint256(RATE) * 2);
        assertWith(runner.addr, 20, 2 * uint256(RATE) * 2);
        disputeAssertion(poster.addr, 0, 20);
        rules(Subject.Assertion, 0);
        assertRecord(0, 0, 2, 100);
        assertEq(escrow.disputeBond(offer, bid, Subject.Faults, runner.addr, 1), 4 * uint256(PENALTY));
        disputeWith(runner.addr, Subject.Faults, 1, fresh(0, 2), 4 * uint256(PENALTY));
        // Not the poster's.
        assertEq(escrow.disputeBond(offer, bid, Subject.Units, poster.addr, 1), RATE);
    }

    function test_ALapsedAssertionDoublesNothing() public {
        start(NATIVE);
        warpTo(100);
        asserts(40);
        disputeAssertion(poster.addr, 0, 40);
        warpTo(160);
        settles(Subject.Assertion);
        assertRecord(0, 0, 0, 160);
        asserts(40);
    }

    function test_AVerifiersBondStaysWhatItIs() public {
        start(NATIVE);
        warpTo(100);
        for (uint64 lost = 0; lost < 3; ++lost) {
            uint64 units = lost + 1;
            assertWith(runner.addr, units, RATE);
            assertEq(escrow.disputeBond(offer, bid, Subject.Assertion, verifier[0].addr, 1), RATE);
            disputeWith(verifier[0].addr, Subject.Assertion, lost, none(), RATE);
            rules(Subject.Assertion, units);
        }
        assertRecord(0, 0, 0, 100);
    }

    function testFuzz_TheBondIsATenthDoubledByLosses(uint8 losses, uint64 contested) public {
        Terms memory t = courtTerms(NATIVE);
        t.rateMax = 1 gwei;
        start(t);
        warpTo(50);
        losses = uint8(bound(losses, 0, 18));
        for (uint64 lost = 0; lost < losses; ++lost) {
            loseAgain(lost);
        }
        contested = uint64(bound(contested, 1, 50 - losses));
        uint256 bond = contestBond(contested, t.rateMax, losses);
        disputeWith(poster.addr, Subject.Units, losses, fresh(losses + contested, 0), bond);
        assertEq(escrow.disputeOf(id, Subject.Units).bond, bond);
    }
}
