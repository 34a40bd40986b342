// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../../src/interfaces/IMarket.sol";
import {Attestation, BatchEntry, Bid, Offer, Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";
import {MoodyToken} from "../utils/Hostile.sol";
import {Merkle} from "../utils/Merkle.sol";

/// @notice The longest batch fits a transaction (EIP-7825). Each call runs as one of its own, calldata included. Measured: 5.01
/// million gas for 100 entries of one bounty, 10.93 for 100 that share nothing, 14.33 for 40 whose token burns every push.
/// forge-config: default.isolate = true
contract RedeemBatchGasTest is Base {
    event log_named_uint(string key, uint256 value);

    uint256 private constant TX_GAS_MAX = 16_777_216;

    Offer[] private offers;
    Attestation[] private attested;
    BatchEntry[] private entries;

    function engaged(Terms memory t, uint256 nonce) private returns (Bid memory b, bytes32 id) {
        b = bidFor(t, nonce);
        (b.payee, b.relayFee) = (address(uint160(0x10000 + nonce)), 1);
        id = award(t, b);
    }

    function submit(uint256 expected) private returns (uint256 gas) {
        bytes memory data = abi.encodeCall(IMarket.redeemBatch, (offers, attested, entries));
        vm.prank(relayer);
        (bool ok, bytes memory redeemed) = address(escrow).call(data);
        gas = vm.lastCallGas().gasTotalUsed;
        assertTrue(ok);
        assertEq(abi.decode(redeemed, (uint256)), expected);
        assertLe(gas, TX_GAS_MAX, "a transaction");
    }

    /// @dev Nothing shared: 100 bounties, 200 attestations over trees of 32 leaves, payees that never had the token, and a fault in
    /// each that ends the engagement for cause.
    function test_AHundredEntriesThatShareNothingFitATransaction() public {
        for (uint256 i = 0; i < 100; ++i) {
            Terms memory t = usdTerms();
            (t.salt, t.faultsMax) = (i, 1);
            post(t, RESERVE);
            deposit(t.token, runner.addr, BOND);
            (Bid memory b, bytes32 id) = engaged(t, i);
            offers.push(Offer(t, verifiers()));
            entries.push(batchEntry(uint32(i), b, 10, 1, 2 * i));
            attest(id);
        }
        warpTo(50);
        emit log_named_uint("gas redeemBatch of 100 that share nothing", submit(100));
        assertEq(usd.balanceOf(address(0x10000)), 10 * uint256(RATE) - 1);
        assertEq(usd.balanceOf(poster.addr), 100 * uint256(PENALTY));
        assertEq(usd.balanceOf(relayer), 100);
    }

    function attest(bytes32 id) private {
        bytes32[] memory leaves = new bytes32[](32);
        for (uint256 j = 0; j < 32; ++j) {
            leaves[j] = keccak256(abi.encode(id, j));
        }
        leaves[31] = leafOf(id, 10, 1);
        for (uint256 who = 0; who < 2; ++who) {
            Attestation memory a = attestation(who, leaves, START + 30);
            (a.proof, a.flags) = (Merkle.proof(leaves, 31), new bool[](5));
            attested.push(a);
        }
    }

    /// @dev As a worker sends it: one bounty, one statement per verifier. Still the first redemption of every engagement.
    function test_AHundredEntriesOfOneBountyFitATransaction() public {
        Terms memory t = usdTerms();
        t.seats = 100;
        post(t, 100 * RESERVE);
        deposit(t.token, runner.addr, 100 * uint256(BOND));
        bytes32[] memory leaves = new bytes32[](100);
        for (uint256 i = 0; i < 100; ++i) {
            (Bid memory b, bytes32 id) = engaged(t, i);
            leaves[i] = leafOf(id, 10, 0);
            entries.push(batchEntry(0, b, 10, 0));
        }
        offers.push(Offer(t, verifiers()));
        attested.push(attestation(0, leaves, START + 30));
        attested.push(attestation(1, leaves, START + 30));
        warpTo(50);
        emit log_named_uint("gas redeemBatch of 100 of one bounty", submit(100));
        assertEq(usd.balanceOf(address(0x10063)), 10 * uint256(RATE) - 1);
    }

    /// @dev A token that burns whatever it gets is its poster's choice; whoever redeems chooses how many go together.
    function test_FortyPushesThatBurnAllTheirGasFitATransaction() public {
        MoodyToken token = new MoodyToken();
        Terms memory t = nativeTerms();
        (t.token, t.seats, t.bond, t.faultPenalty) = (address(token), 40, 0, 0);
        token.mint(poster.addr, 40 * RESERVE);
        vm.prank(poster.addr);
        token.approve(address(escrow), 40 * RESERVE);
        vm.prank(poster.addr);
        escrow.post(t, 40 * RESERVE);
        bytes32[] memory leaves = new bytes32[](40);
        for (uint256 i = 0; i < 40; ++i) {
            (Bid memory b, bytes32 id) = engaged(t, i);
            leaves[i] = leafOf(id, 10, 0);
            entries.push(batchEntry(0, b, 10, 0));
        }
        offers.push(Offer(t, verifiers()));
        attested.push(attestation(0, leaves, START + 30));
        attested.push(attestation(1, leaves, START + 30));
        token.setMood(MoodyToken.Mood.BurnsGas);
        warpTo(50);
        emit log_named_uint("gas redeemBatch of 40 pushes that burn", submit(40));
        assertEq(escrow.balances(address(0x10000), address(token)), 10 * uint256(RATE) - 1);
    }
}
