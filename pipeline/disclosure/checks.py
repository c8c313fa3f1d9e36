"""The audit as an asset check: nothing is published from which somebody could be derived.

Belongs here: when a release is audited, what that stops, and what of the verdict is told: names of figures and counts
of them, never a hidden value and nothing of the proof.
"""

import dagster as dg

from pipeline.settings import Settings

AUDIENCES = ("partners", "council")
CHECK = "nobody_can_be_derived"


def build_disclosure_checks(settings: Settings) -> list[dg.AssetChecksDefinition]:
    """One blocking check per audience, on its candidate.

    Args:
        settings: the installation.
    """
    return [_check(settings, audience) for audience in AUDIENCES]


def _check(settings: Settings, audience: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        name=CHECK,
        asset=dg.AssetKey(["publication", f"{audience}_candidate"]),
        description="An attacker who read everything that ever left, and this release, cannot narrow a hidden count to "
        "fewer whole numbers than the rules ask for. Read from the files, the ledger and the sealed truth; each count "
        "that is called safe is proved by alternative tables, checked in whole numbers.",
        blocking=True,
    )
    def nobody_can_be_derived(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        from pipeline.disclosure.audit import audit_release, newest

        release_id = newest(settings, audience)
        if release_id is None:
            return dg.AssetCheckResult(
                passed=False, severity=dg.AssetCheckSeverity.ERROR, metadata={"verdict": "there is no release to audit"}
            )
        verdict = audit_release(settings, release_id)
        context.log.info("%s: %s in %.1f s", release_id, "safe" if verdict.is_safe else "not safe", verdict.seconds)
        return dg.AssetCheckResult(
            passed=verdict.is_safe,
            severity=dg.AssetCheckSeverity.ERROR,
            metadata={
                "release": release_id,
                "verdict": dg.MetadataValue.md(verdict.markdown()),
                "hidden_counts": verdict.protected,
                "too_closely_known": sum(not each.already_out for each in verdict.narrowed),
                "known_before": sum(each.already_out for each in verdict.narrowed),
                "faults": len(verdict.faults),
                "worlds": verdict.worlds,
                **{f"falls_to_an_insider_of_{each.attacker}": each.fallen for each in verdict.insiders},
                "seconds": round(verdict.seconds, 1),
            },
        )

    return nobody_can_be_derived
