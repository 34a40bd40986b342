// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {Bid, Terms, Verdict} from "../../src/interfaces/Types.sol";
import {FeeBase} from "./FeeBase.sol";

/// @notice What one verifier gets for one engagement, epoch by epoch.
contract ClaimFeeTest is FeeBase {
    Terms private t;
    Bid private b;
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        t = feeTerms(false);
        b = bidFor(t, 0);
        id = engageForFees(t, b);
    }

    function claim(uint256 who, uint256 attestedAt, Verdict[] memory verdicts) private returns (uint256) {
        return claimFee(t, b, who, START + attestedAt, verdicts);
    }

    function epochs(uint64 first, uint64 second) private pure returns (Verdict[] memory verdicts) {
        verdicts = judged(first, 2);
        verdicts[1].epoch = second;
    }

    // ------------------------------------------------------------------------------------------- how much

    function test_PaysTheVerifierForEveryEpochItJudgedWhoeverSendsIt() public {
        for (uint256 i = 0; i < 2; ++i) {
            warpTo(0);
            if (i == 1) {
                t = feeTerms(true);
                b = bidFor(t, 0);
                id = engageForFees(t, b);
            }
            warpTo(50);
            expectClaimed(id, verifier[0].addr, 3, 3, 3 * FEE);
            assertEq(claim(0, 30, judged(0, 3)), 3);
            assertEq(held(t.token, verifier[0].addr), 3 * FEE);
            assertEq(held(t.token, relayer), 0);
            assertEq(held(t.token, address(escrow)), RESERVE + FEES + BOND - 3 * FEE);
            assertEq(escrow.nextFeeEpoch(id, verifier[0].addr), 3);
            assertEq(feesPaid(id), 3 * FEE);
        }
    }

    /// @dev Else a verifier would earn more by approving more.
    function testFuzz_PaysTheSameWhateverItFound(uint64 units, uint64 faults, bytes32 evidence) public {
        warpTo(50);
        Verdict[] memory verdicts = judged(0);
        verdicts[0] = Verdict({epoch: 0, units: units, faults: faults, evidence: evidence});
        claim(0, 30, verdicts);
        verdicts[0] = Verdict({epoch: 0, units: 0, faults: type(uint64).max, evidence: 0});
        claim(1, 30, verdicts);
        assertEq(verifier[0].addr.balance, FEE);
        assertEq(verifier[1].addr.balance, FEE);
        // A fee is no voucher.
        assertEq(payee.balance + poster.addr.balance, 0);
    }

    function test_PaysEachVerifierOnItsOwn() public {
        warpTo(50);
        for (uint256 i = 0; i < 3; ++i) {
            claim(i, 30, judged(0, uint64(i) + 1));
            assertEq(verifier[i].addr.balance, (i + 1) * FEE);
            assertEq(escrow.nextFeeEpoch(id, verifier[i].addr), i + 1);
        }
        assertEq(feesPaid(id), 6 * FEE);
    }

    function test_LeavesWhatRedemptionPaysAlone() public {
        warpTo(50);
        redeem(t, b, voucher(id, 30, 1));
        claim(0, 30, judged(0, 3));
        redeem(t, b, voucher(id, 30, 2, START + 30));
        assertEq(payee.balance, 30 * uint256(RATE));
        assertEq(poster.addr.balance, 2 * PENALTY);
        assertEq(verifier[0].addr.balance, 3 * FEE);
    }

    // ------------------------------------------------------------------------------------------- which epochs

    function test_AnEpochIsPaidOnce() public {
        warpTo(50);
        claim(0, 30, judged(0, 2));
        expectSkipped(id, IErrors.EpochClaimed.selector, 2, 1);
        assertEq(claim(0, 30, judged(1)), 0);
        // Not even with another verdict, which would convict it besides.
        expectSkipped(id, IErrors.EpochClaimed.selector, 2, 0);
        claim(0, 30, epochs(0, 2));
        assertEq(verifier[0].addr.balance, 2 * FEE);
        expectClaimed(id, verifier[0].addr, 1, 3, FEE);
        claim(0, 30, judged(2));
        assertEq(verifier[0].addr.balance, 3 * FEE);
    }

    function test_EpochsAscend() public {
        warpTo(50);
        expectSkipped(id, IErrors.EpochClaimed.selector, 2, 1);
        assertEq(claim(0, 30, epochs(1, 1)), 0);
        expectSkipped(id, IErrors.EpochClaimed.selector, 3, 0);
        assertEq(claim(0, 30, epochs(2, 0)), 0);
        assertEq(verifier[0].addr.balance, 0);
        assertEq(escrow.nextFeeEpoch(id, verifier[0].addr), 0);
    }

    function test_AnEpochLeftOutIsForgone() public {
        warpTo(50);
        expectClaimed(id, verifier[0].addr, 2, 3, 2 * FEE);
        claim(0, 30, epochs(0, 2));
        expectSkipped(id, IErrors.EpochClaimed.selector, 3, 1);
        claim(0, 30, judged(1));
        assertEq(verifier[0].addr.balance, 2 * FEE);
    }

    function test_AnEpochIsPayableOnceItWasOverAtTheAttestation() public {
        warpTo(60);
        for (uint256 i = 0; i < 3; ++i) {
            if (i == 0) expectSkipped(id, IErrors.EpochOpen.selector, 2, 2);
            else expectClaimed(id, verifier[i].addr, 3, 3, 3 * FEE);
            claim(i, 29 + i, judged(0, 3));
        }
        assertEq(verifier[0].addr.balance, 0);
    }

    function test_NothingIsPayableForATimeBeforeTheBeginning() public {
        warpTo(50);
        expectSkipped(id, IErrors.EpochOpen.selector, 0, 0);
        claimFee(t, b, 0, START - 1, judged(0));
        expectSkipped(id, IErrors.EpochOpen.selector, 0, 0);
        claim(0, 0, judged(0));
    }

    // ------------------------------------------------------------------------------------------- when

    function test_OpensWhenTheChallengeWindowIsOver() public {
        for (uint256 i = 0; i < 3; ++i) {
            warpTo(10 + CHALLENGE - 1 + i);
            if (i == 0) {
                uint256 until = START + 10 + CHALLENGE;
                expectSkipped(id, IErrors.ChallengeOpen.selector, until, until - 1);
            } else {
                expectClaimed(id, verifier[i].addr, 1, 1, FEE);
            }
            claim(i, 10, judged(0));
        }
        assertEq(verifier[0].addr.balance, 0);
    }

    function test_AStatementFromTheFutureWaits() public {
        warpTo(50);
        uint256 far = type(uint64).max;
        expectSkipped(id, IErrors.ChallengeOpen.selector, far + CHALLENGE, START + 50);
        claimFee(t, b, 0, far, judged(0));
    }

    function test_IsPayableUntilTheEngagementCloses() public {
        warpTo(RECLAIM - 1);
        escrow.end(t, verifiers(), b);
        claim(0, 100, judged(0, 10));
        assertEq(verifier[0].addr.balance, 10 * FEE);
        warpTo(RECLAIM);
        claim(1, 100, judged(0, 1));
        escrow.reclaim(t, verifiers(), b);
        expectSkipped(id, abi.encodeWithSelector(IErrors.NotEngaged.selector, id, 3));
        assertEq(claim(1, 100, judged(1)), 0);
        assertEq(verifier[1].addr.balance, FEE);
        assertEq(poster.addr.balance, RESERVE + 19 * FEE);
        assertEq(address(escrow).balance, 0);
    }
}
