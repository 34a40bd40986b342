// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEscrow} from "../../src/interfaces/IEscrow.sol";
import {Award, Bid, Status, Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";
import {Digests} from "../utils/Digests.sol";
import {Account1271} from "../utils/Hostile.sol";

/// @notice Who must have signed what for `award`.
contract AwardSignaturesTest is Base {
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    function submit(Terms memory t, Bid memory b, bytes memory bidSignature, Award memory a, bytes memory choice)
        private
        returns (bytes32)
    {
        return escrow.award(t, verifiers(), b, bidSignature, a, choice);
    }

    function ready() private returns (Terms memory t, Bid memory b, Award memory a) {
        t = nativeTerms();
        b = bidFor(t, 0);
        a = awardFor(b);
        post(t, RESERVE);
        deposit(address(0), runner.addr, BOND);
    }

    function test_DigestsAreWhatWalletsSign() public {
        (, Bid memory b, Award memory a) = ready();
        assertEq(escrow.bidDigest(b), digest(Digests.bid(b)));
        assertEq(escrow.awardDigest(a), digest(Digests.award(a)));
        assertEq(escrow.engagementId(b), Digests.bid(b));
    }

    function test_TakesLongAndCompactSignatures() public {
        (Terms memory t, Bid memory b, Award memory a) = ready();
        submit(t, b, signCompact(runner, Digests.bid(b)), a, sign(poster, Digests.award(a)));
        assertSeats(t, 1, 0);
    }

    function test_RevertWhen_SomeoneElseSignedTheBid() public {
        (Terms memory t, Bid memory b, Award memory a) = ready();
        vm.expectRevert(abi.encodeWithSelector(IErrors.BadSignature.selector, runner.addr));
        submit(t, b, sign(poster, Digests.bid(b)), a, sign(poster, Digests.award(a)));
    }

    function test_RevertWhen_SomeoneElseSignedTheAward() public {
        (Terms memory t, Bid memory b, Award memory a) = ready();
        vm.expectRevert(abi.encodeWithSelector(IErrors.BadSignature.selector, poster.addr));
        submit(t, b, sign(runner, Digests.bid(b)), a, sign(runner, Digests.award(a)));
    }

    function test_RevertWhen_TheSignatureHasAHighS() public {
        (Terms memory t, Bid memory b, Award memory a) = ready();
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(runner.secret, digest(Digests.bid(b)));
        bytes memory high = abi.encodePacked(r, bytes32(ORDER - uint256(s)), v == 27 ? uint8(28) : uint8(27));
        vm.expectRevert(abi.encodeWithSelector(IErrors.BadSignature.selector, runner.addr));
        submit(t, b, high, a, sign(poster, Digests.award(a)));
    }

    function test_RevertWhen_TheSignatureHasAnotherLength() public {
        (Terms memory t, Bid memory b, Award memory a) = ready();
        bytes memory good = sign(runner, Digests.bid(b));
        bytes[3] memory bad = [bytes(""), bytes.concat(good, hex"00"), new bytes(65)];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IErrors.BadSignature.selector, runner.addr));
            submit(t, b, bad[i], a, sign(poster, Digests.award(a)));
        }
    }

    function test_RevertWhen_ReplayedOnAnotherEscrow() public {
        (Terms memory t, Bid memory b, Award memory a) = ready();
        bytes memory bidSignature = sign(runner, Digests.bid(b));
        bytes memory choice = sign(poster, Digests.award(a));
        IEscrow other = deployEscrow();
        vm.deal(poster.addr, RESERVE);
        vm.prank(poster.addr);
        other.post{value: RESERVE}(t, RESERVE);
        vm.expectRevert(abi.encodeWithSelector(IErrors.BadSignature.selector, runner.addr));
        other.award(t, verifiers(), b, bidSignature, a, choice);
        // Signed for that escrow, the bid still names a bounty of this one.
        bytes32 domain = Digests.domain("Piecework", address(other));
        bidSignature = packed(runner, Digests.typed(domain, Digests.bid(b)));
        choice = packed(poster, Digests.typed(domain, Digests.award(a)));
        vm.expectRevert(
            abi.encodeWithSelector(IErrors.WrongBounty.selector, Digests.bounty(address(other), t), b.bounty)
        );
        other.award(t, verifiers(), b, bidSignature, a, choice);
    }

    function test_RevertWhen_ReplayedOnAnotherChain() public {
        (Terms memory t, Bid memory b, Award memory a) = ready();
        bytes memory bidSignature = sign(runner, Digests.bid(b));
        bytes memory choice = sign(poster, Digests.award(a));
        vm.chainId(999);
        vm.expectRevert(abi.encodeWithSelector(IErrors.BadSignature.selector, runner.addr));
        submit(t, b, bidSignature, a, choice);
    }

    function test_EngagesASmartAccountAsPosterAndRunner() public {
        Account1271 wallet = new Account1271();
        Terms memory t = nativeTerms();
        t.poster = address(wallet);
        post(t, RESERVE);
        Bid memory b = bidFor(t, 0);
        b.runner = address(wallet);
        Award memory a = awardFor(b);
        deposit(address(0), address(wallet), BOND);

        vm.expectRevert(abi.encodeWithSelector(IErrors.BadSignature.selector, address(wallet)));
        submit(t, b, "any", a, "");
        wallet.approve(digest(Digests.bid(b)));
        vm.expectRevert(abi.encodeWithSelector(IErrors.BadSignature.selector, address(wallet)));
        submit(t, b, "any", a, "");
        wallet.approve(digest(Digests.award(a)));
        bytes32 id = submit(t, b, "any", a, "");
        assertEngagement(id, Status.Active, 0, UNITS, 0);
    }

    function packed(Key memory key, bytes32 hash) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key.secret, hash);
        return abi.encodePacked(r, s, v);
    }
}
