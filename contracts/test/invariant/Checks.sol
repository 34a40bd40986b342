// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IEscrow} from "../../src/interfaces/IEscrow.sol";
import {IVerifierBond} from "../../src/interfaces/IVerifierBond.sol";
import {EngagementState, Status, Subject, Terms} from "../../src/interfaces/Types.sol";
import {ITestUSD} from "../utils/ITestUSD.sol";
import {Test} from "../utils/Test.sol";
import {Handler} from "./Handler.sol";
import {Ledger} from "./Ledger.sol";

/// @notice What the contracts owe by their own storage, added up.
abstract contract Checks is Test {
    Handler internal handler;
    IEscrow internal escrow;
    IVerifierBond internal verifierBond;
    address internal usd;

    function setUp() public virtual {
        handler = new Handler();
        (escrow, verifierBond, usd) = handler.world();
    }

    function tokens() internal view returns (address[2] memory) {
        return [address(0), usd];
    }

    function held(address token, address account) internal view returns (uint256) {
        return token == address(0) ? account.balance : ITestUSD(usd).balanceOf(account);
    }

    function offers() internal view returns (Terms[6] memory all) {
        for (uint256 i = 0; i < 6; ++i) {
            all[i] = handler.offer(i);
        }
    }

    /// @dev What of an engagement's reserve is here.
    function reserveOf(Terms memory t, Ledger.Entry memory e) internal view returns (uint256) {
        EngagementState memory s = escrow.engagement(e.id);
        if (s.status == Status.Closed) return 0;
        return uint256(s.unitsMax - s.unitsPaid) * e.bid.rate + feesOf(t, s) - escrow.record(e.id).feesPaid;
    }

    /// @dev What three verifiers can earn by an engagement.
    function feesOf(Terms memory t, EngagementState memory s) internal pure returns (uint256) {
        uint256 epochs = s.unitsMax;
        if (t.unitSeconds != 0) epochs = (epochs * t.unitSeconds + t.epochSeconds - 1) / t.epochSeconds;
        return 3 * epochs * t.verifierFee;
    }

    function bondOf(Terms memory t, bytes32 id) internal view returns (uint256) {
        EngagementState memory s = escrow.engagement(id);
        uint256 lost = uint256(s.faults) * t.faultPenalty;
        // Bit 4: slashed.
        return s.status == Status.Closed || s.flags & 16 != 0 || lost > t.bond ? 0 : t.bond - lost;
    }

    /// @dev Bonds of questions that are open.
    function contested(bytes32 id) internal view returns (uint256 sum) {
        sum = escrow.assertion(id).bond;
        for (uint256 s = 0; s < 3; ++s) {
            sum += escrow.disputeOf(id, Subject(s)).bond;
        }
    }

    function owed(address token) internal view returns (uint256 sum) {
        Terms[6] memory all = offers();
        for (uint256 i = 0; i < 6; ++i) {
            if (all[i].token == token) sum += escrow.bounty(escrow.bountyId(all[i])).escrow;
        }
        uint256 count = handler.count();
        for (uint256 i = 0; i < count; ++i) {
            Ledger.Entry memory e = handler.entry(i);
            Terms memory t = all[e.offer];
            if (t.token == token) sum += reserveOf(t, e) + bondOf(t, e.id) + contested(e.id);
        }
        address[12] memory accounts = handler.accounts();
        for (uint256 i = 0; i < accounts.length; ++i) {
            sum += escrow.balances(accounts[i], token);
        }
    }

    function owedByBonds(address token) internal view returns (uint256 sum) {
        for (uint256 k = 0; k < 3; ++k) {
            sum += verifierBond.bondOf(address(escrow), handler.verifierAt(k), token).amount;
        }
        address[12] memory accounts = handler.accounts();
        for (uint256 i = 0; i < accounts.length; ++i) {
            sum += verifierBond.balances(accounts[i], token);
        }
    }
}
