// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {AttestedFinding, Bond, IVerifierBond} from "../../src/interfaces/IVerifierBond.sol";
import {Verdict} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";
import {Digests} from "../utils/Digests.sol";
import {Merkle} from "../utils/Merkle.sol";

/// @notice What tests of verifiers' bonds do. Two escrows: the real one and the address of another.
abstract contract BondBase is Base {
    uint256 internal constant THAW = 30 days;
    /// @dev Whose free balance is what was destroyed.
    address internal constant NOBODY = 0x000000000000000000000000000000000000dEaD;
    bytes32 internal constant ENGAGEMENT = keccak256("engagement");

    address internal other = makeAddr("another escrow");
    address internal reporter = makeAddr("reporter");

    function tokenOf(bool inUsd) internal view returns (address) {
        return inUsd ? address(usd) : address(0);
    }

    // ------------------------------------------------------------------------------------------- calls

    /// @dev Gives `from` the money and, for a token, the contract the allowance.
    function readyBond(address token, address from, uint256 amount) internal {
        mint(token, from, amount);
        if (token == address(0)) return;
        vm.prank(from);
        usd.approve(address(verifierBond), amount);
    }

    function bond(address escrow_, address token, address who, uint256 amount) internal {
        readyBond(token, stranger, amount);
        vm.prank(stranger);
        verifierBond.bond{value: valueOf(token, amount)}(escrow_, token, who, amount);
    }

    function thaw(address token, address who, uint256 amount) internal {
        vm.prank(who);
        verifierBond.thaw(address(escrow), token, amount);
    }

    function unbond(address token, address who) internal {
        vm.prank(who);
        verifierBond.unbond(address(escrow), token);
    }

    function slash(address token, address who, uint256 amount) internal {
        vm.prank(address(escrow));
        verifierBond.slash(token, who, amount, reporter);
    }

    function slashVerifier(address token, address who, AttestedFinding memory a, AttestedFinding memory b) internal {
        vm.prank(reporter);
        verifierBond.slashVerifier(address(escrow), token, who, ENGAGEMENT, a, b);
    }

    // ------------------------------------------------------------------------------------------- verdicts

    function verdict(uint64 epoch, uint64 units) internal pure returns (Verdict memory) {
        return Verdict({epoch: epoch, units: units, faults: 0, evidence: EVIDENCE});
    }

    function leafOf(Verdict memory v) internal pure returns (bytes32) {
        return Digests.leaf(ENGAGEMENT, v.epoch, v.units, v.faults, v.evidence);
    }

    /// @notice A verdict that is the only leaf of its tree.
    function alone(Key memory key, Verdict memory v, uint256 attestedAt)
        internal
        view
        returns (AttestedFinding memory f)
    {
        (f.verdict, f.attestedAt) = (v, uint64(attestedAt));
        f.signature = signStatement(key, leafOf(v), attestedAt);
        f.proof = new bytes32[](0);
    }

    /// @notice Two verdicts in one statement, beside a third leaf.
    function together(Key memory key, Verdict memory v, Verdict memory w)
        internal
        view
        returns (AttestedFinding memory a, AttestedFinding memory b)
    {
        bytes32[] memory leaves = new bytes32[](3);
        (leaves[0], leaves[1], leaves[2]) = (leafOf(v), keccak256("other"), leafOf(w));
        bytes memory signature = signStatement(key, Merkle.root(leaves), START);
        a = AttestedFinding(v, uint64(START), signature, Merkle.proof(leaves, 0));
        b = AttestedFinding(w, uint64(START), signature, Merkle.proof(leaves, 2));
    }

    /// @notice One epoch, ten units in one verdict and eleven in the other.
    function conflict(Key memory key) internal view returns (AttestedFinding memory a, AttestedFinding memory b) {
        return (alone(key, verdict(7, 10), START), alone(key, verdict(7, 11), START + 5));
    }

    // ------------------------------------------------------------------------------------------- what is so

    function bondOf(address token, address who) internal view returns (Bond memory) {
        return verifierBond.bondOf(address(escrow), who, token);
    }

    function assertBond(address token, address who, uint256 amount, uint256 thawing, uint256 thawsAt) internal view {
        Bond memory b = bondOf(token, who);
        assertEq(b.amount, amount, "bond");
        assertEq(b.thawing, thawing, "thawing");
        assertEq(b.thawsAt, thawsAt, "thaws at");
    }

    function balanceOf(address token, address who) internal view returns (uint256) {
        return verifierBond.balances(who, token);
    }

    function expectSlashed(address token, address who, uint256 amount, uint256 left) internal {
        vm.expectEmit(address(verifierBond));
        emit IVerifierBond.Slashed(address(escrow), who, token, reporter, amount, left);
    }

    function lackingAt(address token, address who, uint256 min) internal view returns (address) {
        address[] memory members = new address[](1);
        members[0] = who;
        return verifierBond.lacking(address(escrow), token, members, min);
    }
}
