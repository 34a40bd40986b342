// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {BatchEntry, Subject} from "../../src/interfaces/Types.sol";
import {CourtBase} from "./CourtBase.sol";

/// @notice Whose word was cut by a ruling is not heard any more in that engagement.
contract EjectedTest is CourtBase {
    /// @dev The first and the third verifier are out.
    function begin() private {
        start(NATIVE);
        warpTo(50);
        disputeWith(poster.addr, Subject.Units, 10, voucherBy(0, 2, 50, 0, START + 50), 2 ether);
        rules(Subject.Units, 20);
        warpTo(90);
    }

    function expectEjected(uint256 who) private {
        vm.expectRevert(abi.encodeWithSelector(IErrors.Ejected.selector, verifier[who].addr));
    }

    function test_TheirVouchersDontPay() public {
        begin();
        expectEjected(2);
        redeems(voucherBy(0, 2, 60, 0, START + 60));
    }

    function test_OneOfThemIsEnough() public {
        begin();
        expectEjected(0);
        redeems(voucherBy(0, 1, 60, 0, START + 60));
        expectEjected(2);
        redeems(voucherBy(1, 2, 60, 0, START + 60));
    }

    function test_VouchersFromBeforeDontPayEither() public {
        begin();
        expectEjected(2);
        redeems(voucherBy(0, 2, 30, 0, START + 30));
        expectEjected(0);
        redeems(voucherBy(0, 1, 30, 1, START + 30));
    }

    function test_TheirVouchersNeedNoDispute() public {
        begin();
        expectEjected(2);
        disputeWith(poster.addr, Subject.Units, 20, voucherBy(0, 2, 90, 0, START + 90), 0);
        expectEjected(0);
        disputeWith(runner.addr, Subject.Faults, 0, voucherBy(0, 1, 0, 2, START + 90), 0);
    }

    function test_ABatchSkipsThem() public {
        begin();
        bytes32[] memory leaves = new bytes32[](1);
        leaves[0] = leafOf(id, 60, 0);
        BatchEntry[] memory entries = new BatchEntry[](1);
        entries[0] = batchEntry(0, bid, 60, 0);
        vm.expectEmit(address(escrow));
        emit IEvents.Skipped(id, abi.encodeWithSelector(IErrors.Ejected.selector, verifier[0].addr));
        assertEq(escrow.redeemBatch(oneOffer(offer), attestations(leaves, START + 60), entries), 0);
    }

    function test_TheRunnerStillAsserts() public {
        begin();
        warpTo(140);
        assertWith(runner.addr, 80, contestBond(60, RATE, 0));
        warpTo(160);
        settles(Subject.Assertion);
        assertEq(payee.balance, 40 ether);
        // Still out: asserting cleans nothing.
        expectEjected(2);
        redeems(voucherBy(0, 2, 100, 0, START + 100));
    }

    function test_NobodyIsEjectedByAcceptanceOrSilence() public {
        start(NATIVE);
        warpTo(20);
        disputeUnits(0, 20);
        rules(Subject.Units, 20);
        disputeFaults(0, 2);
        warpTo(80);
        settles(Subject.Faults);
        warpTo(100);
        redeems(voucher(id, 60, 0, START + 60));
        assertEq(payee.balance, 30 ether);
        assertRecord(0, 1, 1, 80);
    }

    function test_SignersOfAnotherCutAreAddedToThem() public {
        start(NATIVE);
        warpTo(50);
        // Two questions about vouchers of different signers, both cut.
        disputeWith(poster.addr, Subject.Units, 10, voucherBy(0, 2, 50, 0, START + 50), 2 ether);
        disputeWith(runner.addr, Subject.Faults, 0, voucherBy(1, 2, 0, 2, START + 50), PENALTY);
        rules(Subject.Faults, 0);
        assertEq(escrow.record(id).ejected, 6);
        rules(Subject.Units, 20);
        assertEq(escrow.record(id).ejected, 7);
    }
}
