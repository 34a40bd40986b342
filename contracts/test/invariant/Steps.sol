// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IBalances} from "../../src/interfaces/IBalances.sol";
import {IVerifierBond} from "../../src/interfaces/IVerifierBond.sol";
import {EngagementState, Status, Terms} from "../../src/interfaces/Types.sol";
import {LedgerRules} from "./LedgerRules.sol";

/// @notice How the handler acts, and what it watches while it does: gas, counts that fall, engagements that change without being
/// asked.
abstract contract Steps is LedgerRules {
    uint256 internal constant NONE = type(uint256).max;

    /// @dev Slots of `State`, in order: each of these maps an engagement's id.
    uint256 private constant ENGAGEMENTS = 4;
    uint256 private constant RECORDS = 5;
    uint256 private constant ASSERTIONS = 6;
    uint256 private constant DISPUTES = 7;
    uint256 private constant FEE_MARKS = 8;

    uint256 public gasMost;
    uint256 public fallen;
    uint256 public disturbed;
    mapping(string what => uint256) public happened;
    mapping(bytes32 id => bytes32) private digestAfter;
    mapping(bytes32 id => EngagementState) private stateAfter;

    modifier step() {
        vm.warp(time);
        ++steps;
        _;
        for (uint256 i = 0; i < entries.length; ++i) {
            _watch(entries[i].id);
        }
    }

    function _watch(bytes32 id) private {
        EngagementState memory was = stateAfter[id];
        EngagementState memory e = escrow.engagement(id);
        bytes32 found = digestOf(id);
        if (e.unitsPaid < was.unitsPaid || e.faults < was.faults || e.status < was.status) ++fallen;
        if ((touchedAt[id] != steps || was.status == Status.Closed) && found != digestAfter[id]) ++disturbed;
        digestAfter[id] = found;
        stateAfter[id] = e;
    }

    function digestOf(bytes32 id) public view returns (bytes32) {
        return keccak256(abi.encode(wordsOf(id)));
    }

    /// @notice All twelve slots that are one engagement's: state, record, assertion, disputes, fees.
    function wordsOf(bytes32 id) public view returns (bytes32[12] memory words) {
        words[0] = _word(_slot(id, ENGAGEMENTS));
        words[1] = _word(_slot(id, RECORDS));
        words[2] = _word(_slot(id, ASSERTIONS));
        for (uint256 i = 0; i < 3; ++i) {
            bytes32 base = _slot(bytes32(i), uint256(_slot(id, DISPUTES)));
            words[3 + i] = _word(base);
            words[6 + i] = _word(bytes32(uint256(base) + 1));
            bytes32 who = bytes32(uint256(uint160(verifier[i].addr)));
            words[9 + i] = _word(_slot(who, uint256(_slot(id, FEE_MARKS))));
        }
    }

    function _slot(bytes32 key, uint256 map) private pure returns (bytes32) {
        return keccak256(abi.encode(key, map));
    }

    function _word(bytes32 slot) private view returns (bytes32) {
        return vm.load(address(escrow), slot);
    }

    function note(string memory what) internal {
        ++happened[what];
    }

    function wait(uint256 amount) external {
        time += bound(amount, 1, 90);
    }

    function waitUntil(uint256 moment) internal {
        if (moment > time) vm.warp(time = moment);
    }

    // ------------------------------------------------------------------------------------------------- calls

    function send(address from, uint256 value, bytes memory data) internal returns (bytes memory) {
        return send(address(escrow), from, value, data);
    }

    /// @dev The value is new money. A call that reverts fails the run.
    function send(address to, address from, uint256 value, bytes memory data) internal returns (bytes memory) {
        if (value != 0) vm.deal(from, from.balance + value);
        vm.prank(from);
        uint256 gas = gasleft();
        (bool ok, bytes memory answer) = to.call{value: value}(data);
        gas -= gasleft();
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
        // What a transaction costs besides, at most (EIP-7623).
        gas += 21_000 + 40 * data.length;
        if (gas > gasMost) gasMost = gas;
        return answer;
    }

    function refused(address from, bytes memory data, bytes memory expected) internal {
        vm.prank(from);
        (bool ok, bytes memory why) = address(escrow).call(data);
        require(!ok && keccak256(why) == keccak256(expected), "not refused");
    }

    /// @dev New money that `from` brings: as value, or as a token with exactly that allowance.
    function bring(address to, address token, address from, uint256 amount) internal returns (uint256 value) {
        if (token == address(0)) return amount;
        usd.mint(from, amount);
        vm.prank(from);
        usd.approve(to, amount);
    }

    function depositFor(address token, address account, uint256 amount) internal {
        uint256 value = bring(address(escrow), token, stranger, amount);
        send(stranger, value, abi.encodeCall(IBalances.deposit, (token, account, amount)));
        moneyIn[token] += amount;
        inside[account][token] += amount;
    }

    /// @dev `who` gets exactly what it lacks, by one of the ways a bond can come.
    /// @param fresh by the call's value or by allowance, rather than from the free balance
    function bondFrom(address who, address token, uint256 amount, bool fresh) internal returns (uint256 value) {
        if (amount == 0) return 0;
        if (fresh && token == address(0)) {
            note("bond by value");
            moneyIn[token] += amount;
            return amount;
        }
        uint256 has = inside[who][token];
        if (has < amount && fresh) {
            note(has == 0 ? "bond by allowance" : "bond by balance and allowance");
            bring(address(escrow), token, who, amount - has);
            moneyIn[token] += amount - has;
            inside[who][token] = 0;
            return 0;
        }
        if (has < amount) depositFor(token, who, amount - has);
        note("bond by balance");
        inside[who][token] -= amount;
    }

    function bondVerifier(uint256 k, address token, uint256 amount) internal {
        note("bond");
        uint256 value = bring(address(verifierBond), token, stranger, amount);
        bytes memory data = abi.encodeCall(IVerifierBond.bond, (address(escrow), token, verifier[k].addr, amount));
        send(address(verifierBond), stranger, value, data);
        bonds[k][token].amount += uint128(amount);
        bondIn[token] += amount;
    }

    /// @dev Every verifier gets the bond that these terms ask for.
    function bondVerifiers(Terms memory t) internal {
        for (uint256 k = 0; k < 3; ++k) {
            uint256 counts = bonds[k][t.token].amount - bonds[k][t.token].thawing;
            if (counts < t.verifierBondMin) bondVerifier(k, t.token, t.verifierBondMin - counts);
        }
    }

    // ------------------------------------------------------------------------------------------------- choice

    /// @return picked the first engagement from `i` on that fits, or NONE
    function pick(uint256 i, function(Entry storage) view returns (bool) fits) internal view returns (uint256 picked) {
        uint256 length = entries.length;
        for (uint256 k = 0; k < length; ++k) {
            picked = (i % length + k) % length;
            if (fits(entries[picked])) return picked;
        }
        return NONE;
    }

    /// @dev The same, once more a while later: most things only take time.
    function pickOrWait(uint256 i, function(Entry storage) view returns (bool) fits) internal returns (uint256 picked) {
        picked = pick(i, fits);
        if (picked != NONE || entries.length == 0) return picked;
        waitUntil(time + 40);
        return pick(i, fits);
    }

    /// @dev Two verifiers whose verdicts still count; both 0 when there are none.
    function signersOf(Entry storage e, uint256 seed) internal view returns (uint256[2] memory who) {
        for (uint256 k = 0; k < 3; ++k) {
            uint256 missing = (seed % 3 + k) % 3;
            who = missing == 0 ? [uint256(1), 2] : missing == 1 ? [uint256(0), 2] : [uint256(0), 1];
            if (e.ejected & (1 << who[0] | 1 << who[1]) == 0) return who;
        }
        return [uint256(0), 0];
    }
}
