// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {
    Attestation,
    AttestedVerdict,
    Award,
    BatchEntry,
    Bid,
    BountyState,
    EngagementState,
    Offer,
    SignedVerdict,
    Status,
    Terms
} from "../../src/interfaces/Types.sol";
import {PackedVerdict} from "../../src/libraries/Packing.sol";
import {Digests} from "./Digests.sol";
import {Merkle} from "./Merkle.sol";
import {World} from "./World.sol";

/// @notice What tests do in that world.
/// @dev Helpers make exactly one call to the escrow, so `vm.expectRevert` may stand right before them.
abstract contract Base is World {
    bytes32 internal constant EVIDENCE = keccak256("evidence");

    // ------------------------------------------------------------------------------------------- vouchers

    /// @notice Verdicts of the first two verifiers that agree, each the only leaf of its tree.
    function voucher(bytes32 id, uint64 units, uint64 faults, uint256 attestedAt)
        internal
        view
        returns (SignedVerdict[] memory)
    {
        return voucher(id, [units, units], [faults, faults], [attestedAt, attestedAt], [uint256(0), 1]);
    }

    /// @notice The same, attested as late as has matured by now.
    function voucher(bytes32 id, uint64 units, uint64 faults) internal view returns (SignedVerdict[] memory) {
        return voucher(id, units, faults, vm.getBlockTimestamp() - CHALLENGE);
    }

    function voucher(
        bytes32 id,
        uint64[2] memory units,
        uint64[2] memory faults,
        uint256[2] memory attestedAt,
        uint256[2] memory who
    ) internal view returns (SignedVerdict[] memory verdicts) {
        verdicts = new SignedVerdict[](2);
        for (uint256 i = 0; i < 2; ++i) {
            verdicts[i] = signedVerdict(who[i], id, units[i], faults[i], attestedAt[i]);
        }
    }

    /// @notice One verifier's verdict, the only leaf of its tree.
    function signedVerdict(uint256 who, bytes32 id, uint64 units, uint64 faults, uint256 attestedAt)
        internal
        view
        returns (SignedVerdict memory v)
    {
        v.packed = pack(who, attestedAt, 7, units, faults);
        v.evidence = EVIDENCE;
        v.signature = signStatement(verifier[who], leafOf(id, units, faults), attestedAt);
    }

    /// @param index of the member in a single redemption, of the attestation in a batch
    function pack(uint256 index, uint256 attestedAt, uint64 epoch, uint64 units, uint64 faults)
        internal
        pure
        returns (PackedVerdict)
    {
        uint256 counts = uint256(epoch) << 128 | uint256(units) << 64 | faults;
        return PackedVerdict.wrap(index << 232 | attestedAt << 192 | counts);
    }

    function leafOf(bytes32 id, uint64 units, uint64 faults) internal pure returns (bytes32) {
        return Digests.leaf(id, 7, units, faults, EVIDENCE);
    }

    /// @notice Verdicts of the first two verifiers at one leaf of a tree they agree on.
    function voucherAt(bytes32[] memory leaves, uint256 index, uint64 units, uint64 faults, uint256 attestedAt)
        internal
        view
        returns (SignedVerdict[] memory verdicts)
    {
        verdicts = new SignedVerdict[](2);
        for (uint256 i = 0; i < 2; ++i) {
            SignedVerdict memory v = verdicts[i];
            v.packed = pack(i, attestedAt, 7, units, faults);
            v.evidence = EVIDENCE;
            v.signature = signStatement(verifier[i], Merkle.root(leaves), attestedAt);
            v.proof = Merkle.proof(leaves, index);
        }
    }

    // ------------------------------------------------------------------------------------------- batches

    /// @notice One verifier's statement over exactly these leaves, in the order in which the batch names them.
    function attestation(uint256 who, bytes32[] memory leaves, uint256 attestedAt)
        internal
        view
        returns (Attestation memory a)
    {
        (a.verifier, a.attestedAt) = (verifier[who].addr, uint64(attestedAt));
        a.signature = signStatement(verifier[who], Merkle.root(leaves), attestedAt);
        a.flags = Merkle.allFlags(leaves.length);
    }

    /// @notice Statements of the first two verifiers over the same leaves.
    function attestations(bytes32[] memory leaves, uint256 attestedAt)
        internal
        view
        returns (Attestation[] memory all)
    {
        all = new Attestation[](2);
        all[0] = attestation(0, leaves, attestedAt);
        all[1] = attestation(1, leaves, attestedAt);
    }

    /// @notice An engagement's voucher in a batch whose attestations are the first two verifiers'.
    function batchEntry(uint32 offer, Bid memory b, uint64 units, uint64 faults)
        internal
        pure
        returns (BatchEntry memory)
    {
        return batchEntry(offer, b, units, faults, 0);
    }

    /// @notice The same where the two attestations are not the batch's first ones.
    function batchEntry(uint32 offer, Bid memory b, uint64 units, uint64 faults, uint256 first)
        internal
        pure
        returns (BatchEntry memory entry)
    {
        (entry.offer, entry.bid, entry.verdicts) = (offer, b, new AttestedVerdict[](2));
        for (uint256 i = 0; i < 2; ++i) {
            entry.verdicts[i] = AttestedVerdict(pack(first + i, 0, 7, units, faults), EVIDENCE);
        }
    }

    function oneOffer(Terms memory t) internal view returns (Offer[] memory offers) {
        offers = new Offer[](1);
        offers[0] = Offer(t, verifiers());
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

    function redeem(Terms memory t, Bid memory b, SignedVerdict[] memory verdicts) internal {
        vm.prank(relayer);
        escrow.redeem(t, verifiers(), b, verdicts);
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
