// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IEscrow} from "../../src/interfaces/IEscrow.sol";
import {IVerifierBond} from "../../src/interfaces/IVerifierBond.sol";
import {Award, Bid, Terms, VerifierSet} from "../../src/interfaces/Types.sol";
import {Digests} from "./Digests.sol";
import {ITestUSD} from "./ITestUSD.sol";
import {Test} from "./Test.sol";

/// @notice The world every test starts from: one escrow, one token, a poster, a runner, three verifiers of which two decide.
abstract contract World is Test {
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
    IVerifierBond internal verifierBond;
    ITestUSD internal usd;
    Key internal poster;
    Key internal runner;
    Key[3] internal verifier;
    address internal payee;
    address internal relayer;
    address internal stranger;

    function setUp() public virtual {
        vm.warp(START);
        verifierBond = IVerifierBond(vm.deployCode("VerifierBond.sol:VerifierBond"));
        escrow = deployEscrow();
        usd = ITestUSD(vm.deployCode("TestUSD.sol:TestUSD"));
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

    /// @dev Its three parts, in the order in which they know of each other.
    function deployEscrow() internal returns (IEscrow) {
        address court = vm.deployCode("Court.sol:Court", abi.encode(verifierBond));
        address settlement = vm.deployCode("Settlement.sol:Settlement", abi.encode(verifierBond, court));
        return IEscrow(vm.deployCode("Escrow.sol:Escrow", abi.encode(verifierBond, settlement)));
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

    function signStatement(Key memory key, bytes32 root, uint256 attestedAt) internal view returns (bytes memory) {
        return signCompact(key, Digests.statement(root, uint64(attestedAt)));
    }
}
