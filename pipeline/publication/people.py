"""The two people of a release: who makes it, who may approve it, and the keys that they sign with.

Belongs here: names and keys. Does not belong here: what is signed (approval.py).

In production a person is a file ``<name>.pub`` in ``EFFECTMONITOR_PEOPLE``. Elsewhere there are two demo identities,
whose keys follow from their names: they are public on purpose and vouch for simulated people only.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from pipeline.settings import Settings

DEMO_MAKER = "demo-maker"
DEMO_APPROVER = "demo-approver"
DEMO_PEOPLE = (DEMO_APPROVER, DEMO_MAKER)
_DEMO_SEED = "effectmonitor-{name}"
# a name is the name of a file, and no two names differ in capitals only
_NAME = re.compile(r"^[a-z0-9][a-z0-9._-]{0,39}$")


class PeopleError(ValueError):
    """A name or a key that cannot serve; the message says which and why."""


def maker(settings: Settings) -> str:
    """Who makes releases here.

    Args:
        settings: the installation.

    Raises:
        PeopleError: in production, when ``EFFECTMONITOR_MAKER`` is absent or no name.
    """
    if settings.environment != "production":
        return DEMO_MAKER
    if not settings.maker:
        raise PeopleError("EFFECTMONITOR_MAKER is not set: production says who makes a release")
    return _checked(settings.maker)


def known_people(settings: Settings) -> list[str]:
    """Names of all who have a public key here, in alphabetical order."""
    if settings.environment != "production":
        return list(DEMO_PEOPLE)
    if settings.people_folder is None:
        return []
    return sorted(path.stem for path in settings.people_folder.glob("*.pub") if _NAME.match(path.stem))


def public_key(settings: Settings, name: str) -> Ed25519PublicKey:
    """The public key of a person.

    Args:
        settings: the installation.
        name: one of ``known_people``.

    Raises:
        PeopleError: when the name is unknown or its file holds no Ed25519 key.
    """
    if name not in known_people(settings):
        known = ", ".join(known_people(settings)) or "nobody yet"
        raise PeopleError(f"{name!r} is not known here; EFFECTMONITOR_PEOPLE knows {known}")
    if settings.environment != "production":
        return _demo_key(name).public_key()
    path = settings.people_folder / f"{name}.pub"
    try:
        key = load_pem_public_key(path.read_bytes())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise PeopleError(f"{path} holds no Ed25519 public key (PEM); `effectmonitor release keys {name}` makes one")
    return key


def private_key(settings: Settings, name: str, file: Path | None = None) -> Ed25519PrivateKey:
    """The private key of a person, proved to belong to the name.

    Args:
        settings: the installation.
        name: one of ``known_people``.
        file: where the key lies; ``~/.effectmonitor/<name>.key`` when None.

    Raises:
        PeopleError: when the name is unknown, there is no such file, others can read it, it holds no key, or the key
            of somebody else.
    """
    public = public_key(settings, name)
    if settings.environment != "production":
        return _demo_key(name)
    path = file or own_folder() / f"{name}.key"
    if not path.is_file():
        raise PeopleError(f"there is no private key at {path}; name it with --key FILE")
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise PeopleError(f"{path} is readable by others: chmod 600 it")
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise PeopleError(f"{path} holds no Ed25519 private key (PEM, without password)")
    if key.public_key() != public:
        raise PeopleError(f"the key in {path} is not that of {name}")
    return key


def approvers(settings: Settings, made_by: str) -> list[str]:
    """Who may approve a release: everybody with a key of their own but its maker.

    Args:
        settings: the installation.
        made_by: who made the release.
    """
    found = []
    for name in known_people(settings):
        try:
            if not is_same_person(settings, name, made_by):
                found.append(name)
        except PeopleError:
            continue  # a file that holds no key lets nobody approve; who tries hears why
    return found


def is_same_person(settings: Settings, name: str, other: str) -> bool:
    """Whether two names are one person: the same name, or two names with one key."""
    if name == other:
        return True
    known = known_people(settings)
    return name in known and other in known and public_key(settings, name) == public_key(settings, other)


def own_folder() -> Path:
    """Where a person's own key lies when no other place is said."""
    return Path.home() / ".effectmonitor"


def make_keys(name: str, folder: Path) -> tuple[Path, Path]:
    """Make a key pair for a person.

    Args:
        name: small letters, digits, ``.``, ``_`` and ``-``.
        folder: made when absent.

    Returns:
        The private key, which its owner alone can read, and the public key.

    Raises:
        PeopleError: when the name cannot be one, or there are keys of that name already.
    """
    _checked(name)
    secret, public = folder / f"{name}.key", folder / f"{name}.pub"
    for path in (secret, public):
        if path.exists():
            raise PeopleError(f"{path} is there already and is not overwritten")
    key = Ed25519PrivateKey.generate()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return secret, public


def _checked(name: str) -> str:
    if not _NAME.match(name):
        raise PeopleError(f"{name!r} is no name: small letters, digits, '.', '_' and '-', at most 40")
    return name


def _demo_key(name: str) -> Ed25519PrivateKey:
    seed = hashlib.sha256(_DEMO_SEED.format(name=name).encode()).digest()
    return Ed25519PrivateKey.from_private_bytes(seed)
