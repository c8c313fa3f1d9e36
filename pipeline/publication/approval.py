"""The second person: who may approve a release, what the signature says, and whether it still holds.

Belongs here: signing a release and checking signatures. Does not belong here: keys (people.py), or what happens to a
release that is approved (life.py).

A signature covers the release's name, audience and maker, the hashes of its content, its pattern and all its files, and
the hash of the ledger's line that says that it was approved: with it the whole ledger until then.
"""

from __future__ import annotations

import base64
import json
from dataclasses import asdict
from pathlib import Path

from cryptography.exceptions import InvalidSignature

from pipeline.disclosure.ledger import Entry, append, entries
from pipeline.publication.people import PeopleError, approvers, is_same_person, private_key, public_key
from pipeline.publication.release import (
    Release,
    ReleaseError,
    file_hashes,
    release_file,
    release_folder,
    release_state,
    require_ledger,
)
from pipeline.settings import Settings


def sign(settings: Settings, release: Release, by: str, key_file: Path | None = None) -> Entry:
    """Approve a release: check it, note it in the ledger, and keep the signature.

    Args:
        settings: the installation.
        release: a candidate.
        by: who approves.
        key_file: that person's private key; ``~/.effectmonitor/<name>.key`` when None.

    Returns:
        The ledger's line.

    Raises:
        ReleaseError: when the release is no candidate, ``by`` made it, its files are not those that were made, the
            ledger does not hold, or the audit finds it unsafe.
        PeopleError: when the name is unknown or the key is not that person's.
    """
    state = release_state(settings, release.release_id)
    # an approval that was killed before its signature was kept is given again
    if state != "candidate" and not (state == "approved" and signature_problems(settings, release)):
        raise ReleaseError(f"{release.release_id} is {state}: only a candidate can be approved")
    key = private_key(settings, by, key_file)
    if is_same_person(settings, by, release.made_by):
        raise ReleaseError(
            f"{by} made {release.release_id}, so somebody else approves it: {who_can(settings, release)}"
        )
    require_ledger(settings)
    if problems := [*content_problems(settings, release), *_audited(settings, release.release_id)]:
        raise ReleaseError(f"{release.release_id} cannot be approved: {'; '.join(problems)}")
    entry = append(
        settings, "approved", release.release_id, release.audience, by, marts_file=release_file(settings, release)
    )
    signature = base64.b64encode(key.sign(_message(release, entry))).decode()
    path = _path(settings, release)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    content = {"release_id": release.release_id, "signatures": [{"by": by, "ledger": entry.hash, "ed25519": signature}]}
    beside.write_text(json.dumps(content, indent=2) + "\n")
    beside.replace(path)
    return entry


def approved_by(settings: Settings, release_id: str) -> str | None:
    """Who approved a release, or None.

    Args:
        settings: the installation.
        release_id: name of a release.
    """
    found = [each.by for each in entries(settings) if (each.release_id, each.event) == (release_id, "approved")]
    return found[-1] if found else None


def who_can(settings: Settings, release: Release) -> str:
    """Who can approve a release and how, as half a sentence."""
    names = approvers(settings, release.made_by)
    if not names:
        return "nobody can yet; `effectmonitor release keys NAME` makes keys for a person (docs/operations)"
    return f"{' or '.join(names)} can, with `effectmonitor release approve {release.release_id} --by NAME`"


def content_problems(settings: Settings, release: Release) -> list[str]:
    """What differs between a release's files and what was made and noted; empty when nothing does.

    Args:
        settings: the installation.
        release: as its record says.
    """
    found = file_hashes(release_folder(settings, release))
    changed = sorted(name for name in {*found, *release.files} if found.get(name) != release.files.get(name))
    problems = [f"{name} is not as it was made" for name in changed]
    made = [each for each in entries(settings) if (each.release_id, each.event) == (release.release_id, "candidate")]
    if [(each.by, each.pattern_hash, each.audience) for each in made] != [
        (release.made_by, release.pattern_hash, release.audience)
    ]:
        problems.append(f"release.json of {release.release_id} is not as it was made")
    return problems


def signature_problems(settings: Settings, release: Release) -> list[str]:
    """What is wrong with a release's approval; empty when somebody else than its maker signed it as it is.

    Args:
        settings: the installation.
        release: as its record says.
    """
    name = release.release_id
    path = _path(settings, release)
    approvals = {each.hash: each for each in entries(settings) if (each.release_id, each.event) == (name, "approved")}
    if not path.is_file():
        return [f"nobody signed {name}" if not approvals else f"the signature of {name} is gone: approve it again"]
    try:
        (given,) = json.loads(path.read_text())["signatures"]
        by, line, signature = given["by"], approvals[given["ledger"]], base64.b64decode(given["ed25519"])
    except (ValueError, KeyError, TypeError):
        return [f"{path} cannot be read or does not belong to the ledger: approve {name} again"]
    try:
        if line.by != by or is_same_person(settings, by, release.made_by):
            return [f"{name} is not signed by a second person"]
        public_key(settings, by).verify(signature, _message(release, line))
    except InvalidSignature:
        return [f"the signature of {by} is not of {name} as it is now, or was made with another key"]
    except PeopleError as error:
        return [f"the signature of {by} cannot be checked: {error}"]
    return []


def _message(release: Release, line: Entry) -> bytes:
    content = {**asdict(release), "ledger": line.hash, "approved_by": line.by}
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _path(settings: Settings, release: Release) -> Path:
    return settings.approvals / f"{release.release_id}.json"


def _audited(settings: Settings, release_id: str) -> list[str]:
    """What an attacker would find in the release together with everything that ever left; empty when nothing."""
    from pipeline.disclosure.audit import audit_release

    verdict = audit_release(settings, release_id, use_stored=True)
    return [] if verdict.is_safe else verdict.sentences() or [f"the audit finds {release_id} unsafe"]
