// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bond} from "../../src/interfaces/IVerifierBond.sol";
import {Assertion, BountyState, Dispute, EngagementState, Record, Subject, Terms} from "../../src/interfaces/Types.sol";
import {Checks} from "./Checks.sol";
import {Ledger} from "./Ledger.sol";

/// @notice Rules that hold always (DESIGN §3), over six bounties, native coin and TestUSD, and receivers that refuse.
contract InvariantTest is Checks {
    function setUp() public override {
        super.setUp();
        handler.begin();
        targetContract(address(handler));
        targetSelector(FuzzSelector(address(handler), verbs()));
    }

    /// @dev Those that do most are there twice.
    function verbs() private view returns (bytes4[] memory all) {
        bytes4[28] memory list = [
            handler.wait.selector,
            handler.redeemOne.selector,
            handler.hire.selector,
            handler.hire.selector,
            handler.fundBounty.selector,
            handler.returnFromDeposit.selector,
            handler.reclaimUnreserved.selector,
            handler.depositFree.selector,
            handler.withdrawFree.selector,
            handler.redeemOne.selector,
            handler.redeemAll.selector,
            handler.claimFees.selector,
            handler.claimAllFees.selector,
            handler.extendBy.selector,
            handler.notice.selector,
            handler.endIt.selector,
            handler.reclaimIt.selector,
            handler.convictNode.selector,
            handler.assertWork.selector,
            handler.disputeUnits.selector,
            handler.disputeFaults.selector,
            handler.disputeAssertion.selector,
            handler.decide.selector,
            handler.settleIt.selector,
            handler.thawBond.selector,
            handler.takeBond.selector,
            handler.convictVerifier.selector,
            handler.knock.selector
        ];
        all = new bytes4[](33);
        for (uint256 i = 0; i < 28; ++i) {
            all[i] = list[i];
        }
        (all[28], all[29]) = (handler.addBond.selector, handler.withdrawSlashed.selector);
        all[32] = handler.knockFrozen.selector;
        (all[30], all[31]) = (handler.decide.selector, handler.settleIt.selector);
    }

    /// @notice 1: both contracts hold, of each token, exactly what they owe by their own storage.
    function invariant_1_HoldExactlyWhatIsOwed() public view {
        for (uint256 k = 0; k < 2; ++k) {
            address token = tokens()[k];
            assertEq(held(token, address(escrow)), owed(token), "owed");
            assertEq(held(token, address(verifierBond)), owedByBonds(token), "owed to verifiers");
        }
    }

    /// @notice 2: money in = money out + money held.
    function invariant_2_MoneyInIsMoneyOutPlusMoneyHeld() public view {
        for (uint256 k = 0; k < 2; ++k) {
            address token = tokens()[k];
            assertEq(handler.moneyIn(token), handler.moneyOut(token) + held(token, address(escrow)), "escrow");
            assertEq(handler.bondIn(token), handler.bondOut(token) + held(token, address(verifierBond)), "bonds");
        }
    }

    /// @notice 3: everyone has what the ledger says, to the wei, outside and inside.
    function invariant_3_EveryoneHasWhatTheLedgerSays() public view {
        address[12] memory accounts = handler.accounts();
        for (uint256 k = 0; k < 2; ++k) {
            address token = tokens()[k];
            for (uint256 i = 0; i < accounts.length; ++i) {
                address account = accounts[i];
                assertEq(held(token, account), handler.outside(account, token), "outside");
                assertEq(escrow.balances(account, token), handler.inside(account, token), "inside");
                assertEq(verifierBond.balances(account, token), handler.insideBond(account, token), "inside bonds");
            }
        }
    }

    /// @notice 4: an engagement gets proven units times rate and its verifiers their fees, out of what was locked for it; a bounty's
    /// poster gets back what it was funded with, less that.
    function invariant_4_NothingIsPaidBeyondWhatWasFunded() public view {
        Terms[6] memory all = offers();
        uint256[6] memory gone;
        uint256 count = handler.count();
        for (uint256 i = 0; i < count; ++i) {
            Ledger.Entry memory e = handler.entry(i);
            EngagementState memory s = escrow.engagement(e.id);
            uint256 fees = escrow.record(e.id).feesPaid;
            assertLe(e.payouts, uint256(s.unitsPaid) * e.bid.rate, "proven");
            assertLe(e.payouts + fees + reserveOf(all[e.offer], e), e.locked, "locked");
            assertLe(fees, feesOf(all[e.offer], s), "fees");
            gone[e.offer] += e.payouts + fees + reserveOf(all[e.offer], e);
        }
        for (uint256 i = 0; i < 6; ++i) {
            Ledger.Book memory b = handler.book(i);
            uint256 free = escrow.bounty(escrow.bountyId(all[i])).escrow;
            assertEq(gone[i] + free + b.refunded, b.funded, "funded");
        }
    }

    /// @notice 5: storage is what the ledger says.
    function invariant_5_StorageIsWhatTheLedgerSays() public view {
        uint256 count = handler.count();
        for (uint256 i = 0; i < count; ++i) {
            Ledger.Entry memory e = handler.entry(i);
            _checkEngagement(e, escrow.engagement(e.id));
            _checkRecord(e, escrow.record(e.id));
            Assertion memory a = escrow.assertion(e.id);
            assertEq(keccak256(abi.encode(a)), keccak256(abi.encode(e.asserted)));
            for (uint256 k = 0; k < 3; ++k) {
                Dispute memory d = escrow.disputeOf(e.id, Subject(k));
                assertEq(keccak256(abi.encode(d)), keccak256(abi.encode(e.disputes[k])));
                assertEq(escrow.nextFeeEpoch(e.id, handler.verifierAt(k)), e.nextEpoch[k], "epoch");
            }
        }
        for (uint256 i = 0; i < 6; ++i) {
            BountyState memory s = escrow.bounty(escrow.bountyId(handler.offer(i)));
            Ledger.Book memory b = handler.book(i);
            assertEq(s.escrow, b.free, "escrow");
            assertEq(s.seatsTaken, b.seats, "seats");
            assertEq(s.seatsVacated, b.vacated, "vacated");
            assertTrue(b.posted == (s.postedAt != 0), "posted");
        }
    }

    function _checkEngagement(Ledger.Entry memory e, EngagementState memory s) private pure {
        assertEq(uint256(s.status), uint256(e.status), "status");
        assertEq(s.unitsPaid, e.units, "units");
        assertEq(s.unitsMax, e.unitsMax, "units max");
        assertEq(s.faults, e.faults, "faults");
        assertEq(s.startedAt, e.startedAt, "start");
        assertEq(s.endsAt, e.endsAt, "end");
        assertEq(uint256(s.noticeBy), uint256(e.noticeBy), "notice");
        uint256 flags = (e.disputes[0].by == address(0) ? 0 : 1) + (e.disputes[1].by == address(0) ? 0 : 2);
        flags += (e.asserted.assertedAt == 0 ? 0 : 4) + (e.resolvedAt == 0 ? 0 : 8) + (e.slashed ? 16 : 0);
        assertEq(s.flags, flags, "flags");
    }

    function _checkRecord(Ledger.Entry memory e, Record memory r) private pure {
        assertEq(r.ejected, e.ejected, "ejected");
        assertEq(r.lostByPoster, e.lostByPoster, "lost by poster");
        assertEq(r.lostByRunner, e.lostByRunner, "lost by runner");
        assertEq(r.resolvedAt, e.resolvedAt, "resolved");
        assertEq(r.reclaimableFrom, e.reclaimableFrom, "reclaimable");
        assertEq(r.feesPaid, e.fees, "fees");
    }

    /// @notice 6: an engagement's fate never changes another's: all slots of all others stay as they were, step by step. And what
    /// is closed stays as it is.
    function invariant_6_NoEngagementChangesAnother() public view {
        assertEq(handler.disturbed(), 0, "disturbed");
    }

    /// @notice 7: bonds are what is locked, no less; units, faults and status never fall.
    function invariant_7_BondsAreThereAndCountsNeverFall() public view {
        assertEq(handler.fallen(), 0, "fallen");
        uint256 count = handler.count();
        for (uint256 i = 0; i < count; ++i) {
            Ledger.Entry memory e = handler.entry(i);
            assertEq(bondOf(handler.offer(e.offer), e.id), e.bond, "bond");
        }
        for (uint256 k = 0; k < 6; ++k) {
            address token = tokens()[k % 2];
            Bond memory b = verifierBond.bondOf(address(escrow), handler.verifierAt(k / 2), token);
            assertLe(b.thawing, b.amount, "thawing");
            assertEq(keccak256(abi.encode(b)), keccak256(abi.encode(handler.bondAt(k / 2, token))));
        }
    }

    /// @notice 8: no call needs more gas than a transaction can bring (EIP-7825).
    function invariant_8_EveryCallFitsATransaction() public view {
        assertLe(handler.gasMost(), 16_777_216, "gas");
    }
}
