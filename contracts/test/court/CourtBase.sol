// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bid, Dispute, Record, SignedVerdict, Subject, Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";

/// @notice One engagement whose offer names an arbiter, and parties with money and allowances for any bond.
/// @dev Helpers make exactly one call to the escrow, so `vm.expectRevert` may stand right before them.
abstract contract CourtBase is Base {
    uint256 internal constant SILENCE = 60;
    address internal constant NATIVE = address(0);

    address internal arbiter;
    Terms internal offer;
    Bid internal bid;
    bytes32 internal id;
    mapping(address => uint256) private _before;

    function setUp() public virtual override {
        super.setUp();
        arbiter = makeAddr("arbiter");
        enrich(poster.addr);
        enrich(runner.addr);
        for (uint256 i = 0; i < 3; ++i) {
            enrich(verifier[i].addr);
        }
    }

    function enrich(address account) internal {
        vm.deal(account, 1_000_000 ether);
        usd.mint(account, 1_000_000 ether);
        allow(account);
    }

    function allow(address account) internal {
        vm.prank(account);
        usd.approve(address(escrow), type(uint256).max);
    }

    function courtTerms(address token) internal view returns (Terms memory t) {
        t = token == NATIVE ? nativeTerms() : usdTerms();
        t.arbiter = arbiter;
    }

    function start(address token) internal {
        start(courtTerms(token));
    }

    function start(Terms memory t) internal {
        offer = t;
        bid = bidFor(t, 0);
        id = engage(t, bid);
        // Posting set it to what it took.
        allow(t.poster);
    }

    // ------------------------------------------------------------------------------------------- calls

    function assertWith(address by, uint64 units, uint256 value) internal {
        vm.prank(by);
        escrow.assertUnits{value: value}(offer, verifiers(), bid, units);
    }

    /// @notice The runner asserts; nothing was paid or lost before.
    function asserts(uint64 units) internal {
        assertWith(runner.addr, units, valueOf(offer.token, contestBond(units, bid.rate, 0)));
    }

    function disputeWith(address by, Subject subject, uint64 floor, SignedVerdict[] memory verdicts, uint256 value)
        internal
    {
        vm.prank(by);
        escrow.dispute{value: value}(offer, verifiers(), bid, subject, floor, verdicts);
    }

    /// @notice The poster contests a voucher attested right now.
    function disputeUnits(uint64 floor, uint64 claimed) internal {
        uint256 value = valueOf(offer.token, contestBond(claimed - floor, bid.rate, 0));
        disputeWith(poster.addr, Subject.Units, floor, fresh(claimed, 0), value);
    }

    /// @notice The runner contests a voucher attested right now.
    function disputeFaults(uint64 floor, uint64 claimed) internal {
        uint256 value = valueOf(offer.token, contestBond(claimed - floor, offer.faultPenalty, 0));
        disputeWith(runner.addr, Subject.Faults, floor, fresh(0, claimed), value);
    }

    function disputeAssertion(address by, uint64 floor, uint64 claimed) internal {
        uint256 value = valueOf(offer.token, contestBond(claimed - floor, bid.rate, 0));
        disputeWith(by, Subject.Assertion, floor, none(), value);
    }

    function ruleAs(address by, Subject subject, uint64 outcome) internal {
        vm.prank(by);
        escrow.rule(offer, verifiers(), bid, subject, outcome);
    }

    function rules(Subject subject, uint64 outcome) internal {
        ruleAs(arbiter, subject, outcome);
    }

    function settles(Subject subject) internal {
        vm.prank(stranger);
        escrow.settle(offer, verifiers(), bid, subject);
    }

    function redeems(SignedVerdict[] memory verdicts) internal {
        vm.prank(relayer);
        escrow.redeem(offer, verifiers(), bid, verdicts);
    }

    function ends() internal {
        escrow.end(offer, verifiers(), bid);
    }

    function reclaims() internal {
        escrow.reclaim(offer, verifiers(), bid);
    }

    // ------------------------------------------------------------------------------------------- what is meant

    function fresh(uint64 units, uint64 faults) internal view returns (SignedVerdict[] memory) {
        return voucher(id, units, faults, vm.getBlockTimestamp());
    }

    /// @notice A voucher of other signers than the first two.
    function voucherBy(uint256 first, uint256 second, uint64 units, uint64 faults, uint256 attestedAt)
        internal
        view
        returns (SignedVerdict[] memory)
    {
        return voucher(id, [units, units], [faults, faults], [attestedAt, attestedAt], [first, second]);
    }

    function none() internal pure returns (SignedVerdict[] memory) {
        return new SignedVerdict[](0);
    }

    /// @notice Written a second time from the interface: a tenth, at least one, doubled with each one lost up to 2^16.
    function contestBond(uint256 count, uint256 price, uint256 lost) internal pure returns (uint256) {
        uint256 bond = count < 10 ? price : count * price / 10;
        return bond * 2 ** (lost < 16 ? lost : 16);
    }

    // ------------------------------------------------------------------------------------------- what is so

    /// @notice All an account can get at: in its hands, free in the escrow, free in `VerifierBond`.
    function wealth(address who) internal view returns (uint256) {
        address token = offer.token;
        return held(token, who) + escrow.balances(who, token) + verifierBond.balances(who, token);
    }

    function remember() internal {
        _before[poster.addr] = wealth(poster.addr);
        _before[runner.addr] = wealth(runner.addr);
        _before[payee] = wealth(payee);
        _before[stranger] = wealth(stranger);
        for (uint256 i = 0; i < 3; ++i) {
            _before[verifier[i].addr] = wealth(verifier[i].addr);
        }
        _before[address(escrow)] = held(offer.token, address(escrow));
    }

    function assertGained(address who, uint256 amount, string memory why) internal view {
        assertEq(wealth(who), _before[who] + amount, why);
    }

    function assertLost(address who, uint256 amount, string memory why) internal view {
        assertEq(wealth(who) + amount, _before[who], why);
    }

    /// @notice What went out of the escrow since `remember`.
    function assertReleased(uint256 amount) internal view {
        assertEq(held(offer.token, address(escrow)) + amount, _before[address(escrow)], "released");
    }

    function assertNoDispute(Subject subject) internal view {
        Dispute memory d = escrow.disputeOf(id, subject);
        assertEq(keccak256(abi.encode(d)), keccak256(new bytes(6 * 32)));
    }

    function assertNoAssertion() internal view {
        assertEq(keccak256(abi.encode(escrow.assertion(id))), keccak256(new bytes(3 * 32)));
    }

    function assertFlags(uint256 flags) internal view {
        assertEq(escrow.engagement(id).flags, flags, "flags");
    }

    /// @notice The record once a dispute about a voucher was resolved, that many seconds in.
    function contestedRecord(uint32 ejected, uint8 byPoster, uint8 byRunner, uint256 resolved)
        internal
        pure
        returns (Record memory r)
    {
        r = spokenRecord(ejected, byPoster, byRunner, resolved);
        r.resolvedAt = uint40(START + resolved);
    }

    /// @notice The record once an assertion was resolved, and no dispute about a voucher ever was.
    function spokenRecord(uint32 ejected, uint8 byPoster, uint8 byRunner, uint256 resolved)
        internal
        pure
        returns (Record memory r)
    {
        (r.ejected, r.lostByPoster, r.lostByRunner) = (ejected, byPoster, byRunner);
        r.reclaimableFrom = uint40(START + resolved + CHALLENGE + SILENCE);
    }

    /// @param resolved seconds in when the last question was resolved, 0 if none was
    function assertRecord(uint256 ejected, uint256 byPoster, uint256 byRunner, uint256 resolved) internal view {
        uint256 reclaimableFrom = resolved == 0 ? 0 : START + resolved + CHALLENGE + SILENCE;
        assertEq(escrow.record(id).ejected, ejected, "ejected");
        assertEq(escrow.record(id).lostByPoster, byPoster, "lost by poster");
        assertEq(escrow.record(id).lostByRunner, byRunner, "lost by runner");
        assertEq(escrow.record(id).reclaimableFrom, reclaimableFrom, "reclaimable from");
    }
}
