// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {BatchEntry, Bid, SignedVerdict, Status, Subject} from "../../src/interfaces/Types.sol";
import {CourtBase} from "./CourtBase.sol";

/// @notice What a dispute holds back, and what it doesn't.
contract FreezeTest is CourtBase {
    function begin(address token) private {
        start(token);
        warpTo(50);
        disputeUnits(10, 50);
    }

    function expectFrozen(uint256 floor) private {
        vm.expectRevert(abi.encodeWithSelector(IErrors.Frozen.selector, floor));
    }

    function assertPaid(uint256 units) private view {
        assertEq(held(offer.token, payee), units * uint256(bid.rate), "pay");
        assertEq(escrow.engagement(id).unitsPaid, units, "units paid");
    }

    function test_TheContestedVoucherPaysItsFloorInItsTime() public {
        begin(NATIVE);
        SignedVerdict[] memory v = voucher(id, 50, 0, START + 50);
        warpTo(69);
        vm.expectRevert(abi.encodeWithSelector(IErrors.ChallengeOpen.selector, START + 70, START + 69));
        redeems(v);
        warpTo(70);
        redeems(v);
        assertPaid(10);
        expectFrozen(10);
        redeems(v);
    }

    function test_TheFloorPaysInTestUSD() public {
        begin(address(usd));
        warpTo(71);
        redeems(voucher(id, 50, 0, START + 50));
        assertPaid(10);
    }

    /// @dev Or the contested signers would date the same verdict back.
    function test_AVoucherWhoseWindowHadPassedWaitsToo() public {
        begin(NATIVE);
        redeems(voucher(id, 29, 0, START + 29));
        assertPaid(10);
        expectFrozen(10);
        redeems(voucher(id, 29, 0, START + 29));
        warpTo(51);
        expectFrozen(10);
        redeems(voucherBy(1, 2, 31, 0, START + 31));
    }

    function test_AVoucherUpToTheFloorPays() public {
        begin(NATIVE);
        warpTo(80);
        redeems(voucher(id, 9, 0, START + 55));
        assertPaid(9);
        redeems(voucher(id, 10, 0, START + 55));
        assertPaid(10);
        expectFrozen(10);
        redeems(voucher(id, 11, 0, START + 55));
        vm.expectRevert(abi.encodeWithSelector(IErrors.NothingNew.selector, 10, 10));
        redeems(voucher(id, 10, 0, START + 56));
    }

    function test_LaterVouchersWaitUntilItIsResolved() public {
        begin(NATIVE);
        SignedVerdict[] memory v = voucher(id, 70, 0, START + 70);
        warpTo(90);
        redeems(v);
        assertPaid(10);
        // Time alone resolves nothing.
        warpTo(115);
        expectFrozen(10);
        redeems(v);
        settles(Subject.Units);
        assertPaid(50);
        warpTo(134);
        vm.expectRevert(abi.encodeWithSelector(IErrors.ChallengeOpen.selector, START + 135, START + 134));
        redeems(v);
        warpTo(135);
        redeems(v);
        assertPaid(70);
    }

    function test_FaultsAreProvenWhileUnitsWait() public {
        begin(NATIVE);
        remember();
        warpTo(70);
        redeems(voucher(id, 50, 1, START + 50));
        assertPaid(10);
        assertGained(poster.addr, PENALTY, "the penalty");
        redeems(voucher(id, 50, 2, START + 50));
        assertGained(poster.addr, 2 * uint256(PENALTY), "the next penalty");
        expectFrozen(10);
        redeems(voucher(id, 50, 2, START + 50));
    }

    function test_UnitsPayWhileFaultsWait() public {
        start(address(usd));
        warpTo(50);
        disputeFaults(1, 3);
        warpTo(70);
        redeems(voucher(id, 50, 3, START + 50));
        assertPaid(50);
        assertEngagement(id, Status.Active, 50, UNITS, 1);
        expectFrozen(1);
        redeems(voucher(id, 30, 2, START + 30));
    }

    function test_FaultsWhoseWindowHadPassedWaitToo() public {
        start(NATIVE);
        warpTo(50);
        disputeFaults(0, 2);
        expectFrozen(0);
        redeems(voucher(id, 0, 2, START + 30));
    }

    /// @dev The second seat of the same bounty.
    function second() private returns (Bid memory other, bytes32 otherId) {
        ready(offer.token, stranger, RESERVE);
        vm.prank(stranger);
        escrow.fund{value: RESERVE}(offer, RESERVE);
        deposit(offer.token, runner.addr, BOND);
        other = bidFor(offer, 1);
        otherId = award(offer, other);
    }

    function test_AnotherEngagementOfTheBountyIsNotTouched() public {
        start(NATIVE);
        (Bid memory other, bytes32 otherId) = second();
        warpTo(50);
        disputeUnits(0, 50);
        warpTo(70);
        redeem(offer, other, voucher(otherId, 50, 1, START + 50));
        assertEngagement(otherId, Status.Active, 50, UNITS, 1);
        assertEngagement(id, Status.Active, 0, UNITS, 0);
        rules(Subject.Units, 0);
        warpTo(90);
        // Its signers were ejected from the first engagement only.
        redeem(offer, other, voucher(otherId, 60, 1, START + 70));
        assertEngagement(otherId, Status.Active, 60, UNITS, 1);
        assertEq(escrow.engagement(otherId).flags, 0);
    }

    function test_ABatchSkipsOnlyWhatWaits() public {
        start(NATIVE);
        (Bid memory other, bytes32 otherId) = second();
        warpTo(50);
        disputeUnits(0, 50);
        warpTo(70);
        bytes32[] memory leaves = new bytes32[](2);
        (leaves[0], leaves[1]) = (leafOf(id, 50, 0), leafOf(otherId, 50, 0));
        BatchEntry[] memory entries = new BatchEntry[](2);
        (entries[0], entries[1]) = (batchEntry(0, bid, 50, 0), batchEntry(0, other, 50, 0));
        vm.expectEmit(address(escrow));
        emit IEvents.Skipped(id, abi.encodeWithSelector(IErrors.Frozen.selector, 0));
        uint256 count = escrow.redeemBatch(oneOffer(offer), attestations(leaves, START + 50), entries);
        assertEq(count, 1);
        assertEngagement(otherId, Status.Active, 50, UNITS, 0);
        assertEngagement(id, Status.Active, 0, UNITS, 0);
    }

    function testFuzz_NothingAboveTheFloorPays(uint64 floor, uint64 units, uint256 attestedAt) public {
        start(NATIVE);
        warpTo(50);
        floor = uint64(bound(floor, 1, 49));
        disputeUnits(floor, 50);
        attestedAt = bound(attestedAt, 1, 90);
        warpTo(attestedAt + 20 < 50 ? 50 : attestedAt + 20);
        units = uint64(bound(units, 1, attestedAt));
        redeems(voucher(id, units, 0, START + attestedAt));
        assertPaid(units > floor ? floor : units);
    }
}
