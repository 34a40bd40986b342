// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {
    Award,
    Bid,
    BountyState,
    EngagementState,
    ProvenVerdict,
    SignedStatement,
    Status,
    Terms
} from "../../src/interfaces/IEscrow.sol";
import {Digests} from "./Digests.sol";
import {Merkle} from "./Merkle.sol";
import {World} from "./World.sol";

/// @notice What tests do in that world.
/// @dev Helpers make exactly one call to the escrow, so `vm.expectRevert` may stand right before them.
abstract contract Base is World {
    struct Voucher {
        SignedStatement[] statements;
        ProvenVerdict[] verdicts;
    }

    // ------------------------------------------------------------------------------------------- vouchers

    /// @notice Verdicts of the first two verifiers that agree, each the only leaf of its tree.
    function voucher(bytes32 id, uint64 units, uint64 faults, uint256 attestedAt)
        internal
        view
        returns (Voucher memory)
    {
        return voucher(id, [units, units], [faults, faults], [attestedAt, attestedAt], [uint256(0), 1]);
    }

    /// @notice The same, attested as late as has matured by now.
    function voucher(bytes32 id, uint64 units, uint64 faults) internal view returns (Voucher memory) {
        return voucher(id, units, faults, vm.getBlockTimestamp() - CHALLENGE);
    }

    function voucher(
        bytes32 id,
        uint64[2] memory units,
        uint64[2] memory faults,
        uint256[2] memory attestedAt,
        uint256[2] memory who
    ) internal view returns (Voucher memory v) {
        v.statements = new SignedStatement[](2);
        v.verdicts = new ProvenVerdict[](2);
        for (uint32 i = 0; i < 2; ++i) {
            v.statements[i] = signStatement(verifier[who[i]], leafOf(id, units[i], faults[i]), attestedAt[i]);
            v.verdicts[i] = ProvenVerdict(i, 7, units[i], faults[i], keccak256("evidence"), new bytes32[](0));
        }
    }

    function leafOf(bytes32 id, uint64 units, uint64 faults) internal pure returns (bytes32) {
        return Digests.leaf(id, 7, units, faults, keccak256("evidence"));
    }

    /// @notice Statements of the first two verifiers over one tree they agree on.
    function statementsOver(bytes32[] memory leaves, uint256 attestedAt)
        internal
        view
        returns (SignedStatement[] memory statements)
    {
        bytes32 root = Merkle.root(leaves);
        statements = new SignedStatement[](2);
        statements[0] = signStatement(verifier[0], root, attestedAt);
        statements[1] = signStatement(verifier[1], root, attestedAt);
    }

    /// @notice The verdicts that `statementsOver` the same leaves prove.
    function verdictsAt(bytes32[] memory leaves, uint256 index, uint64 units, uint64 faults)
        internal
        pure
        returns (ProvenVerdict[] memory verdicts)
    {
        bytes32[] memory proof = Merkle.proof(leaves, index);
        verdicts = new ProvenVerdict[](2);
        verdicts[0] = ProvenVerdict(0, 7, units, faults, keccak256("evidence"), proof);
        verdicts[1] = ProvenVerdict(1, 7, units, faults, keccak256("evidence"), proof);
    }

    // ------------------------------------------------------------------------------------------- calls

    function mint(address token, address to, uint256 amount) internal {
        if (token == address(0)) vm.deal(to, to.balance + amount);
        else usd.mint(to, amount);
    }

    /// @dev Gives `from` the money and, for a token, the escrow the allowance.
    function ready(address token, address from, uint256 amount) internal {
        mint(token, from, amount);
        if (token != address(0)) {
            vm.prank(from);
            usd.approve(address(escrow), amount);
        }
    }

    function valueOf(address token, uint256 amount) internal pure returns (uint256) {
        return token == address(0) ? amount : 0;
    }

    function post(Terms memory t, uint256 amount) internal returns (bytes32) {
        ready(t.token, t.poster, amount);
        vm.prank(t.poster);
        return escrow.post{value: valueOf(t.token, amount)}(t, amount);
    }

    function deposit(address token, address account, uint256 amount) internal {
        ready(token, stranger, amount);
        vm.prank(stranger);
        escrow.deposit{value: valueOf(token, amount)}(token, account, amount);
    }

    /// @notice Awards by signatures of the default poster and runner; the bond must be in the runner's free balance.
    function award(Terms memory t, Bid memory b) internal returns (bytes32) {
        return award(t, b, awardFor(b));
    }

    function award(Terms memory t, Bid memory b, Award memory a) internal returns (bytes32) {
        return escrow.award(t, verifiers(), b, sign(runner, Digests.bid(b)), a, signCompact(poster, Digests.award(a)));
    }

    /// @notice Posts with the reserve of one engagement, deposits the bond and awards.
    function engage(Terms memory t, Bid memory b) internal returns (bytes32 id) {
        post(t, RESERVE);
        if (t.bond != 0) deposit(t.token, b.runner, t.bond);
        id = award(t, b);
    }

    function redeem(Terms memory t, Bid memory b, Voucher memory v) internal {
        vm.prank(relayer);
        escrow.redeem(t, verifiers(), b, v.statements, v.verdicts);
    }

    // ------------------------------------------------------------------------------------------- what is so

    function held(address token, address account) internal view returns (uint256) {
        return token == address(0) ? account.balance : usd.balanceOf(account);
    }

    function escrowOf(Terms memory t) internal view returns (uint256) {
        return escrow.bounty(bountyOf(t)).escrow;
    }

    function assertSeats(Terms memory t, uint256 taken, uint256 vacated) internal view {
        BountyState memory state = escrow.bounty(bountyOf(t));
        assertEq(state.seatsTaken, taken, "seats taken");
        assertEq(state.seatsVacated, vacated, "seats vacated");
    }

    function assertEngagement(bytes32 id, Status status, uint256 unitsPaid, uint256 unitsMax, uint256 faults)
        internal
        view
    {
        EngagementState memory e = escrow.engagement(id);
        assertEq(uint256(e.status), uint256(status), "status");
        assertEq(e.unitsPaid, unitsPaid, "units paid");
        assertEq(e.unitsMax, unitsMax, "units max");
        assertEq(e.faults, faults, "faults");
    }
}
