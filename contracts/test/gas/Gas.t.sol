// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IMarket} from "../../src/interfaces/IMarket.sol";
import {Award, BatchEntry, Bid, Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";
import {Digests} from "../utils/Digests.sol";

/// @notice What transactions cost, base fee and calldata included: each call runs as a transaction of its own.
/// @dev 2 of 3 verifiers, native coin, payees that exist, engagements redeemed before, proofs in a tree of 32 leaves.
/// forge-config: default.isolate = true
contract GasTest is Base {
    uint64 private constant MANY = 1_100_000;
    uint256 private constant SEATS = 25;

    Terms private t;
    Bid[] private bids;
    bytes32[] private ids;

    function setUp() public override {
        super.setUp();
        Terms memory terms = nativeTerms();
        terms.unitsMax = MANY;
        terms.unitSeconds = 0;
        terms.rateMax = 0.001 ether;
        terms.seats = 32;
        t = terms;
        vm.deal(payee, 1);
        vm.deal(relayer, 1000 ether);
    }

    /// @dev Engages `count` runners and redeems 10 units of each.
    function start(uint256 count) private {
        Terms memory terms = t;
        post(terms, count * MANY * terms.rateMax);
        deposit(address(0), runner.addr, count * BOND + 1);
        for (uint256 i = 0; i < count; ++i) {
            Bid memory b = bidFor(terms, i);
            bytes32 id = award(terms, b);
            bids.push(b);
            ids.push(id);
        }
        warpTo(100);
        for (uint256 i = 0; i < count; ++i) {
            redeem(terms, bids[i], voucher(ids[i], 10, 0, START));
        }
    }

    /// @dev 32 leaves; those of the first `count` engagements attest `units`.
    function leavesOf(uint256 count, uint64 units) private view returns (bytes32[] memory leaves) {
        leaves = new bytes32[](32);
        for (uint256 i = 0; i < 32; ++i) {
            leaves[i] = i < count ? leafOf(ids[i], units, 0) : keccak256(abi.encode(i));
        }
    }

    function redeemOne(uint64 units) private returns (uint256) {
        bytes32[] memory leaves = leavesOf(1, 10 + units);
        redeem(t, bids[0], voucherAt(leaves, 0, 10 + units, 0, START + 50));
        return used();
    }

    function used() private view returns (uint256) {
        return vm.lastCallGas().gasTotalUsed;
    }

    /// @dev Committed, and compared by `cargo xtask test`: a change of gas is a change to look at.
    function note(string memory name, uint256 value) private {
        vm.snapshotValue("gas", name, value);
    }

    function test_NativeTransfer() public {
        vm.prank(relayer);
        (bool ok,) = payee.call{value: 1 ether}("");
        assertTrue(ok);
        note("native_transfer", used());
    }

    function test_Erc20Transfer() public {
        usd.mint(relayer, 1000);
        usd.mint(payee, 1);
        vm.prank(relayer);
        usd.transfer(payee, 10);
        note("erc20_transfer", used());
    }

    function test_Redeem() public {
        start(1);
        note("redeem_single", redeemOne(500));
    }

    function test_RedeemOfAStatementWithOneVerdict() public {
        start(1);
        redeem(t, bids[0], voucher(ids[0], 510, 0, START + 50));
        note("redeem_single_without_tree", used());
    }

    function test_Post() public {
        vm.deal(poster.addr, 10 ether);
        Terms memory terms = t;
        vm.prank(poster.addr);
        escrow.post{value: 1 ether}(terms, 1 ether);
        note("post", used());
    }

    function test_Award() public {
        Terms memory terms = t;
        post(terms, MANY * terms.rateMax);
        deposit(address(0), runner.addr, 2 * BOND);
        Bid memory b = bidFor(terms, 0);
        Award memory a = awardFor(b);
        bytes memory bidSignature = signCompact(runner, Digests.bid(b));
        bytes memory choice = signCompact(poster, Digests.award(a));
        vm.prank(relayer);
        escrow.award(terms, verifiers(), b, bidSignature, a, choice);
        note("award", used());
    }

    function test_RedeemOfOneUnitCostsTheSameAsOfAMillion() public {
        start(2);
        uint256 one = redeemOne(1);
        // The other engagement, so that both have seen exactly one redemption.
        (bids[0], ids[0]) = (bids[1], ids[1]);
        uint256 many = redeemOne(1_000_000);
        note("redeem_1_unit", one);
        note("redeem_1000000_units", many);
        assertEq(payee.balance, 1 + 1_000_021 * 0.001 ether);
        uint256 difference = many > one ? many - one : one - many;
        assertLe(difference * 100, one, "1 % apart");
    }

    function test_RedeemBatchOf25() public {
        start(SEATS);
        bytes32[] memory leaves = new bytes32[](SEATS);
        BatchEntry[] memory entries = new BatchEntry[](SEATS);
        for (uint256 i = 0; i < SEATS; ++i) {
            leaves[i] = leafOf(ids[i], 1000, 0);
            entries[i] = batchEntry(0, bids[i], 1000, 0);
        }
        bytes memory data =
            abi.encodeCall(IMarket.redeemBatch, (oneOffer(t), attestations(leaves, START + 50), entries));
        vm.prank(relayer);
        (bool ok, bytes memory redeemed) = address(escrow).call(data);
        uint256 gas = used();
        assertTrue(ok);
        assertEq(abi.decode(redeemed, (uint256)), SEATS);
        note("redeem_batch_25_each", gas / SEATS);
        note("redeem_batch_25_each_calldata_bytes", data.length / SEATS);
    }
}
