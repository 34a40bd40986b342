// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "./IErrors.sol";
import {IEvents} from "./IEvents.sol";
import {Attestation, Award, Bid, FeeEntry, Offer, Record, Terms, VerifierSet} from "./Types.sol";

/// @notice The second part of the escrow: deposit addresses, fees, equivocation, and every way out.
interface ISettlement is IErrors, IEvents {
    // --- deposit addresses ---

    /// @notice Moves all `terms.token` at the deposit address into the bounty, posting it first if need be. Anyone, repeatable.
    /// When the bounty was never posted and can't be any more (closed, invalid terms) everything goes to the poster.
    function postFromDeposit(Terms calldata terms) external returns (bytes32 bounty);
    /// @notice Sends what the bounty can't use back to the poster: any token but `terms.token` by anyone, `terms.token` by the poster.
    function returnDeposit(Terms calldata terms, address token) external;
    function depositAddress(bytes32 bounty) external view returns (address);

    // --- longer and shorter ---

    /// @notice Reserves `units` more from the bounty's escrow, and moves a clocked end on by their time. Only the poster,
    /// only while nobody gave notice and a notice would still end the engagement before its end: whoever is extended can leave.
    function extend(Terms calldata terms, VerifierSet calldata verifiers, Bid calldata bid, uint64 units) external;
    /// @notice Ends the engagement `noticeSeconds` from now. Poster or runner.
    function giveNotice(Terms calldata terms, Bid calldata bid) external;
    /// @notice Moves an engagement whose time is over, or whose units are all paid, to its redemption period. Anyone.
    function end(Terms calldata terms, VerifierSet calldata verifiers, Bid calldata bid) external;
    /// @notice After the redemption period: what is left of the reserve to the poster, of the bond to the runner. Anyone.
    function reclaim(Terms calldata terms, VerifierSet calldata verifiers, Bid calldata bid) external;

    // --- verifiers' fees ---

    /// @notice Pays one verifier `terms.verifierFee` for every epoch it judged and was not paid for yet, whatever it found.
    /// The verifier itself sends it: epochs before those it names are passed over for good. Entries that are refused are skipped and reported.
    /// @param attestation one statement over all verdicts of the call, in their order
    /// @return paid epochs paid for
    function claimFee(Offer[] calldata offers, Attestation calldata attestation, FeeEntry[] calldata entries)
        external
        returns (uint256 paid);

    // --- equivocation ---

    /// @notice Two block claims of the engagement's node for one number and revision: the bond is lost, half to the caller, half to
    /// the poster, and the engagement ends for cause.
    function slashNode(
        Terms calldata terms,
        VerifierSet calldata verifiers,
        Bid calldata bid,
        uint64 number,
        uint64 revision,
        bytes32[2] calldata blockHashes,
        bytes[2] calldata signatures
    ) external;

    // --- views ---

    /// @notice Where the code of `ICourt` lies.
    function court() external view returns (address);
    function record(bytes32 engagement) external view returns (Record memory);
    /// @notice The first epoch that `verifier` can still claim its fee for.
    function nextFeeEpoch(bytes32 engagement, address verifier) external view returns (uint256);
    function bountyId(Terms calldata terms) external view returns (bytes32);
    function engagementId(Bid calldata bid) external pure returns (bytes32);
    function bidDigest(Bid calldata bid) external view returns (bytes32);
    function awardDigest(Award calldata choice) external view returns (bytes32);
    function statementDigest(bytes32 root, uint64 attestedAt) external view returns (bytes32);
    function blockClaimDigest(bytes32 engagement, uint64 number, uint64 revision, bytes32 blockHash)
        external
        view
        returns (bytes32);
    function verdictLeaf(bytes32 engagement, uint64 epoch, uint64 units, uint64 faults, bytes32 evidence)
        external
        pure
        returns (bytes32);
    /// @notice Most units an engagement can have proven by `time`.
    function unitsCap(Terms calldata terms, bytes32 engagement, uint64 time) external view returns (uint256);
    /// @notice Money locked at engagement: rate × unitsMax + fees of all verifiers for all epochs.
    function reserveFor(Terms calldata terms, uint256 verifiers, uint256 rate) external pure returns (uint256);
    /// @notice From this time on an ended engagement can be reclaimed; 0 while it has no end.
    function reclaimableAt(Terms calldata terms, bytes32 engagement) external view returns (uint256);
}
