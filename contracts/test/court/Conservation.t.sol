// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Status, Subject, Terms} from "../../src/interfaces/Types.sol";
import {CourtBase} from "./CourtBase.sol";

/// @notice A whole dispute, to the wei: everyone's wealth after is what it was before plus what is due to them, and the escrow is empty.
contract ConservationTest is CourtBase {
    uint256 private _total;

    function begin(bool native, uint128 rate) private {
        Terms memory t = courtTerms(native ? NATIVE : address(usd));
        t.rateMax = uint128(bound(rate, 1, RATE));
        start(t);
        remember();
        _total = everything();
    }

    function everything() private view returns (uint256 sum) {
        sum = wealth(poster.addr) + wealth(runner.addr) + wealth(payee) + wealth(stranger);
        for (uint256 i = 0; i < 3; ++i) {
            sum += wealth(verifier[i].addr);
        }
        sum += held(offer.token, address(escrow));
    }

    /// @dev All that is left goes where it belongs.
    function finish(uint256 poster_, uint256 posterLost, uint256 runner_, uint256 runnerLost, uint256 units) private {
        warpTo(1000);
        ends();
        reclaims();
        // What the poster funded and never had to reserve; nobody can use it any more.
        if (escrowOf(offer) != 0) escrow.reclaimEscrow(offer);
        assertEq(everything(), _total, "all money");
        assertEq(held(offer.token, address(escrow)), 0, "escrow");
        assertGained(payee, units * bid.rate, "payee");
        assertEq(wealth(poster.addr) + posterLost + units * bid.rate, _posterBefore + RESERVE + poster_, "poster");
        assertEq(wealth(runner.addr) + runnerLost, _runnerBefore + BOND + runner_, "runner");
    }

    uint256 private _posterBefore;
    uint256 private _runnerBefore;

    function parties() private {
        (_posterBefore, _runnerBefore) = (wealth(poster.addr), wealth(runner.addr));
    }

    function testFuzz_UnitsContested(
        bool native,
        uint128 rate,
        uint64 floor,
        uint64 claimed,
        uint64 outcome,
        bool ruled
    ) public {
        begin(native, rate);
        parties();
        warpTo(90);
        claimed = uint64(bound(claimed, 1, 90));
        floor = uint64(bound(floor, 0, claimed - 1));
        outcome = ruled ? uint64(bound(outcome, floor, claimed)) : claimed;
        disputeUnits(floor, claimed);
        if (ruled) {
            rules(Subject.Units, outcome);
        } else {
            warpTo(150);
            settles(Subject.Units);
        }
        uint256 moved = outcome == claimed ? contestBond(claimed - floor, bid.rate, 0) : 0;
        finish(0, moved, moved, 0, outcome);
    }

    function testFuzz_FaultsContested(
        bool native,
        uint128 rate,
        uint64 floor,
        uint64 claimed,
        uint64 outcome,
        bool ruled
    ) public {
        begin(native, rate);
        parties();
        warpTo(90);
        claimed = uint64(bound(claimed, 1, 9));
        floor = uint64(bound(floor, 0, claimed - 1));
        outcome = ruled ? uint64(bound(outcome, floor, claimed)) : claimed;
        disputeFaults(floor, claimed);
        warpTo(150);
        if (ruled) warpTo(149);
        if (ruled) rules(Subject.Faults, outcome);
        else settles(Subject.Faults);
        uint256 moved = outcome == claimed ? contestBond(claimed - floor, PENALTY, 0) : 0;
        uint256 penalty = (outcome < 5 ? outcome : 5) * uint256(PENALTY);
        finish(moved + penalty, 0, 0, moved + penalty, 0);
    }

    function testFuzz_AnAssertionContested(
        bool native,
        uint128 rate,
        uint64 floor,
        uint64 claimed,
        uint64 outcome,
        uint8 how
    ) public {
        begin(native, rate);
        parties();
        warpTo(150);
        claimed = uint64(bound(claimed, 1, 90));
        floor = uint64(bound(floor, 0, claimed - 1));
        asserts(claimed);
        if (how % 3 == 0) {
            warpTo(170);
            settles(Subject.Assertion);
            return finish(0, 0, 0, 0, claimed);
        }
        disputeAssertion(poster.addr, floor, claimed);
        if (how % 3 == 1) {
            warpTo(210);
            settles(Subject.Assertion);
            return finish(0, 0, 0, 0, floor);
        }
        outcome = uint64(bound(outcome, floor, claimed));
        rules(Subject.Assertion, outcome);
        uint256 asserted = contestBond(claimed, bid.rate, 0);
        uint256 contested = contestBond(claimed - floor, bid.rate, 0);
        if (outcome == claimed) finish(0, contested, contested, 0, outcome);
        else finish(asserted, 0, 0, asserted, outcome);
    }

    /// @dev Everything at once. The assertion waits for the units.
    function testFuzz_EverythingAtOnce(bool native, uint128 rate, uint64 units, uint64 asserted, bool faultsFirst)
        public
    {
        begin(native, rate);
        parties();
        warpTo(150);
        units = uint64(bound(units, 10, 100));
        asserted = uint64(bound(asserted, 1, 90));
        disputeUnits(9, units);
        disputeFaults(0, 2);
        asserts(asserted);
        warpTo(210);
        if (faultsFirst) settles(Subject.Faults);
        settles(Subject.Units);
        settles(Subject.Assertion);
        if (!faultsFirst) settles(Subject.Faults);
        uint256 paid = units > asserted ? units : asserted;
        uint256 fromPoster = contestBond(units - 9, bid.rate, 0);
        uint256 fromRunner = 3 * uint256(PENALTY);
        finish(fromRunner, fromPoster, fromPoster, fromRunner, paid);
        assertEngagement(id, Status.Closed, paid, 100, 2);
    }
}
