// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {TestUSD} from "../src/TestUSD.sol";
import {BountyState, EngagementState, IEscrow, Terms} from "../src/interfaces/IEscrow.sol";
import {Handler} from "./utils/Handler.sol";
import {Ledger} from "./utils/Ledger.sol";
import {Test} from "./utils/Test.sol";

/// @notice Rules that hold always (DESIGN §3), over four bounties, native coin and TestUSD, and a payee that refuses.
contract InvariantTest is Test {
    Handler private handler;
    IEscrow private escrow;
    address private usd;

    function setUp() public {
        handler = new Handler();
        (escrow, usd) = handler.world();
        targetContract(address(handler));
        bytes4[] memory verbs = new bytes4[](13);
        verbs[0] = Handler.wait.selector;
        verbs[1] = Handler.fund.selector;
        verbs[2] = Handler.engage.selector;
        verbs[3] = bytes4(keccak256("redeem(uint256,uint64,uint64,uint256)"));
        verbs[4] = Handler.redeemAll.selector;
        verbs[5] = Handler.giveNotice.selector;
        verbs[6] = Handler.end.selector;
        verbs[7] = Handler.reclaim.selector;
        verbs[8] = Handler.reclaimEscrow.selector;
        verbs[9] = Handler.withdraw.selector;
        verbs[10] = Handler.knock.selector;
        // Twice as likely: without time and runners nothing happens.
        verbs[11] = Handler.wait.selector;
        verbs[12] = Handler.engage.selector;
        targetSelector(FuzzSelector(address(handler), verbs));
    }

    function held(address token, address account) private view returns (uint256) {
        return token == address(0) ? account.balance : TestUSD(usd).balanceOf(account);
    }

    function tokens() private view returns (address[2] memory) {
        return [address(0), usd];
    }

    function owed(address token) private view returns (uint256 sum) {
        for (uint256 i = 0; i < 4; ++i) {
            Terms memory t = offer(i);
            if (t.token == token) sum += escrow.bounty(escrow.bountyId(t)).escrow;
        }
        for (uint256 i = 0; i < handler.count(); ++i) {
            Ledger.Entry memory e = handler.entry(i);
            if (offer(e.offer).token == token) sum += e.reserve + e.bond;
        }
        address[5] memory accounts = handler.accounts();
        for (uint256 i = 0; i < 5; ++i) {
            sum += escrow.balances(accounts[i], token);
        }
    }

    function offer(uint256 i) private view returns (Terms memory t) {
        return handler.offer(i);
    }

    /// @notice 1: the escrow holds, of each token, exactly what it owes.
    function invariant_1_HoldsExactlyWhatItOwes() public view {
        for (uint256 k = 0; k < 2; ++k) {
            address token = tokens()[k];
            assertEq(held(token, address(escrow)), owed(token), "owed");
        }
    }

    /// @notice 2: money in = money out + money held.
    function invariant_2_MoneyInIsMoneyOutPlusMoneyHeld() public view {
        for (uint256 k = 0; k < 2; ++k) {
            address token = tokens()[k];
            assertEq(handler.moneyIn(token), handler.moneyOut(token) + held(token, address(escrow)), "in = out + held");
        }
    }

    /// @notice 3: every party has what the ledger says, to the wei.
    function invariant_3_EveryoneHasWhatTheLedgerSays() public view {
        address[5] memory accounts = handler.accounts();
        for (uint256 k = 0; k < 2; ++k) {
            address token = tokens()[k];
            for (uint256 i = 0; i < 5; ++i) {
                uint256 has = held(token, accounts[i]) + escrow.balances(accounts[i], token);
                assertEq(has, handler.wealth(accounts[i], token), "wealth");
            }
        }
    }

    /// @notice 4: what was paid for an engagement is units times rate, and within what was locked for it.
    function invariant_4_PayoutsStayWithinTheReserve() public view {
        for (uint256 i = 0; i < handler.count(); ++i) {
            Ledger.Entry memory e = handler.entry(i);
            assertLe(e.units * e.bid.rate, e.locked, "reserve");
            assertLe(e.units, e.unitsMax, "units");
            assertLe(e.reserve + e.units * e.bid.rate, e.locked, "reserve and pay");
        }
    }

    /// @notice 5: storage is what replaying the steps gives; Closed absorbs, counts never fall (see `Handler.step`).
    function invariant_5_StorageIsWhatTheLedgerSays() public view {
        for (uint256 i = 0; i < handler.count(); ++i) {
            Ledger.Entry memory e = handler.entry(i);
            EngagementState memory state = escrow.engagement(e.id);
            assertEq(uint256(state.status), uint256(e.status), "status");
            assertEq(state.unitsPaid, e.units, "units");
            assertEq(state.unitsMax, e.unitsMax, "units max");
            assertEq(state.faults, e.faults, "faults");
            assertEq(state.startedAt, e.startedAt, "start");
            assertEq(state.endsAt, e.endsAt, "end");
            assertEq(uint256(state.noticeBy), uint256(e.noticeBy), "notice");
        }
        for (uint256 i = 0; i < 4; ++i) {
            BountyState memory state = escrow.bounty(escrow.bountyId(offer(i)));
            assertEq(state.escrow, handler.free(i), "escrow");
            assertEq(state.seatsTaken, handler.seats(i), "seats");
            assertEq(state.seatsVacated, handler.vacated(i), "vacated");
        }
    }
}
