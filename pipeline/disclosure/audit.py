"""The audit of releases: may this leave, given everything that ever left?

Belongs here: which releases an attacker has seen, the verdict on each release in words, and the stored proof. Reads
published files, the ledger, the sealed truth and the seeds; nothing of the warehouse, nothing of the code that chooses
what to hide. Not here: how files become a system (evidence), the attack (witnesses), the check of a proof (proof).

A verdict names figures and never tells a hidden value. A stored proof is as confidential as the truth.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.disclosure import ledger
from pipeline.disclosure.attack import Insider, insiders
from pipeline.disclosure.audit_rules import COUNCIL, PARTNERS
from pipeline.disclosure.evidence import Evidence, EvidenceError, Left, Told, gather, tell
from pipeline.disclosure.in_place import in_place, published_faults
from pipeline.disclosure.proof import NOT_PROTECTED, Objection, Proof, check
from pipeline.disclosure.release_faults import release_faults
from pipeline.disclosure.witnesses import Attack, Leak, attack, explain
from pipeline.periods import now
from pipeline.settings import Settings
from pipeline.tables import markdown_table

# a verdict names so many figures; one cause shows in the first ones
_NAMED = 25
_RECORD = "release.json"
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Narrowed:
    """A hidden count that can be derived too closely.

    Attributes:
        count: what it is: count, indicator, area, half-year.
        attacker: whose reader derives it: ``partners`` or ``council``.
        how: how closely, without telling a value.
        facts: the public facts that together do it; empty when they were not looked for.
        insider: who can tell, when not everybody can.
        already_out: whether it could be derived as closely before this release.
    """

    count: str
    attacker: str
    how: str
    facts: tuple[str, ...] = ()
    insider: str | None = None
    already_out: bool = False

    def sentence(self) -> str:
        """In one sentence."""
        who = f"{self.insider} can tell, as a reader of {self.attacker}: " if self.insider else ""
        known = ", ".join(self.facts)
        return f"{who}the {self.count} {self.how}{f', by {known}' if known else ''}"


@dataclass(frozen=True)
class InsiderFigures:
    """Hidden counts that somebody who is counted himself derives.

    Attributes:
        attacker: ``partners`` or ``council``.
        counts: hidden counts.
        fallen: how many of them fall to somebody who knows his own contribution.
    """

    attacker: str
    counts: int
    fallen: int

    @property
    def share(self) -> float:
        """Part of the hidden counts that falls."""
        return self.fallen / self.counts if self.counts else 0.0


@dataclass(frozen=True)
class Verdict:
    """The verdict on a release.

    Attributes:
        release_id: its name.
        audience: for whom it is.
        faults: what is wrong with files, ledger or truth, as sentences.
        narrowed: hidden counts that can be derived too closely.
        insiders: what insiders derive; measured for partners, required to be nothing for the council.
        protected: hidden counts that were attacked, over all half-years and readers.
        worlds: alternative tables that prove them safe.
        proved_at: when a proof was last checked and held (UTC); None when none holds.
        was_stored: whether that proof lay there, so that no new attack was needed.
        seconds: how long it took.
    """

    release_id: str
    audience: str
    faults: tuple[str, ...] = ()
    narrowed: tuple[Narrowed, ...] = ()
    insiders: tuple[InsiderFigures, ...] = ()
    protected: int = 0
    worlds: int = 0
    proved_at: str | None = None
    was_stored: bool = False
    seconds: float = 0.0

    @property
    def is_safe(self) -> bool:
        """Whether this release gives nothing away that was not out already, and nothing is wrong with it."""
        return not self.faults and all(each.already_out for each in self.narrowed)

    def sentences(self) -> list[str]:
        """What there is to say, the worst first; no hidden value is in it."""
        new = [each for each in self.narrowed if not each.already_out]
        old = len(self.narrowed) - len(new)
        told = [*self.faults, *(each.sentence() for each in new[:_NAMED])]
        if len(new) > _NAMED:
            told.append(f"{len(new) - _NAMED} more hidden counts can be derived too closely")
        if old:
            told.append(f"{old} hidden counts could be derived already before this release")
        told += [
            f"to somebody who is counted himself and reads what {each.attacker} read, {each.fallen} of {each.counts} "
            f"hidden counts{' of the newest half-year' if each.attacker == PARTNERS else ''} fall"
            f"{' at most' if each.attacker == PARTNERS else ''} ({each.share:.1%})"
            for each in self.insiders
        ]
        return told

    def markdown(self) -> str:
        """The verdict for Dagster; no hidden value is in it."""
        heading = f"**{self.release_id}** is {'safe' if self.is_safe else 'NOT safe'}"
        since = f", proved {self.proved_at} (UTC)" if self.proved_at else ""
        rows = [[text] for text in self.sentences()]
        table = "\n\n" + markdown_table(["what was found"], rows, width=600) if rows else ""
        return f"{heading}: {self.protected:,} hidden counts, {self.worlds:,} worlds{since}{table}"


def audit_release(settings: Settings, release_id: str, *, use_stored: bool = False) -> Verdict:
    """Attack a release together with everything that left before it, and keep the proof.

    Args:
        settings: the installation.
        release_id: the release, as a rule a candidate.
        use_stored: a stored proof that still holds, checked in whole numbers, is enough: nothing has left since.

    Returns:
        The verdict.

    Raises:
        EvidenceError: when there is no such release.
    """
    started = time.perf_counter()
    audience = _audience(settings, release_id)
    try:
        releases = _seen(settings, release_id, audience)
        evidence = gather(releases)
        verdict = _judge(settings, evidence, list(range(len(releases))), use_stored=use_stored)
    except (EvidenceError, ledger.LedgerError) as error:
        verdict = Verdict(release_id, audience, faults=(str(error),))
    return replace(verdict, seconds=time.perf_counter() - started)


def audit_history(settings: Settings, audience: str | None = None, progress: Progress | None = None) -> list[Verdict]:
    """Check every release again: its stored proof, or a new attack where there is none or it does not fit.

    Args:
        settings: the installation.
        audience: only releases for these readers; all when None.
        progress: is told what comes, how many are done and how many there are.

    Returns:
        The verdicts, in the order in which releases left; candidates come last.
    """
    report = progress or (lambda message, done, total: None)
    try:
        events = ledger.entries(settings)
    except ledger.LedgerError as error:
        return [Verdict(name, _audience(settings, name), faults=(str(error),)) for name in _all_releases(settings)]
    left = [_left(settings, entry) for entry in events if entry.event == ledger.PUBLISHED]
    waiting = [name for name in _open_releases(settings) if name not in {each.release_id for each in left}]
    of = {each.release_id: each.audience for each in left} | {name: _audience(settings, name) for name in waiting}
    wanted = [name for name in of if audience in (None, of[name])]
    place = {each.release_id: at for at, each in enumerate(left)}
    verdicts = []
    try:
        report("reading", 0, len(wanted))
        evidence = gather(left) if left else None
    except EvidenceError as error:
        return [Verdict(name, of[name], faults=(str(error),)) for name in wanted]
    for done, name in enumerate(wanted):
        report(name, done, len(wanted))
        started = time.perf_counter()
        if name not in place:
            verdicts.append(audit_release(settings, name))
            continue
        try:
            verdict = _judge(settings, evidence, list(range(place[name] + 1)), use_stored=True)
            # A run puts back what was changed in place, so only who asks for it is told.
            if in_place(events, of[name]) == name and (changed := published_faults(settings, events, of[name])):
                verdict = replace(verdict, faults=(*verdict.faults, *changed), proved_at=None)
        except EvidenceError as error:
            verdict = Verdict(name, of[name], faults=(str(error),))
        verdicts.append(replace(verdict, seconds=time.perf_counter() - started))
    report("done", len(wanted), len(wanted))
    return verdicts


def newest(settings: Settings, audience: str) -> str | None:
    """The newest release of an audience; None when there is none."""
    names = [name for name in _all_releases(settings) if _audience(settings, name) == audience]
    return names[-1] if names else None


def _judge(settings: Settings, evidence: Evidence, scope: list[int], *, use_stored: bool) -> Verdict:
    """The verdict on the last release of a scope."""
    release = evidence.releases[scope[-1]]
    own = gather([replace(release, values=None)], evidence.reference)
    faults = [*ledger.verify(settings), *release_faults(own, evidence, scope[-1], scope)]
    verdict = Verdict(release.release_id, release.audience, was_stored=True)
    moments = []
    # Partners read what the council reads; the council reads nothing of the partners.
    for attacker in (PARTNERS,) if release.audience == PARTNERS else (PARTNERS, COUNCIL):
        told = tell(evidence, scope, attacker)
        people = _people(told, attacker)
        folder = release.folder / "proof"
        proof = load_proof(folder, attacker) if use_stored else None
        objections = check(told.system, proof, people) if proof else []
        narrowed: list[Narrowed] = []
        if proof is None or _counting(objections, attacker):
            # What partners' insiders derive is measured on the worlds that protect everybody, so at most that falls.
            found = _attack(evidence, scope, attacker, told, people if attacker == COUNCIL else [])
            leaks = [*found.leaks, *(found.insider_leaks if attacker == COUNCIL else ())]
            narrowed = _narrowed(evidence, scope, attacker, told, leaks)
            store_proof(folder, attacker, told, found.proof)
            # what is stored is what is checked
            proof = load_proof(folder, attacker) or Proof("", ())
            objections = check(told.system, proof, people)
            known = {(leak.unknown, leak.insider) for leak in leaks}
            wrong = {
                each.what
                for each in _counting(objections, attacker)
                if each.what != NOT_PROTECTED or (each.name, each.insider) not in known
            }
            faults += [f"the proof of safety does not hold: {what.replace('_', ' ')}" for what in sorted(wrong)]
            verdict = replace(verdict, was_stored=False)
        moments.append(None if _counting(objections, attacker) else _mark_checked(folder, attacker))
        verdict = replace(
            verdict,
            narrowed=(*verdict.narrowed, *narrowed),
            insiders=(*verdict.insiders, _insider_figures(told, objections, attacker)),
            protected=verdict.protected + len(told.system.protections),
            worlds=verdict.worlds + len(proof.worlds),
        )
    held = None if None in moments or faults else min(moments)
    return replace(verdict, faults=tuple(faults), proved_at=held)


def _counting(objections: Sequence[Objection], attacker: str) -> list[Objection]:
    """Objections that make a release unsafe: partners are bound by agreement, so their insiders are measured only."""
    return [each for each in objections if attacker == COUNCIL or each.insider is None]


def _attack(evidence: Evidence, scope: list[int], attacker: str, told: Told, people: Sequence[Insider]) -> Attack:
    try:
        return attack(
            told.system,
            people,
            start=_remembered(evidence, scope, attacker),
            explained=0,
            of_insiders=None if attacker == COUNCIL else told.newest,
        )
    except ValueError as error:
        raise EvidenceError(str(error)) from None


def _people(told: Told, attacker: str) -> list[Insider]:
    """Who is counted in a hidden count of a table; a change from one release to the next counts nobody.

    For partners those of the newest half-year, where a release adds anything, who are alone in a hidden count: they are
    measured, and learn most.
    """
    people = [
        replace(person, sees_himself_in=tuple(sorted(told.parts[person.name]))) if person.sees_himself_in else person
        for person in insiders(told.system)
        if person.name not in told.changes
    ]
    if attacker == COUNCIL:
        return people
    return [person for person in people if person.name in told.newest and told.system.truth[person.name] == 1]


def _insider_figures(told: Told, objections: Sequence[Objection], attacker: str) -> InsiderFigures:
    """Hidden counts of tables that no world protects from some insider, but does from everybody else."""
    counts = told.unknowns.keys() - told.changes
    counts = counts if attacker == COUNCIL else counts & told.newest
    fallen = {each.name for each in objections if each.insider and each.what == NOT_PROTECTED} & counts
    return InsiderFigures(attacker, len(counts), len(fallen))


def _remembered(evidence: Evidence, scope: list[int], attacker: str) -> list[dict[str, int]]:
    """Worlds of the newest earlier proof; most of a release is as it was."""
    for place in reversed(scope[:-1]):
        path = evidence.releases[place].folder / "proof" / f"{attacker}.json"
        try:
            record = json.loads(path.read_text())
            names = dict(zip(record["places"], record["names"], strict=True))
            return [{names[at]: value for at, value in world.items()} for world in Proof.load(record).worlds]
        except (OSError, ValueError, TypeError, KeyError):
            continue
    return []


def _narrowed(evidence: Evidence, scope: list[int], attacker: str, told: Told, leaks: Sequence[Leak]) -> list[Narrowed]:
    """Leaks in words; what was as closely known before this release says so."""
    if not leaks:
        return []
    before: dict[str, Leak] = {}
    if len(scope) > 1:
        earlier = tell(evidence, scope[:-1], attacker).system
        asked = {leak.unknown for leak in leaks}
        old = replace(earlier, protections=tuple(each for each in earlier.protections if each.unknown in asked))
        before = {leak.unknown: leak for leak in attack(old, explained=0).leaks}
    asked = {each.unknown: each for each in told.system.protections}
    found, explained = [], 0
    for leak in leaks:
        known = before.get(leak.unknown)
        is_old = known is not None and (known.low, known.high, known.values) == (leak.low, leak.high, leak.values)
        facts: tuple[str, ...] = ()
        # what comes first shows the cause; each takes tenths of a second
        if not is_old and leak.insider is None and explained < _NAMED:
            facts, explained = explain(told.system, leak), explained + 1
        found.append(
            Narrowed(
                told.unknowns[leak.unknown],
                attacker,
                _how(leak, asked[leak.unknown].width, asked[leak.unknown].at_least),
                tuple(told.facts[name] for name in facts),
                insider=f"somebody in the {told.unknowns[leak.insider]}" if leak.insider else None,
                already_out=is_old,
            )
        )
    return found


def _how(leak: Leak, width: int, at_least: int | None) -> str:
    if not leak.proven:
        return "was not proved to be safe: the search was broken off"
    values = len(leak.values) if leak.values is not None else None
    if values is None and leak.low is not None and leak.high is not None:
        values = leak.high - leak.low + 1
    if values is not None and values < width:
        return f"can be narrowed to {values} {'value' if values == 1 else 'values'}"
    return f"can be seen to be below {at_least}"


def store_proof(folder: Path, attacker: str, told: Told, proof: Proof) -> None:
    """Keep a proof beside its release, whole or not at all; only the owner reads it."""
    places = sorted({place for world in proof.worlds for place in world})
    names = [told.system.unknowns[place].name for place in places]
    _write(folder / f"{attacker}.json", {**proof.record(), "places": places, "names": names})


def load_proof(folder: Path, attacker: str) -> Proof | None:
    """The stored proof; None when there is none or it cannot be read."""
    try:
        return Proof.load(json.loads((folder / f"{attacker}.json").read_text()))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _mark_checked(folder: Path, attacker: str) -> str:
    moment = now().isoformat(timespec="seconds")
    _write(folder / f"{attacker}.checked.json", {"proved_at": moment})
    return moment


def _write(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        # at once: piece by piece it is written by an encoder that is ten times as slow
        file.write(json.dumps(content, separators=(",", ":")))
    beside.replace(path)


def _seen(settings: Settings, release_id: str, audience: str) -> list[Left]:
    """What left by the time of a release, oldest first, and the release itself."""
    entries = [entry for entry in ledger.entries(settings) if entry.event == ledger.PUBLISHED]
    number = next((entry.number for entry in entries if entry.release_id == release_id), None)
    if number is not None:
        return [_left(settings, entry) for entry in entries if entry.number <= number]
    # of two that are about to leave, the second is attacked together with the first
    return [*(_left(settings, entry) for entry in entries), _candidate(settings, release_id)]


def _left(settings: Settings, entry: ledger.Entry) -> Left:
    folder = settings.releases / entry.release_id
    return Left(entry.release_id, entry.audience, folder, settings.ledger / "values" / f"{entry.release_id}.parquet")


def _candidate(settings: Settings, release_id: str) -> Left:
    return Left(release_id, _audience(settings, release_id), settings.releases / release_id)


def _all_releases(settings: Settings) -> list[str]:
    return sorted(path.parent.name for path in settings.releases.glob(f"[!.]*/{_RECORD}"))


def _open_releases(settings: Settings) -> list[str]:
    """The newest release of each audience that neither left nor was taken back."""
    ended = {
        entry.release_id
        for entry in ledger.entries(settings)
        if entry.event in (ledger.PUBLISHED, "withdrawn", "superseded")
    }
    names = {_audience(settings, name): name for name in _all_releases(settings)}
    return [name for name in names.values() if name not in ended]


def _audience(settings: Settings, release_id: str) -> str:
    try:
        return json.loads((settings.releases / Path(release_id).name / _RECORD).read_text())["audience"]
    except (OSError, ValueError, KeyError):
        raise EvidenceError(f"there is no release {release_id!r}") from None
