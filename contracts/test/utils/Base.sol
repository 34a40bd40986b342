// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {TestUSD} from "../../src/TestUSD.sol";
import {
    Award,
    Bid,
    BountyState,
    EngagementState,
    IEscrow,
    ProvenVerdict,
    SignedStatement,
    Status,
    Terms,
    VerifierSet
} from "../../src/interfaces/IEscrow.sol";
import {Digests} from "./Digests.sol";
import {Merkle} from "./Merkle.sol";
import {Test} from "./Test.sol";

/// @notice The world every test starts from: one escrow, one token, a poster, a runner, three verifiers of which two decide.
/// @dev Helpers make exactly one call to the escrow, so `vm.expectRevert` may stand right before them.
abstract contract Base is Test {
    uint256 internal constant START = 1_700_000_000;
    uint128 internal constant RATE = 0.5 ether;
    uint128 internal constant BOND = 5 ether;
    uint128 internal constant PENALTY = 1 ether;
    uint64 internal constant UNITS = 100;
    uint64 internal constant OPEN_UNTIL = uint64(START + 1000);
    uint256 internal constant RESERVE = uint256(RATE) * UNITS;
    uint256 internal constant CHALLENGE = 20;
    /// @dev End of an undisturbed engagement, and the time from which it can be reclaimed: epoch + silence + 2 challenges.
    uint256 internal constant ENDS = 100;
    uint256 internal constant RECLAIM = ENDS + 10 + 60 + 2 * CHALLENGE;

    IEscrow internal escrow;
    TestUSD internal usd;
    Key internal poster;
    Key internal runner;
    Key[3] internal verifier;
    address internal payee;
    address internal relayer;
    address internal stranger;

    struct Voucher {
        SignedStatement[] statements;
        ProvenVerdict[] verdicts;
    }

    function setUp() public virtual {
        vm.warp(START);
        escrow = IEscrow(vm.deployCode("Escrow.sol:Escrow"));
        usd = TestUSD(vm.deployCode("TestUSD.sol:TestUSD"));
        poster = makeKey("poster");
        runner = makeKey("runner");
        payee = makeAddr("payee");
        relayer = makeAddr("relayer");
        stranger = makeAddr("stranger");
        Key[3] memory keys = [makeKey("verifier 1"), makeKey("verifier 2"), makeKey("verifier 3")];
        for (uint256 i = 0; i < 3; ++i) {
            for (uint256 j = i + 1; j < 3; ++j) {
                if (keys[j].addr < keys[i].addr) (keys[i], keys[j]) = (keys[j], keys[i]);
            }
            verifier[i] = keys[i];
        }
    }

    /// @dev Time is always set from START: the optimizer may move a `block.timestamp` across a warp.
    function warpTo(uint256 secondsIn) internal {
        vm.warp(START + secondsIn);
    }

    // ------------------------------------------------------------------------------------------- what is agreed

    function nativeTerms() internal view returns (Terms memory t) {
        t.poster = poster.addr;
        t.rateMax = RATE;
        t.unitsMax = UNITS;
        t.unitSeconds = 1;
        t.epochSeconds = 10;
        t.seats = 2;
        t.bond = BOND;
        t.faultPenalty = PENALTY;
        t.faultsMax = 3;
        t.openUntil = OPEN_UNTIL;
        t.challengeSeconds = uint32(CHALLENGE);
        t.noticeSeconds = 30;
        t.silenceSeconds = 60;
        t.verifierSet = Digests.verifierSet(verifiers());
        t.specHash = keccak256("spec");
    }

    /// @dev The same numbers in base units of TestUSD: amounts are opaque to the escrow.
    function usdTerms() internal view returns (Terms memory t) {
        t = nativeTerms();
        t.token = address(usd);
    }

    function verifiers() internal view returns (VerifierSet memory set) {
        set.threshold = 2;
        set.members = new address[](3);
        for (uint256 i = 0; i < 3; ++i) {
            set.members[i] = verifier[i].addr;
        }
    }

    function bountyOf(Terms memory t) internal view returns (bytes32) {
        return Digests.bounty(address(escrow), t);
    }

    function bidFor(Terms memory t, uint256 nonce) internal view returns (Bid memory) {
        return Bid({
            bounty: bountyOf(t),
            runner: runner.addr,
            payee: payee,
            node: address(0xbeef),
            rate: t.rateMax,
            relayFee: 0,
            expiresAt: OPEN_UNTIL,
            nonce: nonce
        });
    }

    function awardFor(Bid memory b) internal pure returns (Award memory) {
        return Award({bounty: b.bounty, bid: Digests.bid(b), expiresAt: OPEN_UNTIL, spare: false});
    }

    // ------------------------------------------------------------------------------------------- signatures

    function digest(bytes32 structHash) internal view returns (bytes32) {
        return Digests.typed(Digests.domain("Piecework", address(escrow)), structHash);
    }

    function sign(Key memory key, bytes32 structHash) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key.secret, digest(structHash));
        return abi.encodePacked(r, s, v);
    }

    /// @dev ERC-2098.
    function signCompact(Key memory key, bytes32 structHash) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key.secret, digest(structHash));
        return abi.encodePacked(r, bytes32(uint256(s) | (uint256(v - 27) << 255)));
    }

    function signStatement(Key memory key, bytes32 root, uint256 attestedAt)
        internal
        view
        returns (SignedStatement memory)
    {
        bytes memory signature = signCompact(key, Digests.statement(root, uint64(attestedAt)));
        return SignedStatement(key.addr, root, uint64(attestedAt), signature);
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
