"""From candidate to published and withdrawn: what each step does to the published files.

Belongs here: the steps. Does not belong here: making a release (release.py) or signing it (approval.py).

Every step is noted in the ledger before it is done, and ``settle`` does what the ledger says. So after a kill the next
step, or the next run, ends what was begun.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from pipeline.disclosure.ledger import append, entries
from pipeline.publication.approval import approved_by, content_problems, sign, signature_problems, who_can
from pipeline.publication.marts_file import MARTS_FILE, rewrite_table, swap_in
from pipeline.publication.people import DEMO_APPROVER, PeopleError, known_people, maker
from pipeline.publication.release import (
    Release,
    ReleaseError,
    current_release,
    find_release,
    one_at_a_time,
    release_folder,
    release_state,
    release_states,
    release_table,
    require_ledger,
    waiting_release,
)
from pipeline.settings import Settings


@dataclass(frozen=True)
class Outcome:
    """What an audience reads after a step.

    Attributes:
        release: the release in place; None when there is none.
        file: its marts file.
        sentences: what was done and what waits.
    """

    release: Release | None
    file: Path | None
    sentences: tuple[str, ...]


def approve(settings: Settings, release_id: str, by: str, key_file: Path | None = None) -> Outcome:
    """Approve a candidate and publish it at once.

    Args:
        settings: the installation.
        release_id: name of a release.
        by: who approves.
        key_file: that person's private key; ``~/.effectmonitor/<name>.key`` when None.

    Raises:
        ReleaseError: when it may not be approved (``approval.sign``).
        PeopleError: when the name is unknown or the key is not that person's.
    """
    with one_at_a_time(settings):
        return _approve_and_publish(settings, _known(settings, release_id), by, key_file)


def publish_waiting(settings: Settings, audience: str) -> Outcome:
    """What a run does with a candidate: outside production approve and publish it, in production let it wait.

    What was approved is published, and what is published is put in place again, whoever changed or removed its files.

    Args:
        settings: the installation.
        audience: for whom.

    Raises:
        ReleaseError: when what ought to be published differs from what was approved, or, outside production, may not
            be approved.
    """
    with one_at_a_time(settings):
        require_ledger(settings)
        release = waiting_release(settings, audience)
        if release and settings.environment != "production":
            return _approve_and_publish(settings, release, DEMO_APPROVER)
        if release and _is_approved(settings, release):
            return _publish(settings, release)
        outcome = _settle(settings, audience)
        if release is None:
            return outcome
        return Outcome(outcome.release, outcome.file, (*outcome.sentences, waits(settings, release)))


def withdraw(settings: Settings, release_id: str, by: str, reason: str) -> Outcome:
    """Take a release back: its figures disappear from what is published, not from the ledger.

    The newest earlier release that was published and not withdrawn takes its place; a candidate that is withdrawn is
    never published.

    Args:
        settings: the installation.
        release_id: name of a release.
        by: who withdraws it.
        reason: for the ledger; nothing about a person.

    Raises:
        ReleaseError: when there is no such release, it was withdrawn, or it was replaced before it was published.
        PeopleError: when nobody of that name is known.
    """
    if by not in (*known_people(settings), maker(settings)):
        raise PeopleError(f"{by!r} is not known here; EFFECTMONITOR_PEOPLE knows {', '.join(known_people(settings))}")
    if not reason.strip():
        raise ReleaseError("say why it is withdrawn, with --reason")
    with one_at_a_time(settings):
        require_ledger(settings)
        release = _known(settings, release_id)
        state = release_state(settings, release_id)
        if state == "withdrawn":
            raise ReleaseError(f"{release_id} has been withdrawn before")
        if state == "superseded" and not _has_left(settings, release_id):
            raise ReleaseError(f"{release_id} was replaced before it was published: there is nothing to withdraw")
        append(settings, "withdrawn", release_id, release.audience, by, reason.strip())
        outcome = _settle(settings, release.audience)
        said = f"{release_id} is withdrawn"
        if state == "published" and outcome.release is None:
            said += f": nothing is published for {release.audience} any more"
        return Outcome(outcome.release, outcome.file, (said, *outcome.sentences))


def waits(settings: Settings, release: Release) -> str:
    """That a release waits for approval, for whom, and who can give it."""
    return f"{release.release_id} waits for approval (made by {release.made_by}): {who_can(settings, release)}"


def _known(settings: Settings, release_id: str) -> Release:
    release = find_release(settings, release_id)
    if release is None or release_state(settings, release_id) is None:
        raise ReleaseError(f"there is no release {release_id!r}; `effectmonitor release list` shows them")
    return release


def _is_approved(settings: Settings, release: Release) -> bool:
    return release_state(settings, release.release_id) == "approved" and not signature_problems(settings, release)


def _approve_and_publish(settings: Settings, release: Release, by: str, key_file: Path | None = None) -> Outcome:
    # one that was killed between approval and publication has its signature already
    if not _is_approved(settings, release):
        sign(settings, release, by, key_file)
    return _publish(settings, release)


def _has_left(settings: Settings, release_id: str) -> bool:
    return any((each.release_id, each.event) == (release_id, "published") for each in entries(settings))


def _publish(settings: Settings, release: Release) -> Outcome:
    """Publish what is approved, when it is still what was approved."""
    require_ledger(settings)
    if problems := [*content_problems(settings, release), *signature_problems(settings, release)]:
        raise ReleaseError(f"{release.release_id} cannot be published: {'; '.join(problems)}")
    name = release.release_id
    approver = str(approved_by(settings, name))
    append(
        settings,
        "published",
        name,
        release.audience,
        approver,
        marts_file=release_folder(settings, release) / "files" / MARTS_FILE,
    )
    outcome = _settle(settings, release.audience)
    said = f"{name} is published: made by {release.made_by}, approved by {approver}"
    if approver == DEMO_APPROVER:
        said += " (two demo identities, with keys that everybody can make)"
    return Outcome(outcome.release, outcome.file, (said, *outcome.sentences))


def _settle(settings: Settings, audience: str) -> Outcome:
    """Make the published files what the ledger says."""
    sentences: list[str] = []
    published = [name for name, state in release_states(settings, audience).items() if state == "published"]
    for name in published[:-1]:
        append(settings, "superseded", name, audience, maker(settings), f"{published[-1]} was published")
    if not published:
        sentences = _restore(settings, audience)
    release = current_release(settings, audience)
    target = settings.published / audience
    if release is None:
        shutil.rmtree(target, ignore_errors=True)
        return Outcome(None, None, tuple(sentences))
    return Outcome(release, _put_in_place(settings, release, target), tuple(sentences))


def _restore(settings: Settings, audience: str) -> list[str]:
    """Let the newest release that was published and not withdrawn take the place of one that was."""
    states = release_states(settings, audience)
    sentences = []
    for name in reversed(states):
        if states[name] != "superseded" or not _has_left(settings, name):
            continue
        release = _known(settings, name)
        problems = [*content_problems(settings, release), *signature_problems(settings, release)]
        if not problems:
            append(settings, "restored", name, audience, maker(settings), "what took its place was withdrawn")
            return [*sentences, f"{name} is put back in place"]
        sentences.append(f"{name} cannot be put back in place: {'; '.join(problems)}")
    return sentences


def _put_in_place(settings: Settings, release: Release, target: Path) -> Path:
    if problems := [*content_problems(settings, release), *signature_problems(settings, release)]:
        raise ReleaseError(f"{release.release_id} cannot be put in place: {'; '.join(problems)}")
    scratch = release_folder(settings, release).with_name(f".{release.release_id}.placed.new")
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(release_folder(settings, release) / "files", scratch)
    # who approved it, and what became of the others, is known only now
    rewrite_table(scratch, release_table(settings, release.audience))
    swap_in(scratch, target)
    shutil.rmtree(scratch)
    return target / MARTS_FILE
