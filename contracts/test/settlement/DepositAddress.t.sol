// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {DepositAddress} from "../../src/DepositAddress.sol";
import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {ISettlement} from "../../src/interfaces/ISettlement.sol";
import {Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";
import {Digests} from "../utils/Digests.sol";
import {MoodyToken, Refuser} from "../utils/Hostile.sol";

contract DepositAddressTest is Base {
    function depositOf(Terms memory t) internal view returns (address) {
        return escrow.depositAddress(bountyOf(t));
    }

    function test_IsTheCreate2AddressOfEscrowAndBountyAlone() public view {
        bytes32 id = bountyOf(nativeTerms());
        bytes32 code = keccak256(type(DepositAddress).creationCode);
        bytes32 hash = keccak256(abi.encodePacked(hex"ff", address(escrow), id, code));
        assertEq(escrow.depositAddress(id), address(uint160(uint256(hash))));
    }

    function testFuzz_PostsWithWhatArrived(uint96 amount, bool inUsd) public {
        amount = uint96(bound(amount, 1, type(uint96).max));
        Terms memory t = inUsd ? usdTerms() : nativeTerms();
        address deposit = depositOf(t);
        mint(t.token, deposit, amount);
        vm.expectEmit(address(escrow));
        emit IEvents.Posted(bountyOf(t), poster.addr, t);
        vm.expectEmit(address(escrow));
        emit IEvents.Funded(bountyOf(t), deposit, amount, amount);
        vm.prank(stranger);
        assertEq(escrow.postFromDeposit(t), bountyOf(t));
        assertEq(escrowOf(t), amount);
        assertEq(held(t.token, address(escrow)), amount);
        assertEq(held(t.token, deposit), 0);
        assertTrue(deposit.code.length != 0);
    }

    function test_TakesAPlainTransferBeforeAndAfterItExists() public {
        Terms memory t = nativeTerms();
        vm.deal(stranger, 3);
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(stranger);
            // The stipend of `transfer`, for exchanges that send with it.
            payable(depositOf(t)).transfer(1);
            escrow.postFromDeposit(t);
            assertEq(escrowOf(t), i + 1);
        }
    }

    function test_TakesAnEIP3009AuthorizationStraightToIt() public {
        Terms memory t = usdTerms();
        usd.mint(poster.addr, 9e6);
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256(
                    "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
                ),
                poster.addr,
                depositOf(t),
                9e6,
                0,
                START + 1,
                bytes32(0)
            )
        );
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(poster.secret, Digests.typed(Digests.domain("Test USD", address(usd)), structHash));
        usd.transferWithAuthorization(
            poster.addr, depositOf(t), 9e6, 0, START + 1, bytes32(0), abi.encodePacked(r, s, v)
        );
        escrow.postFromDeposit(t);
        assertEq(escrowOf(t), 9e6);
    }

    function test_AddsToABountyThatWasPostedByHand() public {
        Terms memory t = nativeTerms();
        post(t, 2);
        vm.deal(depositOf(t), 3);
        escrow.postFromDeposit(t);
        assertEq(escrowOf(t), 5);
        assertEq(escrow.bounty(bountyOf(t)).postedAt, START);
    }

    function test_AddsToAPostedBountyEvenOnceClosed() public {
        Terms memory t = nativeTerms();
        post(t, 2);
        vm.warp(OPEN_UNTIL);
        vm.deal(depositOf(t), 3);
        escrow.postFromDeposit(t);
        assertEq(escrowOf(t), 5);
    }

    function test_PostsUntilTheLastOpenSecond() public {
        vm.warp(OPEN_UNTIL - 1);
        vm.deal(depositOf(nativeTerms()), 1);
        escrow.postFromDeposit(nativeTerms());
        assertEq(escrowOf(nativeTerms()), 1);
    }

    function test_GoesToThePosterOnceClosed() public {
        for (uint256 late = 0; late < 2; ++late) {
            Terms memory t = late == 0 ? nativeTerms() : usdTerms();
            vm.warp(OPEN_UNTIL + late);
            mint(t.token, depositOf(t), 4);
            vm.expectEmit(address(escrow));
            emit IEvents.DepositReturned(bountyOf(t), poster.addr, t.token, 4);
            vm.prank(stranger);
            escrow.postFromDeposit(t);
            assertEq(held(t.token, poster.addr), 4);
            assertEq(escrow.bounty(bountyOf(t)).postedAt, 0);
        }
    }

    function test_GoesToThePosterWhenTheTermsAreInvalid() public {
        Terms memory t = nativeTerms();
        t.seats = 0;
        vm.deal(depositOf(t), 4);
        escrow.postFromDeposit(t);
        assertEq(poster.addr.balance, 4);
        assertEq(escrow.bounty(bountyOf(t)).postedAt, 0);
    }

    /// @dev A promise the escrow can't keep: a ruling after the bond has thawed, an arbiter nobody has time to call.
    function test_GoesToThePosterWhenTheTermsPromiseWhatTheEscrowCannotKeep() public {
        for (uint256 i = 0; i < 3; ++i) {
            Terms memory t = usdTerms();
            if (i == 0) (t.verifierBondMin, t.noticeSeconds) = (1, 30 days);
            else t.arbiter = stranger;
            if (i == 1) t.challengeSeconds = 0;
            if (i == 2) t.silenceSeconds = 0;
            usd.mint(depositOf(t), 4);
            vm.expectEmit(address(escrow));
            emit IEvents.DepositReturned(bountyOf(t), poster.addr, t.token, 4);
            escrow.postFromDeposit(t);
            assertEq(usd.balanceOf(poster.addr), (i + 1) * 4);
            assertEq(escrow.bounty(bountyOf(t)).postedAt, 0);
        }
    }

    /// @dev The same promises, kept.
    function test_PostsTermsWithAnArbiterAndBondedVerifiers() public {
        Terms memory t = usdTerms();
        (t.verifierBondMin, t.arbiter) = (1, stranger);
        usd.mint(depositOf(t), 4);
        escrow.postFromDeposit(t);
        assertEq(escrowOf(t), 4);
    }

    /// @dev There is nobody to return it to; at least nothing is burnt.
    function test_RevertWhen_TheDepositHasNoPoster() public {
        for (uint256 i = 0; i < 2; ++i) {
            Terms memory t = i == 0 ? nativeTerms() : usdTerms();
            t.poster = address(0);
            mint(t.token, depositOf(t), 4);
            vm.expectRevert(abi.encodeWithSelector(IErrors.InvalidTerms.selector, bytes32("poster")));
            escrow.postFromDeposit(t);
            assertEq(held(t.token, depositOf(t)), 4);
            assertEq(depositOf(t).code.length, 0);
        }
    }

    function test_CreditsAPosterThatRefusesAReturn() public {
        Terms memory t = nativeTerms();
        t.poster = address(new Refuser());
        vm.warp(OPEN_UNTIL);
        vm.deal(depositOf(t), 4);
        escrow.postFromDeposit(t);
        assertEq(escrow.balances(t.poster, address(0)), 4);
    }

    function test_RevertWhen_NothingWasDeposited() public {
        for (uint256 i = 0; i < 2; ++i) {
            Terms memory t = i == 0 ? nativeTerms() : usdTerms();
            vm.expectRevert(abi.encodeWithSelector(IErrors.NothingDeposited.selector, depositOf(t)));
            escrow.postFromDeposit(t);
        }
    }

    function test_RevertWhen_TheDepositedTokenTakesAFee() public {
        MoodyToken token = new MoodyToken();
        Terms memory t = nativeTerms();
        t.token = address(token);
        token.mint(depositOf(t), 1000);
        token.setMood(MoodyToken.Mood.TakesFee);
        vm.expectRevert(abi.encodeWithSelector(IErrors.TransferMismatch.selector, 1000, 989));
        escrow.postFromDeposit(t);
        // It can still leave, straight to the poster.
        vm.prank(poster.addr);
        escrow.returnDeposit(t, address(token));
        assertEq(token.balanceOf(poster.addr), 989);
    }

    function test_RevertWhen_AnyoneButTheEscrowSweeps() public {
        Terms memory t = nativeTerms();
        vm.deal(depositOf(t), 1);
        escrow.postFromDeposit(t);
        DepositAddress deposit = DepositAddress(payable(depositOf(t)));
        vm.expectRevert(abi.encodeWithSelector(DepositAddress.NotEscrow.selector, address(escrow), poster.addr));
        vm.prank(poster.addr);
        deposit.sweep(address(0), poster.addr);
    }

    /// @dev Terms whose hash was computed over dirty bits name another deposit address; nothing can be posted from it.
    function test_RevertWhen_DepositTermsHaveDirtyHighBits() public {
        bytes memory call = abi.encodeCall(ISettlement.postFromDeposit, (nativeTerms()));
        // The arbiter's word.
        call[4 + 32 * 18] = 0x01;
        bytes memory words = new bytes(call.length - 4);
        for (uint256 i = 0; i < words.length; ++i) {
            words[i] = call[4 + i];
        }
        bytes32 id = keccak256(bytes.concat(abi.encode(block.chainid, address(escrow)), words));
        vm.deal(escrow.depositAddress(id), 1);
        (bool ok,) = address(escrow).call(call);
        assertFalse(ok);
        assertEq(escrow.depositAddress(id).balance, 1);
    }
}
