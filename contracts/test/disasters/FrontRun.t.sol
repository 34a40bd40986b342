// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";
import {Digests} from "../utils/Digests.sol";
import {ITestUSD} from "../utils/ITestUSD.sol";

/// @notice An EIP-3009 authorization is public once it waits to be mined: anyone can send it straight to the token, and then the
/// call that was to send it and to do something with the money fails, with the money gone and nothing bought.
contract FrontRunTest is Base {
    bytes32 private constant NONCE = keccak256("nonce");

    Terms private t;
    address private to;
    bytes private signature;

    function setUp() public override {
        super.setUp();
        Terms memory terms = usdTerms();
        (t, to) = (terms, escrow.depositAddress(bountyOf(terms)));
        usd.mint(poster.addr, 2 * RESERVE);
        bytes32 typehash = keccak256(
            "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
        );
        bytes32 structHash = keccak256(abi.encode(typehash, poster.addr, to, RESERVE, 0, START + 100, NONCE));
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(poster.secret, Digests.typed(Digests.domain("Test USD", address(usd)), structHash));
        signature = abi.encodePacked(r, s, v);
    }

    function send(address from) private {
        vm.prank(from);
        usd.transferWithAuthorization(poster.addr, to, RESERVE, 0, START + 100, NONCE, signature);
    }

    function assertPosted() private {
        vm.expectEmit(address(escrow));
        emit IEvents.Posted(bountyOf(t), poster.addr, t);
        vm.expectEmit(address(escrow));
        emit IEvents.Funded(bountyOf(t), to, RESERVE, RESERVE);
        vm.prank(relayer);
        escrow.postFromDeposit(t);
        assertEq(escrowOf(t), RESERVE);
        assertEq(usd.balanceOf(poster.addr), RESERVE);
    }

    function test_AnAuthorizationWasFrontRunStraightAtTheToken_X402Exact() public {
        send(stranger);
        vm.expectRevert(abi.encodeWithSelector(ITestUSD.AuthorizationUsedOrCanceled.selector, poster.addr, NONCE));
        send(relayer);
        assertPosted();
    }

    /// @dev Whoever sweeps first changes nothing: the money can only become this bounty's escrow.
    function test_TheSweepWasFrontRunToo_X402Exact() public {
        send(stranger);
        vm.prank(stranger);
        escrow.postFromDeposit(t);
        assertEq(escrow.bounty(bountyOf(t)).postedAt, START);
        assertEq(escrowOf(t), RESERVE);
        assertEq(usd.balanceOf(stranger), 0);
    }

    /// @dev Sent elsewhere, it is no longer what was signed.
    function test_AnAuthorizationWasTurnedToAnotherReceiver() public {
        vm.expectRevert(abi.encodeWithSelector(ITestUSD.InvalidSignature.selector, poster.addr));
        vm.prank(stranger);
        usd.transferWithAuthorization(poster.addr, stranger, RESERVE, 0, START + 100, NONCE, signature);
        send(relayer);
        assertPosted();
    }

    /// @dev Others' terms have another address, so nobody's money can be taken for an offer it wasn't sent for.
    function testFuzz_ADepositPaidForAnothersOffer(uint256 salt, uint128 rate) public {
        Terms memory other = t;
        (other.salt, other.rateMax) = (bound(salt, 1, type(uint256).max), uint128(bound(rate, 1, type(uint128).max)));
        send(stranger);
        address empty = escrow.depositAddress(bountyOf(other));
        assertTrue(empty != to);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NothingDeposited.selector, empty));
        escrow.postFromDeposit(other);
        assertPosted();
    }
}
