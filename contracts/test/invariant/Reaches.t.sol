// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Dispute, Subject} from "../../src/interfaces/Types.sol";
import {Checks} from "./Checks.sol";

/// @notice Every verb does what it is for when its turn comes: an invariant over calls that return early proves nothing.
contract ReachesTest is Checks {
    function reached(string memory what) internal view {
        assertTrue(handler.happened(what) != 0, what);
    }

    function redeem(uint256 i, uint64 units, uint64 faults) internal {
        handler.redeemOne(i, [units, units], [faults, faults], [uint256(0), 0]);
    }

    function test_ReachesEveryWayMoneyComesAndGoes() public {
        handler.fundBounty(0, 1 ether, false);
        reached("post");
        handler.fundBounty(0, 1 ether, false);
        reached("fund");
        handler.fundBounty(1, 1 ether, true);
        reached("deposit address");
        handler.returnFromDeposit(4, 5, true);
        reached("return from deposit");
        handler.reclaimUnreserved(0);
        reached("reclaim escrow");
        handler.depositFree(0, true, 5);
        reached("deposit");
        handler.withdrawFree(0, 3);
        reached("withdraw");
        for (uint256 i = 0; i < 17; ++i) {
            handler.wait(90);
        }
        handler.fundBounty(3, 5, true);
        reached("late deposit");
    }

    function test_ReachesEveryBeginning() public {
        handler.hire(0, 1, 0, 1);
        reached("award");
        reached("bond by value");
        handler.hire(1, 1, 0, 1);
        reached("bond by allowance");
        handler.hire(2, 1, 0, 2);
        reached("claim");
        reached("bond by balance");
        handler.depositFree(0, false, 1);
        handler.hire(1, 1, 0, 1);
        reached("bond by balance and allowance");
        handler.convictNode(0, 3, true);
        reached("slash node");
        handler.hire(0, 1, 0, 4);
        reached("spare award");
    }

    function test_ReachesPayAndFees() public {
        handler.hire(1, 5, 1, 1);
        handler.hire(2, 5, 1, 3);
        handler.hire(4, 5, 1, 17);
        handler.hire(0, 5, 1, 1);
        handler.wait(90);
        redeem(0, 70, 0);
        reached("redeem");
        handler.redeemAll(60, 0);
        reached("redeem several");
        reached("redeem skips");
        handler.claimFees(0, 0, 3, 2);
        reached("claim fee");
        handler.claimAllFees(1, true);
        reached("claim several fees");
        reached("claim skips");
    }

    function test_ReachesEveryWayOut() public {
        handler.hire(0, 5, 0, 1);
        handler.extendBy(0, 10);
        reached("extend");
        handler.notice(0, true);
        reached("runner's notice");
        handler.hire(0, 5, 0, 1);
        handler.notice(1, false);
        reached("poster's notice");
        handler.endIt(0, true);
        reached("end");
        handler.hire(5, 0, 0, 3);
        redeem(2, 100, 0);
        handler.endIt(2, false);
        reached("end completed");
        handler.reclaimIt(0);
        reached("reclaim");
        handler.knock(0, 9);
        reached("knock");
    }

    function test_ReachesAssertions() public {
        handler.hire(4, 0, 0, 1);
        handler.assertWork(0, 1, true);
        reached("assert units");
        handler.disputeAssertion(0, 1, 0, 0);
        reached("dispute assertion");
        handler.decide(2, 0, false);
        reached("rule on an assertion");
        reached("ruling cuts");
        handler.assertWork(0, 1, false);
        handler.settleIt(0, 2);
        reached("settle");
        handler.assertWork(0, 5, true);
        handler.disputeAssertion(0, 0, 2, 3);
        handler.settleIt(0, 2);
        reached("settle disputed assertion");
        handler.hire(0, 1, 0, 1);
        handler.assertWork(1, 1, true);
        handler.disputeAssertion(1, 0, 0, 0);
        reached("assertion lapses");
    }

    function test_ReachesDisputesOfVouchers() public {
        handler.hire(1, 5, 0, 1);
        handler.wait(50);
        handler.disputeUnits(0, 20, 3, 0, 0);
        reached("dispute units");
        handler.decide(0, 0, true);
        reached("rule on units");
        reached("ruling upholds");
        handler.disputeUnits(0, 40, 30, 0, 3);
        handler.settleIt(0, 0);
        reached("settle units");
        handler.hire(2, 0, 0, 3);
        handler.wait(30);
        handler.disputeFaults(1, 1, 0, 0, 0);
        reached("dispute faults");
        handler.settleIt(1, 1);
        reached("settle faults");
        handler.disputeFaults(1, 2, 1, 0, 1);
        handler.decide(1, 1, false);
        reached("rule on faults");
    }

    function test_ReachesWhatRarelyHappensAtCourt() public {
        handler.hire(4, 0, 0, 1);
        handler.wait(40);
        handler.disputeUnits(0, 30, 25, 0, 0);
        handler.disputeFaults(0, 2, 1, 0, 0);
        handler.decide(0, 26, false);
        handler.settleIt(0, 1);
        reached("settle for the disputer");
        handler.hire(0, 5, 0, 1);
        handler.wait(90);
        handler.assertWork(1, 20, true);
        handler.disputeAssertion(1, 0, 5, 0);
        reached("assertion lowered");
        handler.hire(1, 5, 0, 1);
        handler.wait(90);
        handler.assertWork(2, 20, true);
        handler.disputeAssertion(2, 1, 10, 0);
        handler.disputeAssertion(2, 0, 5, 0);
        reached("dispute taken over");
    }

    function test_ReachesVerifiersBonds() public {
        handler.addBond(0, true, 5);
        reached("bond");
        handler.thawBond(0, true, 3);
        reached("thaw");
        handler.thawBond(0, true, 0);
        reached("thaw stops");
        handler.thawBond(0, true, 4);
        handler.takeBond(0, 0);
        reached("unbond");
        handler.convictVerifier(0, true, 7, 0, true);
        reached("slash verifier");
        handler.withdrawSlashed(0, 1);
        reached("withdraw slashed");
    }

    /// @dev Invariant 6 is worth as much as the slots it looks at.
    function test_SeesEverySlotOfAnEngagement() public {
        handler.hire(4, 0, 0, 1);
        bytes32 id = handler.entry(0).id;
        handler.wait(25);
        redeem(0, 5, 1);
        handler.claimFees(0, 1, 2, 1);
        handler.assertWork(0, 6, true);
        handler.disputeUnits(0, 30, 7, 0, 0);
        handler.disputeFaults(0, 2, 1, 0, 0);
        handler.disputeAssertion(0, 0, 5, 0);
        bytes32[12] memory words = handler.wordsOf(id);
        assertEq(uint56(uint256(words[0])), escrow.engagement(id).unitsPaid, "state");
        assertEq(uint256(words[1]) >> 128, escrow.record(id).feesPaid, "record");
        assertEq(uint56(uint256(words[2])), escrow.assertion(id).units, "assertion");
        for (uint256 s = 0; s < 3; ++s) {
            Dispute memory d = escrow.disputeOf(id, Subject(s));
            assertTrue(d.by != address(0) && d.bond != 0, "disputed");
            assertEq(address(uint160(uint256(words[3 + s]))), d.by);
            assertEq(uint256(words[6 + s]) >> 112, d.bond, "bond");
            assertEq(uint64(uint256(words[9 + s])), escrow.nextFeeEpoch(id, handler.verifierAt(s)), "fees");
        }
        assertTrue(words[0] != 0 && words[1] != 0 && words[10] != 0, "something is there");
    }
}
