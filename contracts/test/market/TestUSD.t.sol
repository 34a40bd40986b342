// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Base} from "../utils/Base.sol";
import {Digests} from "../utils/Digests.sol";
import {Account1271} from "../utils/Hostile.sol";
import {ITestUSD} from "../utils/ITestUSD.sol";

/// @notice EIP-3009 as x402 facilitators use it.
contract TestUSDTest is Base {
    string private constant FIELDS =
        "WithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)";
    uint256 private constant AFTER = START + 10;
    uint256 private constant BEFORE = START + 20;
    bytes32 private constant NONCE = keccak256("nonce");

    function setUp() public override {
        super.setUp();
        usd.mint(poster.addr, 100);
        warpTo(11);
    }

    function hashOf(string memory kind, address from, address to) private view returns (bytes32) {
        bytes32 typehash = keccak256(bytes.concat(bytes(kind), bytes(FIELDS)));
        return usdDigest(keccak256(abi.encode(typehash, from, to, 30, AFTER, BEFORE, NONCE)));
    }

    function usdDigest(bytes32 structHash) private view returns (bytes32) {
        return Digests.typed(Digests.domain("Test USD", address(usd)), structHash);
    }

    function signed(Key memory key, bytes32 hash) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key.secret, hash);
        return abi.encodePacked(r, s, v);
    }

    function move(bytes memory signature) private {
        usd.transferWithAuthorization(poster.addr, payee, 30, AFTER, BEFORE, NONCE, signature);
    }

    function authorization() private view returns (bytes memory) {
        return signed(poster, hashOf("Transfer", poster.addr, payee));
    }

    function test_HasSixDecimalsAndAnyoneMints() public {
        assertEq(usd.decimals(), 6);
        vm.prank(stranger);
        usd.mint(stranger, 5);
        assertEq(usd.balanceOf(stranger), 5);
        assertEq(usd.totalSupply(), 105);
    }

    function test_MovesByAuthorizationOnce() public {
        bytes memory signature = authorization();
        vm.expectEmit(address(usd));
        emit ITestUSD.AuthorizationUsed(poster.addr, NONCE);
        move(signature);
        assertEq(usd.balanceOf(payee), 30);
        assertEq(usd.balanceOf(poster.addr), 70);
        assertTrue(usd.authorizationState(poster.addr, NONCE));
        vm.expectRevert(abi.encodeWithSelector(ITestUSD.AuthorizationUsedOrCanceled.selector, poster.addr, NONCE));
        move(signature);
    }

    function test_TakesTheSignatureInThreeParts() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(poster.secret, hashOf("Transfer", poster.addr, payee));
        usd.transferWithAuthorization(poster.addr, payee, 30, AFTER, BEFORE, NONCE, v, r, s);
        assertEq(usd.balanceOf(payee), 30);
    }

    function test_IsValidStrictlyBetweenItsTimes() public {
        bytes memory signature = authorization();
        for (uint256 time = 9; time <= 10; ++time) {
            warpTo(time);
            vm.expectRevert(abi.encodeWithSelector(ITestUSD.AuthorizationNotYetValid.selector, AFTER, START + time));
            move(signature);
        }
        for (uint256 time = 20; time <= 21; ++time) {
            warpTo(time);
            vm.expectRevert(abi.encodeWithSelector(ITestUSD.AuthorizationExpired.selector, BEFORE, START + time));
            move(signature);
        }
        warpTo(19);
        move(signature);
        assertEq(usd.balanceOf(payee), 30);
    }

    function test_RevertWhen_SomeoneElseSigned() public {
        bytes memory signature = signed(runner, hashOf("Transfer", poster.addr, payee));
        vm.expectRevert(abi.encodeWithSelector(ITestUSD.InvalidSignature.selector, poster.addr));
        move(signature);
    }

    function test_RevertWhen_TheReceiverIsChanged() public {
        bytes memory signature = authorization();
        vm.expectRevert(abi.encodeWithSelector(ITestUSD.InvalidSignature.selector, poster.addr));
        usd.transferWithAuthorization(poster.addr, stranger, 30, AFTER, BEFORE, NONCE, signature);
    }

    function test_OnlyThePayeeReceives() public {
        bytes memory signature = signed(poster, hashOf("Receive", poster.addr, payee));
        vm.expectRevert(abi.encodeWithSelector(ITestUSD.CallerNotPayee.selector, payee, stranger));
        vm.prank(stranger);
        usd.receiveWithAuthorization(poster.addr, payee, 30, AFTER, BEFORE, NONCE, signature);
        // Nor does it pass for a transfer, which anyone may send.
        vm.expectRevert(abi.encodeWithSelector(ITestUSD.InvalidSignature.selector, poster.addr));
        move(signature);
        vm.prank(payee);
        usd.receiveWithAuthorization(poster.addr, payee, 30, AFTER, BEFORE, NONCE, signature);
        assertEq(usd.balanceOf(payee), 30);
    }

    function test_ACanceledAuthorizationMovesNothing() public {
        bytes32 structHash = keccak256(
            abi.encode(keccak256("CancelAuthorization(address authorizer,bytes32 nonce)"), poster.addr, NONCE)
        );
        bytes memory wrong = signed(runner, usdDigest(structHash));
        vm.expectRevert(abi.encodeWithSelector(ITestUSD.InvalidSignature.selector, poster.addr));
        usd.cancelAuthorization(poster.addr, NONCE, wrong);
        bytes memory right = signed(poster, usdDigest(structHash));
        vm.expectEmit(address(usd));
        emit ITestUSD.AuthorizationCanceled(poster.addr, NONCE);
        usd.cancelAuthorization(poster.addr, NONCE, right);
        bytes memory signature = authorization();
        vm.expectRevert(abi.encodeWithSelector(ITestUSD.AuthorizationUsedOrCanceled.selector, poster.addr, NONCE));
        move(signature);
    }

    function test_AsksASmartAccount() public {
        Account1271 wallet = new Account1271();
        usd.mint(address(wallet), 30);
        wallet.approve(hashOf("Transfer", address(wallet), payee));
        usd.transferWithAuthorization(address(wallet), payee, 30, AFTER, BEFORE, NONCE, "any");
        assertEq(usd.balanceOf(payee), 30);
    }

    function test_PermitsByEIP2612() public {
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                poster.addr,
                address(escrow),
                30,
                0,
                BEFORE
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(poster.secret, usdDigest(structHash));
        usd.permit(poster.addr, address(escrow), 30, BEFORE, v, r, s);
        assertEq(usd.allowance(poster.addr, address(escrow)), 30);
    }
}
