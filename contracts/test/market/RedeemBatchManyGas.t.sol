// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../../src/interfaces/IMarket.sol";
import {Attestation, AttestedVerdict, BatchEntry, Bid, Offer, Terms, VerifierSet} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";
import {Digests} from "../utils/Digests.sol";
import {Merkle} from "../utils/Merkle.sol";

/// @notice The longest batch with the biggest set: 100 entries that each need 32 of 32 verifiers. Measured: 15.15 million gas.
/// forge-config: default.isolate = true
contract RedeemBatchManyGasTest is Base {
    event log_named_uint(string key, uint256 value);

    Key[] private signers;
    BatchEntry[] private entries;

    function everybody() private returns (VerifierSet memory set) {
        set = VerifierSet(32, new address[](32));
        for (uint256 i = 0; i < 32; ++i) {
            signers.push(makeKey(string(abi.encodePacked("verifier", i))));
            for (uint256 j = i; j != 0 && signers[j].addr < signers[j - 1].addr; --j) {
                (Key memory low, Key memory high) = (signers[j], signers[j - 1]);
                (signers[j - 1], signers[j]) = (low, high);
            }
        }
        for (uint256 i = 0; i < 32; ++i) {
            set.members[i] = signers[i].addr;
        }
    }

    function engaged(Terms memory t, VerifierSet memory set, uint256 nonce) private returns (bytes32 leaf) {
        Bid memory b = bidFor(t, nonce);
        (b.payee, b.relayFee) = (address(uint160(0x10000 + nonce)), 1);
        bytes memory choice = sign(poster, Digests.award(awardFor(b)));
        leaf = leafOf(escrow.award(t, set, b, sign(runner, Digests.bid(b)), awardFor(b), choice), 10, 0);
        BatchEntry memory entry = BatchEntry(0, b, new AttestedVerdict[](32));
        for (uint256 i = 0; i < 32; ++i) {
            entry.verdicts[i] = AttestedVerdict(pack(i, 0, 7, 10, 0), EVIDENCE);
        }
        entries.push(entry);
    }

    function attested(bytes32[] memory leaves) private view returns (Attestation[] memory all) {
        all = new Attestation[](32);
        for (uint256 i = 0; i < 32; ++i) {
            (all[i].verifier, all[i].attestedAt) = (signers[i].addr, uint64(START + 30));
            all[i].signature = signStatement(signers[i], Merkle.root(leaves), START + 30);
            all[i].flags = Merkle.allFlags(leaves.length);
        }
    }

    function test_AHundredEntriesOfThirtyTwoVerifiersFitATransaction() public {
        Terms memory t = usdTerms();
        VerifierSet memory set = everybody();
        (t.seats, t.verifierSet) = (100, Digests.verifierSet(set));
        post(t, 100 * RESERVE);
        deposit(t.token, runner.addr, 100 * uint256(BOND));
        bytes32[] memory leaves = new bytes32[](100);
        for (uint256 i = 0; i < 100; ++i) {
            leaves[i] = engaged(t, set, i);
        }
        Offer[] memory offers = new Offer[](1);
        offers[0] = Offer(t, set);
        warpTo(50);
        bytes memory data = abi.encodeCall(IMarket.redeemBatch, (offers, attested(leaves), entries));
        vm.prank(relayer);
        (bool ok, bytes memory redeemed) = address(escrow).call(data);
        uint256 gas = vm.lastCallGas().gasTotalUsed;
        emit log_named_uint("gas redeemBatch of 100 by 32 verifiers", gas);
        assertTrue(ok);
        assertEq(abi.decode(redeemed, (uint256)), 100);
        assertLe(gas, 16_777_216, "a transaction");
    }
}
