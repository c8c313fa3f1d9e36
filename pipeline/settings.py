"""Where everything lives and which environment this is: read once, then frozen.

Belongs here: folders, keys, environment names. Does not belong here: thresholds (``seeds/thresholds.csv``) and
contracts (``expectations/``).
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from pipeline.periods import day_of, today

PROJECT_ROOT = Path(__file__).resolve().parent.parent
SEEDS = PROJECT_ROOT / "seeds"
EXPECTATIONS = PROJECT_ROOT / "expectations"
WAREHOUSE = "warehouse.duckdb"
DBT_PROJECT = PROJECT_ROOT / "dbt_project"

CONSORTIA = ("tom", "go", "boost")
ENVIRONMENTS = ("demo", "test", "production")
# what becomes of a table of which hiding would take much (rule T1)
HIDE, ROUND = "hide", "round"
# The demo keys are public on purpose: they protect simulated people only.
_DEMO_KEY = "effectmonitor-demo-key-{consortium}"
_MINIMUM_KEY_LENGTH = 32


class SettingsError(ValueError):
    """The environment is incomplete or contradictory; the message says which variable to set."""


@dataclass(frozen=True)
class Settings:
    """Folders and environment of one installation.

    Attributes:
        home: folder under which everything that is produced lives (``EFFECTMONITOR_HOME``).
        environment: ``demo``, ``test`` or ``production`` (``EFFECTMONITOR_ENVIRONMENT``).
        key_folder: folder with one key file per consortium; only production reads it (``EFFECTMONITOR_KEYS``).
        odata_base: address of a mirror of the public monitors, for example in a closed network; the public hosts when
            None (``EFFECTMONITOR_ODATA``).
        people_folder: folder with the public key of each person who may approve a release, ``<name>.pub``; only
            production reads it (``EFFECTMONITOR_PEOPLE``).
        maker: who makes releases; only production reads it (``EFFECTMONITOR_MAKER``).
        as_of: the moment (UTC) as of which figures are computed; None is now. What is made for an earlier moment lies
            in a place of its own: warehouse, published files and logs; vault and releases are only read.
        much_hidden: what becomes of a table of which more than ``rounding_instead_share`` would be hidden: ``hide`` as
            the rules say, or ``round`` all its counts instead (``EFFECTMONITOR_MUCH_HIDDEN``).
    """

    home: Path
    environment: str = "demo"
    key_folder: Path | None = None
    odata_base: str | None = None
    people_folder: Path | None = None
    maker: str | None = None
    as_of: datetime | None = None
    much_hidden: str = HIDE

    def at(self, moment: datetime) -> Settings:
        """The same installation, computing figures as they could be computed at an earlier moment (UTC)."""
        return replace(self, as_of=moment)

    @property
    def workplace(self) -> Path:
        """Where the warehouse and all that is made from it lies."""
        if self.as_of is None:
            return self.home
        fraction = f".{self.as_of.microsecond:06d}" if self.as_of.microsecond else ""
        return self.home / "as_of" / f"{self.as_of:%Y-%m-%dT%H%M%S}{fraction}Z"

    @property
    def judging_day(self) -> date:
        """The day whose thresholds figures are judged by: today, or that of the earlier moment."""
        return day_of(self.as_of) if self.as_of else today()

    @property
    def inbox(self) -> Path:
        """Deliveries as received; short-lived."""
        return self.home / "inbox"

    @property
    def monitor_inbox(self) -> Path:
        """Surveys as files, in a folder per monitor."""
        return self.inbox / "monitors"

    @property
    def vault(self) -> Path:
        """Accepted, pseudonymised rows as Parquet, every version kept; confidential."""
        return self.home / "vault"

    @property
    def quarantine(self) -> Path:
        """Refused rows, pseudonymised; confidential."""
        return self.home / "quarantine"

    @property
    def receipts(self) -> Path:
        """The receipt of each delivery version, without personal data."""
        return self.home / "receipts"

    @property
    def erasure_log(self) -> Path:
        """Every erasure of a person, without the person."""
        return self.home / "erasure_log.jsonl"

    @property
    def warehouse(self) -> Path:
        """The confidential DuckDB warehouse."""
        return self.workplace / WAREHOUSE

    @property
    def releases(self) -> Path:
        """Every release as it was made."""
        return self.home / "releases"

    @property
    def ledger(self) -> Path:
        """What happened to every release, and every value that ever left."""
        return self.home / "ledger"

    @property
    def approvals(self) -> Path:
        """The signature of who approved each release."""
        return self.home / "approvals"

    @property
    def published(self) -> Path:
        """What analysts, partners and the council read."""
        return self.workplace / "published"

    @property
    def dagster_home(self) -> Path:
        """Dagster's instance folder."""
        return self.workplace / "dagster"

    @property
    def dbt_target(self) -> Path:
        """dbt's artefacts and logs."""
        return self.workplace / "dbt"

    def pseudonym_key(self, consortium: str) -> bytes:
        """Return the HMAC key of a consortium.

        Args:
            consortium: ``tom``, ``go`` or ``boost``.

        Raises:
            SettingsError: in production, when the key file is missing, too short, or readable by others.
        """
        if consortium not in CONSORTIA:
            raise SettingsError(f"unknown consortium {consortium!r}; expected one of {', '.join(CONSORTIA)}")
        if self.environment != "production":
            return _DEMO_KEY.format(consortium=consortium).encode()
        if self.key_folder is None:
            raise SettingsError("EFFECTMONITOR_KEYS is not set: production needs a folder with a key per consortium")
        path = self.key_folder / f"{consortium}.key"
        if not path.is_file():
            raise SettingsError(f"no pseudonym key for {consortium}: create {path} (at least 32 random characters)")
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise SettingsError(f"{path} is readable by others: chmod 600 it")
        key = path.read_bytes().strip()
        if len(key) < _MINIMUM_KEY_LENGTH:
            raise SettingsError(f"{path} holds a key of fewer than {_MINIMUM_KEY_LENGTH} characters")
        return key


def load_settings(home: Path | str | None = None) -> Settings:
    """Read the settings from the environment.

    Args:
        home: overrides ``EFFECTMONITOR_HOME``.

    Raises:
        SettingsError: for an unknown environment or choice, or for production without home, keys, people or maker: it
            has no fallback.
    """
    environment = os.environ.get("EFFECTMONITOR_ENVIRONMENT", "demo")
    if environment not in ENVIRONMENTS:
        raise SettingsError(f"EFFECTMONITOR_ENVIRONMENT is {environment!r}; expected one of {', '.join(ENVIRONMENTS)}")
    chosen = home or os.environ.get("EFFECTMONITOR_HOME")
    keys = os.environ.get("EFFECTMONITOR_KEYS")
    people = os.environ.get("EFFECTMONITOR_PEOPLE")
    maker = os.environ.get("EFFECTMONITOR_MAKER")
    if environment == "production" and not (chosen and keys and people and maker):
        raise SettingsError(
            "production needs EFFECTMONITOR_HOME and EFFECTMONITOR_KEYS, EFFECTMONITOR_PEOPLE and EFFECTMONITOR_MAKER; "
            "there is no fallback"
        )
    odata_base = os.environ.get("EFFECTMONITOR_ODATA") or None
    if odata_base and not odata_base.startswith(("https://", "http://")):
        raise SettingsError("EFFECTMONITOR_ODATA is no address: it starts with https:// (or http:// for a test)")
    if odata_base and ("@" in odata_base or "?" in odata_base):
        raise SettingsError("EFFECTMONITOR_ODATA holds a password or a question; addresses are logged, so it may not")
    much_hidden = os.environ.get("EFFECTMONITOR_MUCH_HIDDEN") or HIDE
    if much_hidden not in (HIDE, ROUND):
        raise SettingsError(f"EFFECTMONITOR_MUCH_HIDDEN is {much_hidden!r}; expected {HIDE} or {ROUND}")
    folder = Path(chosen) if chosen else PROJECT_ROOT / "data"
    return Settings(
        home=folder.expanduser().resolve(),
        environment=environment,
        key_folder=Path(keys).expanduser().resolve() if keys else None,
        odata_base=odata_base,
        people_folder=Path(people).expanduser().resolve() if people else None,
        maker=maker or None,
        much_hidden=much_hidden,
    )
