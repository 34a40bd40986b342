// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bid, EngagementState, Status, Terms, VerifierSet} from "../../src/interfaces/Types.sol";
import {Rules} from "../../src/libraries/Rules.sol";
import {Harness} from "./Harness.sol";
import {Symbolic} from "./Symbolic.sol";

/// @notice For every engagement and every voucher: what is paid, and that nothing comes from elsewhere.
contract PayoutCheck is Symbolic {
    address private constant POSTER = address(0x1001);
    address private constant RUNNER = address(0x1002);
    address private constant PAYEE = address(0x1003);
    uint40 private constant NOW = 1_700_000_000;

    Harness private harness;

    function setUp() public {
        harness = new Harness();
        // More is not to be had in halmos; what it does not have it credits.
        vm.deal(address(harness), 2 ** 127);
        vm.warp(NOW);
    }

    function check_PaysForWhatIsProvenAndNoMore(Terms memory t, Bid memory b, EngagementState memory e, uint56 units)
        external
    {
        engage(t, b, e);
        vm.assume(units <= e.unitsMax);
        uint256 fee = harness.carryOut(t, nobody(), b, units, 0);

        uint256 paid = harness.given(PAYEE) + fee;
        assert(paid <= uint256(units) * b.rate);
        assert(units <= e.unitsPaid ? paid == 0 : paid == uint256(units - e.unitsPaid) * b.rate);
        assert(fee <= paid / 10);
        assert(harness.given(POSTER) == 0);
    }

    function check_UnitsAndFaultsNeverFall(
        Terms memory t,
        Bid memory b,
        EngagementState memory e,
        uint56 units,
        uint32 faults
    ) external {
        engage(t, b, e);
        t.faultsMax = 0;
        vm.assume(units <= e.unitsMax);
        harness.carryOut(t, nobody(), b, units, faults);

        EngagementState memory after_ = harness.engagement(b);
        assert(after_.unitsPaid == (units > e.unitsPaid ? units : e.unitsPaid));
        assert(after_.faults == (faults > e.faults ? faults : e.faults));
    }

    /// @dev Penalties come from the bond and from nothing else.
    function check_PenaltiesAreWhatTheBondLoses(Terms memory t, Bid memory b, EngagementState memory e, uint32 faults)
        external
    {
        engage(t, b, e);
        t.faultsMax = 0;
        uint256 before = harness.bondLeft(t, e);
        harness.carryOut(t, nobody(), b, 0, faults);
        assert(harness.given(POSTER) + harness.bondLeft(t, harness.engagement(b)) == before);
        assert(harness.given(PAYEE) == 0);
    }

    /// @dev Two vouchers pay what the second alone would have paid. The relay fee is a part of it: see the first check.
    function check_TwoVouchersPayAsMuchAsOne(Terms memory t, Bid memory b, EngagementState memory e, uint56 first, uint56 second)
        external
    {
        engage(t, b, e);
        e.unitsPaid = 0;
        b.relayFee = 0;
        harness.put(b, e, 0);
        vm.assume(first <= second && second <= e.unitsMax);
        harness.carryOut(t, nobody(), b, first, 0);
        harness.carryOut(t, nobody(), b, second, 0);
        assert(harness.given(PAYEE) == uint256(second) * b.rate);
    }

    /// @dev Native coin, and accounts that take it: who receives changes no amount.
    function engage(Terms memory t, Bid memory b, EngagementState memory e) private {
        (t.token, t.poster, b.runner, b.payee) = (address(0), POSTER, RUNNER, PAYEE);
        vm.assume(t.epochSeconds != 0 && t.faultPenalty <= t.bond);
        vm.assume(e.unitsMax <= UNITS_MAX && e.unitsPaid <= e.unitsMax);
        // Ended, so that no fault ends it: `Conservation` checks ends.
        e.status = Status.Ended;
        harness.put(b, e, 0);
    }

    function nobody() private pure returns (VerifierSet memory set) {}
}
