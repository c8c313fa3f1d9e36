"""The ``effectmonitor`` command.

Belongs here: arguments, progress and sentences for people. Does not belong here: any work; each command calls the room
that does it. What takes time to import is imported by the command that needs it.
"""

from __future__ import annotations

import getpass
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from pipeline.periods import HalfYear, between, last_complete, parse_moment, today
from pipeline.settings import CONSORTIA, PROJECT_ROOT, Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from dagster import Definitions

    from pipeline.automation import RunOutcome, RunProgress
    from pipeline.summary import Summary

# a pipe or a log has no width of its own: tables need more than the usual 80 characters
console = Console(width=None if sys.stdout.isatty() else 120)
_DEMO_START = "2021-H1"
# units as people read them: factor, decimals and what stands behind the figure
_UNITS = {
    "share": (100, 1, "%"),
    "score_1_10": (1, 2, ""),
    "per_100_clients": (1, 1, " per 100 clients"),
    "per_1000_residents": (1, 1, " per 1,000 residents"),
    "offers": (1, 0, " offers"),
}


class _Period(click.ParamType):
    name = "half-year"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> HalfYear:
        try:
            return value if isinstance(value, HalfYear) else HalfYear.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _Moment(click.ParamType):
    name = "day or moment"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return value if isinstance(value, datetime) else parse_moment(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for all that is produced (EFFECTMONITOR_HOME).",
)
@click.pass_context
def main(context: click.Context, home: Path | None) -> None:
    """From deliveries and public monitors to protected indicators per district."""
    if context.invoked_subcommand == "deliver":
        return  # at the consortium's desk there is no installation, and no key
    try:
        context.obj = load_settings(home)
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    # child processes (dbt, the Dagster UI) work on the same installation
    os.environ["EFFECTMONITOR_HOME"] = str(context.obj.home)
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")


@main.command()
@click.option("--from", "first", type=_Period(), default=_DEMO_START, show_default=True, help="First half-year.")
@click.option("--to", "last", type=_Period(), help="Last half-year; the last complete one when not given.")
@click.option("--seed", default=1, show_default=True, help="Seed of the simulation.")
@click.option("--scale", default=1.0, show_default=True, help="Size: 1 is the size of the real districts.")
@click.pass_obj
def demo(settings: Settings, first: HalfYear, last: HalfYear | None, seed: int, scale: float) -> None:
    """Simulate deliveries for the real districts, run everything, say what came out."""
    if settings.environment == "production":
        raise click.ClickException("demo writes invented deliveries: it does not run in production")
    last = last or last_complete(today())
    started = time.perf_counter()
    _simulate(settings, first, last, seed, scale)
    _run(settings, list(between(first, last)))
    _print_summary(settings)
    console.print(f"\n[dim]{time.perf_counter() - started:.0f} s[/dim]")


@main.command()
@click.option("--from", "first", type=_Period(), default=_DEMO_START, show_default=True, help="First half-year.")
@click.option("--to", "last", type=_Period(), help="Last half-year; the last complete one when not given.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same files.")
@click.option("--scale", default=1.0, show_default=True, help="Size: 1 is the size of the real districts.")
@click.pass_obj
def simulate(settings: Settings, first: HalfYear, last: HalfYear | None, seed: int, scale: float) -> None:
    """Write invented deliveries into the inbox."""
    if settings.environment == "production":
        raise click.ClickException("simulate writes invented deliveries: it does not run in production")
    _simulate(settings, first, last or last_complete(today()), seed, scale)


@main.command()
@click.option("--period", type=_Period(), help="One half-year; all that wait in the inbox when not given.")
@click.option("--from", "first", type=_Period(), help="First of several half-years, all in one run.")
@click.option("--to", "last", type=_Period(), help="Last of several half-years.")
@click.option("--as-of", type=_Moment(), help="Take and publish nothing: compute the figures of this day or moment.")
@click.pass_obj
def run(
    settings: Settings, period: HalfYear | None, first: HalfYear | None, last: HalfYear | None, as_of: datetime | None
) -> None:
    """Take deliveries, rebuild the warehouse, publish.

    With --as-of (2024-08-15, or 2024-08-15T12:30:00 in UTC), compute the figures as they could be computed then, in a
    place of their own.
    """
    if as_of:
        if period or first or last:
            raise click.UsageError("--as-of takes no deliveries: it does not go with --period, --from or --to")
        _run_as_of(settings.at(as_of))
        _print_summary(settings.at(as_of))
        return
    periods = _chosen_periods(settings, period, first, last)
    _run(settings, periods)
    _print_summary(settings)


@main.command()
@click.pass_obj
def status(settings: Settings) -> None:
    """What was delivered and what is published."""
    _print_summary(settings)


@main.command()
@click.option("--consortium", required=True, type=click.Choice(CONSORTIA), help="Who delivered the person.")
@click.option("--client", help="The consortium's client_id; asked for, or read from standard input, when not given.")
@click.option("--pseudonym", "pseudonym_hex", help="Instead of the client_id: the pseudonym in the vault.")
@click.option("--by", envvar="EFFECTMONITOR_BY", help="Who erases (EFFECTMONITOR_BY); else the login name.")
@click.option("--no-run", is_flag=True, help="Leave the rebuilding of the figures to the next run.")
@click.pass_obj
def erase(
    settings: Settings, consortium: str, client: str | None, pseudonym_hex: str | None, by: str | None, no_run: bool
) -> None:
    """Remove a person from all that was delivered, and rebuild the figures.

    Leave --client out: what is typed on the command line stays in the history of the shell. Exit code 1 when nothing of
    this person was found, 3 when something is left to look at.
    """
    from pipeline.deliveries.erasure import ErasureError, erase_person, erasure_text, person_of
    from pipeline.warehouse.connection import WarehouseBusy

    if client and pseudonym_hex:
        raise click.UsageError("give --client or --pseudonym, not both")
    if not (client or pseudonym_hex):
        asked = sys.stdin.isatty()
        client = click.prompt("client_id", hide_input=True) if asked else sys.stdin.readline()
    try:
        person = person_of(settings, consortium, client, pseudonym_hex)
        erased = erase_person(settings, person, by or getpass.getuser(), _sure if sys.stdin.isatty() else None)
    except (ErasureError, SettingsError, WarehouseBusy) as error:
        raise click.ClickException(str(error)) from None
    click.echo(erasure_text(erased))
    if erased.rebuild and not no_run:
        _run(settings, [last_complete(today())])
    sys.exit(1 if not erased.rebuild else 3 if erased.found.left else 0)


def _sure(rows: int) -> None:
    click.confirm(f"{rows} rows will be removed for good. Go on?", abort=True)


@main.command()
@click.option("--dry-run", is_flag=True, help="Say what would be removed; remove nothing.")
@click.pass_obj
def retention(settings: Settings, dry_run: bool) -> None:
    """Remove what is past its term (seeds/retention.csv), and say what comes next."""
    from pipeline.deliveries.retention import RetentionError, apply_retention, retention_text
    from pipeline.warehouse.connection import WarehouseBusy

    try:
        click.echo(retention_text(apply_retention(settings, today(), dry_run=dry_run)))
    except (RetentionError, WarehouseBusy) as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.argument("sql")
@click.option("--limit", default=40, show_default=True, help="Rows to show.")
@click.option("--as-of", type=_Moment(), help="Ask the figures that `run --as-of` made for this day or moment.")
@click.pass_obj
def query(settings: Settings, sql: str, limit: int, as_of: datetime | None) -> None:
    """Ask the published marts a question in SQL."""
    import duckdb

    from pipeline.publication.marts_file import open_marts

    marts = (settings.at(as_of) if as_of else settings).published / "partners" / "marts.duckdb"
    if as_of and not marts.exists():
        raise click.ClickException("nothing was computed for this moment yet; run `effectmonitor run --as-of` first")
    if not marts.exists():
        raise click.ClickException(f"nothing is published yet at {marts}; run `effectmonitor run` or `make demo` first")
    with open_marts(marts) as reader:
        try:
            relation = reader.execute(sql)
        except duckdb.Error as error:
            raise click.ClickException(str(error)) from None
        table = Table(*[column[0] for column in relation.description])
        rows = relation.fetchmany(limit + 1)
    for row in rows[:limit]:
        table.add_row(*(_as_text(value) for value in row))
    console.print(table)
    if len(rows) > limit:
        console.print(f"[dim]the first {limit} rows; --limit shows more[/dim]")


@main.command()
@click.option("--port", default=3000, show_default=True)
@click.pass_obj
def dev(settings: Settings, port: int) -> None:
    """Open the Dagster UI."""
    from pipeline.automation import prepare_instance
    from pipeline.warehouse.manifest import ensure_manifest

    with console.status("preparing"):
        prepare_instance(settings).dispose()
        ensure_manifest()
    console.print(f"Dagster opens on http://localhost:{port}; stop it with Ctrl+C")
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    command = [sys.executable, "-m", "dagster", "dev", "--workspace", str(PROJECT_ROOT / "workspace.yaml")]
    os.chdir(PROJECT_ROOT)
    os.execv(sys.executable, [*command, "--port", str(port)])


@main.group()
def deliver() -> None:
    """For the consortium: template, pack, prepare, check."""


@deliver.command("check")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--receipt",
    "receipts",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for receipt.html, receipt.json and findings.csv; nothing is written without it.",
)
@click.option(
    "--previous",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="An earlier version, or the half-year before, to compare with; may be repeated.",
)
def deliver_check(folder: Path, receipts: Path | None, previous: tuple[Path, ...]) -> None:
    """Judge a delivery before it is sent; nothing is kept.

    Exit code 0 when it would be accepted, wholly or in part, 1 when it would be rejected, 2 when it is not complete.
    """
    from pipeline.deliveries.comparison import choose_earlier
    from pipeline.deliveries.intake import judge_delivery
    from pipeline.deliveries.receipts import receipt, receipt_text, write_receipt

    # the text goes to standard output, and may be kept; what is only for the eye does not
    screen = Console(stderr=True)
    judged = {}
    for each in (folder, *previous):
        with screen.status(Text(f"{each} wordt beoordeeld")):
            judged[each] = judge_delivery(each)
    judgement = judged[folder]
    earlier = choose_earlier(judgement, [judged[each] for each in previous])
    for each in previous:
        if judged[each] not in (earlier.version, earlier.half_year):
            click.echo(
                f"niet vergeleken met {each}: geen eerdere versie, en geen aangenomen levering van het halfjaar ervoor",
                err=True,
            )
    content = receipt(judgement, earlier=earlier)
    click.echo(receipt_text(content))
    if receipts:
        page = write_receipt(receipts, content).with_suffix(".html")
        click.echo(f"ontvangstbewijs: {page}", err=True)
    sys.exit({"accepted": 0, "partially_accepted": 0, "incomplete": 2}.get(judgement.status, 1))


@deliver.command("template")
@click.argument("consortium", type=click.Choice(CONSORTIA))
@click.option(
    "--to", "path", type=click.Path(dir_okay=False, path_type=Path), help="File; <consortium>.xlsx if absent."
)
def deliver_template(consortium: str, path: Path | None) -> None:
    """Write an Excel workbook with a sheet per table, its columns, and what they mean."""
    from pipeline.deliveries.template import write_template

    target = path or Path(f"{consortium}.xlsx")
    try:
        write_template(consortium, target)
    except FileExistsError:
        raise click.ClickException(
            f"{target} is er al en wordt niet overschreven: kies met --to een andere naam"
        ) from None
    click.echo(f"Gemaakt: {target}")
    click.echo("Vul de bladen in en zet de werkmap in een eigen map. Geef daarna:")
    click.echo(f"  {_own_name()} deliver pack MAP")


def _about_the_delivery(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say which delivery a folder is."""
    for option in reversed(
        (
            click.option("--consortium", type=click.Choice(CONSORTIA), help="As the folder says when absent."),
            click.option("--period", type=_Period(), help="Half-year; as the folder says when absent."),
            click.option("--version", type=click.IntRange(1, 999_999), help="As the folder says when absent."),
            click.option("--correction-of-final", is_flag=True, help="It corrects a half-year that is final."),
        )
    ):
        command = option(command)
    return command


@deliver.command("pack")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@_about_the_delivery
def deliver_pack(folder: Path, **said: Any) -> None:
    """Make a delivery of a folder: write its datapackage.json.

    Which delivery it is, is taken from a folder name like tom/2024-H1/1, from the options, or from the
    datapackage.json that is already there.
    """
    from pipeline.deliveries.pack import PackFault, find_contents, pack, packed_text

    try:
        packed = pack(find_contents(folder, **said))
    except (PackFault, OSError) as fault:
        raise click.ClickException(_as_sentence(fault)) from None
    click.echo(packed_text(packed))
    click.echo(f"Controleer de levering voordat u haar verstuurt:\n  {_own_name()} deliver check {folder}")


@deliver.command("prepare")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--to", "target", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder to make.")
@click.option(
    "--key",
    "key_file",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with the consortium's own key.",
)
@click.option("--new-key", is_flag=True, help="Make that key first.")
@_about_the_delivery
def deliver_prepare(folder: Path, target: Path, key_file: Path, new_key: bool, **said: Any) -> None:
    """Replace all identifiers in a delivery by pseudonyms, with a key that the consortium keeps.

    What is made is a complete delivery in a folder of its own; the folder with the identifiers stays as it is.
    """
    from pipeline.deliveries.pack import PackFault
    from pipeline.deliveries.prepare import PrepareFault, findings_text, prepare, prepared_text

    try:
        prepared = prepare(folder, target, key_file, new_key=new_key, **said)
    except PrepareFault as fault:
        raise click.ClickException("\n".join([str(fault), *findings_text(fault.findings)])) from None
    except (PackFault, OSError) as fault:
        raise click.ClickException(_as_sentence(fault)) from None
    click.echo(prepared_text(prepared, key_file if new_key else None))
    click.echo(f"Controleer de levering voordat u haar verstuurt:\n  {_own_name()} deliver check {target}")


def _as_sentence(fault: Exception) -> str:
    if isinstance(fault, OSError):
        return f"{fault.filename}: {fault.strerror}"
    return str(fault)


@main.command()
def docs() -> None:
    """Write the pages that are generated from the contracts."""
    from pipeline.deliveries.documentation import write_documentation

    console.print(f"written: {write_documentation(PROJECT_ROOT / 'docs' / 'contract')}")


@main.group()
def release() -> None:
    """The releases: what was made, approved, published and withdrawn."""


@release.command("list")
@click.pass_obj
def release_list(settings: Settings) -> None:
    """All releases of all audiences, oldest first."""
    from pipeline.publication.approval import approved_by
    from pipeline.publication.release import WAREHOUSE_SCHEMAS, list_releases, release_states

    table = Table("release", "state", "period", "made (UTC)", "made by", "approved by", "deliveries", "code")
    with _told():
        for audience in WAREHOUSE_SCHEMAS:
            states = release_states(settings, audience)
            for item in list_releases(settings, audience):
                deliveries = str(len(item.inputs_by_kind()["deliveries"]))
                state, approver = states.get(item.release_id, "unknown"), approved_by(settings, item.release_id) or ""
                row = (item.release_id, state, item.period, item.created_at, item.made_by, approver)
                table.add_row(*map(Text, (*row, deliveries, item.code_version)))
    console.print(table)


@release.command("show")
@click.argument("release_id")
@click.pass_obj
def release_show(settings: Settings, release_id: str) -> None:
    """One release: its inputs, its tables, what happened to it, and whether it still is what was signed."""
    from pipeline.disclosure.ledger import entries
    from pipeline.publication.approval import content_problems, signature_problems
    from pipeline.publication.life import waits
    from pipeline.publication.release import find_release, release_file, release_state
    from pipeline.publication.revisions import revisions_in

    with _told():
        found = find_release(settings, release_id)
        if found is None:
            raise click.ClickException(f"there is no release {release_id!r}; `effectmonitor release list` shows them")
        events = [each for each in entries(settings) if each.release_id == release_id]
        state = release_state(settings, release_id)
        problems = content_problems(settings, found)
        if any(each.event == "approved" for each in events):
            problems += signature_problems(settings, found)
        waiting = waits(settings, found) if state == "candidate" else ""
    console.print(
        f"[bold]{found.release_id}[/bold] for {found.audience}, up to {found.period}, made {found.created_at} "
        f"by {found.made_by}: {state}"
    )
    for kind, names in found.inputs_by_kind().items():
        console.print(f"{kind}: {', '.join(names)}")
    table = Table("table", "rows")
    for name, rows in sorted(found.rows.items()):
        table.add_row(name, f"{rows:,}")
    console.print(table)
    if release_file(settings, found).is_file():
        changed = len(revisions_in(release_file(settings, found), found.release_id))
        console.print(f"changed: {changed:,} figures that were published before (marts.fct_revision)")
    history = Table("when (UTC)", "what", "by", "reason")
    for each in events:
        history.add_row(*map(Text, (each.at, each.event, each.by, each.reason or "")))
    console.print(history)
    if waiting:
        console.print(Text(waiting, "yellow"), soft_wrap=True)
    for text in problems or ["its files are as they were made" + ("" if waiting else ", and its signatures hold")]:
        console.print(Text(text, "red" if problems else ""), soft_wrap=True)


@release.command("approve")
@click.argument("release_id")
@click.option("--by", required=True, help="Who approves: somebody else than who made it.")
@click.option(
    "--key",
    "key_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="That person's private key; ~/.effectmonitor/NAME.key when absent.",
)
@click.pass_obj
def release_approve(settings: Settings, release_id: str, by: str, key_file: Path | None) -> None:
    """Sign a candidate as its second person, and publish it."""
    from pipeline.publication.life import approve

    with _told(), console.status(f"auditing and publishing {release_id}"):
        outcome = approve(settings, release_id, by, key_file)
    _say(outcome.sentences)


@release.command("withdraw")
@click.argument("release_id")
@click.option("--by", required=True, help="Who withdraws it.")
@click.option("--reason", required=True, help="Why; it is kept for good, so nothing about a person.")
@click.pass_obj
def release_withdraw(settings: Settings, release_id: str, by: str, reason: str) -> None:
    """Take a release back; an earlier one takes its place when there is one."""
    from pipeline.publication.life import withdraw

    with _told():
        outcome = withdraw(settings, release_id, by, reason)
    _say(outcome.sentences)


@release.command("keys")
@click.argument("name")
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for both keys; ~/.effectmonitor when absent.",
)
def release_keys(name: str, folder: Path | None) -> None:
    """Make the key pair that a person approves with."""
    from pipeline.publication.people import make_keys, own_folder

    with _told():
        secret, public = make_keys(name, folder or own_folder())
    click.echo(f"private key: {secret} (only {name} may have it)")
    click.echo(f"public key:  {public}: put it into the folder EFFECTMONITOR_PEOPLE of the installation")


@main.command()
@click.option("--release", "release_id", help="One release, attacked anew; all that left when not given.")
@click.option("--audience", type=click.Choice(["partners", "council"]), help="Only releases for these readers.")
@click.pass_obj
def audit(settings: Settings, release_id: str | None, audience: str | None) -> None:
    """Try to derive hidden figures from everything that ever left.

    Exit code 1 when a release is not safe.
    """
    from pipeline.disclosure.audit import EvidenceError, audit_history, audit_release

    if release_id and audience:
        raise click.UsageError("--release names one release: it does not go with --audience")
    with _progress() as progress:
        task = progress.add_task(f"attacking {release_id}" if release_id else "reading", total=None)

        def report(message: str, done: int, total: int) -> None:
            progress.update(task, completed=done, total=total, description=f"attacking {message}")

        try:
            verdicts = (
                [audit_release(settings, release_id)] if release_id else audit_history(settings, audience, report)
            )
        except EvidenceError as error:
            raise click.ClickException(str(error)) from None
        progress.update(task, description="done")
    if not verdicts:
        console.print("there is no release yet")
        return
    table = Table("release", "verdict", "hidden counts", "too closely known", "insiders", "proved safe (UTC)", "s")
    for verdict in verdicts:
        new = sum(not each.already_out for each in verdict.narrowed)
        table.add_row(
            verdict.release_id,
            "[green]safe[/green]" if verdict.is_safe else "[red]not safe[/red]",
            f"{verdict.protected:,}",
            f"{new:,}",
            ", ".join(f"{each.attacker} {each.share:.0%}" for each in verdict.insiders),
            (verdict.proved_at or "") + (" (stored proof)" if verdict.was_stored and verdict.proved_at else ""),
            f"{verdict.seconds:.1f}",
        )
    console.print(table)
    for verdict in verdicts:
        for sentence in verdict.sentences() if release_id or not verdict.is_safe else ():
            console.print(f"{verdict.release_id}: {sentence}", markup=False, highlight=False)
    if not all(verdict.is_safe for verdict in verdicts):
        sys.exit(1)


@main.group()
def monitors() -> None:
    """The public monitors."""


@monitors.command("refresh")
@click.pass_obj
def monitors_refresh(settings: Settings) -> None:
    """Fetch what is new at CBS and RIVM, rebuild the warehouse, publish.

    The figures of a table that cannot be read stay as they are.
    """
    from pipeline.automation import refresh_monitors

    if not (settings.vault / "deliveries").is_dir():
        raise click.ClickException("nothing has been delivered yet: take a delivery first, with `effectmonitor run`")
    _follow(settings, refresh_monitors, show=r"^\w+ \w+: (fetched|unchanged|kept|bundled|missing)\b")


@contextmanager
def _told() -> Iterator[None]:
    """Say what went wrong with a release as a sentence, not as a trace."""
    from pipeline.disclosure.ledger import LedgerError
    from pipeline.publication.people import PeopleError
    from pipeline.publication.release import ReleaseError

    try:
        yield
    except (LedgerError, PeopleError, ReleaseError) as error:
        raise click.ClickException(str(error)) from None


def _say(sentences: Iterable[str]) -> None:
    for text in sentences:
        console.print(Text(text), soft_wrap=True)


def _simulate(settings: Settings, first: HalfYear, last: HalfYear, seed: int, scale: float) -> None:
    from pipeline.simulation import simulate as write_deliveries
    from pipeline.simulation import simulate_surveys

    with _progress() as progress:
        task = progress.add_task("simulating deliveries", total=None)

        def report(message: str, done: int, total: int) -> None:
            progress.update(task, completed=done, total=total, description=f"simulating {message}")

        made = write_deliveries(settings.inbox, first, last, seed=seed, scale=scale, progress=report)
        simulate_surveys(settings.inbox, seed=seed)
        progress.update(task, description=f"simulated {len(made.deliveries)} deliveries")


def _chosen_periods(
    settings: Settings, period: HalfYear | None, first: HalfYear | None, last: HalfYear | None
) -> list[HalfYear]:
    if period and (first or last):
        raise click.UsageError("give --period, or --from and --to, not both")
    if period:
        return [period]
    if first or last:
        if not (first and last and first <= last):
            raise click.UsageError("--from and --to go together, the first before the last")
        return list(between(first, last))
    from pipeline.automation import waiting_deliveries
    from pipeline.deliveries.versions import first_arrival

    waiting = sorted({HalfYear.parse(delivery.period) for delivery in waiting_deliveries(settings)})
    ended = [period for period in waiting if period <= last_complete(today())]
    if waiting and not ended:
        raise click.ClickException(f"{waiting[0]} has not ended yet: its delivery waits in the inbox until it has")
    if not ended and not settings.warehouse.exists() and first_arrival(settings) is None:
        raise click.ClickException(
            f"there is nothing to do: no complete delivery lies in {settings.inbox}/<consortium>/<period>/<version>/"
        )
    return list(between(ended[0], ended[-1])) if ended else [last_complete(today())]


def _run_as_of(settings: Settings) -> None:
    from pipeline.deliveries.vault import ensure_vault
    from pipeline.deliveries.versions import first_arrival, removed_then
    from pipeline.publication.release import ReleaseError, write_as_of

    first = first_arrival(settings)
    if first is None:
        raise click.ClickException("no delivery has been accepted yet: there are no earlier figures to compute")
    if settings.as_of < first:
        raise click.ClickException(
            f"the first delivery was accepted at {first:%Y-%m-%dT%H:%M:%S} (UTC): before that there were no figures"
        )
    if removed := removed_then(settings, settings.as_of):
        raise click.ClickException(
            f"the rows of {removed}, which counted then, were removed when their term was over (seeds/retention.csv): "
            "the figures of that moment cannot be computed any more"
        )
    ensure_vault(settings)
    _run(settings)
    try:
        write_as_of(settings)
    except ReleaseError as error:
        raise click.ClickException(str(error)) from None


def _run(settings: Settings, periods: list[HalfYear] | None = None) -> None:
    """Run these half-years or, without them, compute the moment of the settings."""
    from pipeline.automation import run_as_of, run_half_years

    def start(definitions: Definitions, settings: Settings, report: Callable[[RunProgress], None]) -> RunOutcome:
        if periods:
            return run_half_years(definitions, settings, periods, report)
        return run_as_of(definitions, settings, report)

    _follow(settings, start)


def _follow(settings: Settings, start: Callable[..., RunOutcome], show: str | None = None) -> None:
    """Start a run and show how far it is; messages that match ``show`` stay on the screen."""
    with console.status("loading"):
        from pipeline.definitions import build_definitions

        definitions = build_definitions(settings)
    with _progress() as progress:
        task = progress.add_task("starting", total=None)

        def report(step: RunProgress) -> None:
            progress.update(task, completed=step.done, total=step.total, description=step.message[:60])
            if show and re.match(show, step.message):
                progress.console.print(step.message, highlight=False)

        outcome = start(definitions, settings, report)
        progress.update(task, description="done" if outcome.success else "failed")
    for text in outcome.failures:
        console.print(f"[red]{text}[/red]")
    if not outcome.success and settings.as_of:
        raise click.ClickException(f"the run failed; nothing was written for that moment. Logs: {settings.dbt_target}")
    if not outcome.success:
        raise click.ClickException(
            f"the run failed; nothing new was published. Look at run {outcome.run_id} with `make dev`"
        )


def _own_name() -> str:
    """How this command was called, so that what it prints can be pasted."""
    called = Path(sys.argv[0])
    if called.name != "effectmonitor" or not called.exists():
        return "effectmonitor"
    return str(called.relative_to(Path.cwd())) if called.is_relative_to(Path.cwd()) else str(called)


def _as_text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.4f}".rstrip("0").rstrip(".")
    return "" if value is None else str(value)


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description:<60}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        console=console,
    )


def _print_summary(settings: Settings) -> None:
    from pipeline.deliveries.package import unrecognised_folders
    from pipeline.summary import summarise

    for folder in unrecognised_folders(settings):
        console.print(
            f"[yellow]{folder} is left alone: a delivery lies in inbox/<consortium>/<period>/<version>/, "
            "for example inbox/tom/2024-H1/1[/yellow]",
            soft_wrap=True,
        )
    with _told():
        found = summarise(settings)
    if not found.deliveries:
        console.print(
            f"Nothing has been delivered yet. Deliveries go into {settings.inbox}/<consortium>/<period>/<version>/"
        )
        return
    statuses = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in found.deliveries.items())
    console.print(f"\n[bold]Deliveries[/bold]  {sum(found.deliveries.values())}: {statuses}")
    rows = found.rows
    console.print(
        f"[bold]Rows[/bold]        {rows['received']:,} received, {rows['accepted']:,} accepted, "
        f"{rows['refused']:,} refused, {rows['set_aside']:,} set aside with a rejected delivery"
    )
    if not found.periods:
        console.print("Nothing is published yet.")
        _say_waiting(found)
        return
    shown = found.cells.get("published", 0)
    hidden = sum(count for name, count in found.cells.items() if name.startswith("suppressed"))
    console.print(
        f"[bold]Figures[/bold]     {found.indicators} indicators, {found.periods[0]} to {found.periods[1]}: "
        f"{shown:,} shown, {hidden:,} hidden to protect people, {found.cells.get('unreliable', 0):,} too uncertain, "
        f"{found.cells.get('no_data', 0):,} without data; {found.pooled:,} more taken together"
    )
    if settings.as_of:
        console.print(
            f"[bold]As of[/bold]       {settings.as_of:%Y-%m-%dT%H:%M:%S} (UTC); computed, not released. "
            f"The release of then: {found.release or 'none'}"
        )
    else:
        console.print(f"[bold]Release[/bold]     {'; '.join(found.published)}", soft_wrap=True)
        _say_waiting(found)
    table = Table(title=f"The whole municipality, {found.latest[0][0] if found.latest else ''}", title_justify="left")
    table.add_column("indicator")
    table.add_column("value", justify="right")
    table.add_column("95 % interval", justify="right")
    table.add_column("verdict")
    for _, name, value, low, high, unit, verdict in found.latest:
        factor, decimals, behind = _UNITS[unit]
        interval = "" if low is None else f"{low * factor:,.{decimals}f} – {high * factor:,.{decimals}f}"
        table.add_row(name, f"{value * factor:,.{decimals}f}{behind}", interval, verdict)
    console.print(table)
    marts = settings.published / "partners" / "marts.duckdb"
    query = (
        "select period, district_name, round(100 * value) as pct, n, verdict, status from marts.fct_indicator "
        "join marts.dim_district using (district_code) where indicator_code = 'tom_gehoord' order by all"
    )
    console.print(f"[bold]Marts[/bold]       {marts}", soft_wrap=True)
    console.print("[bold]Try[/bold]", end="         ")
    where = marts.relative_to(Path.cwd()) if marts.is_relative_to(Path.cwd()) else marts
    as_of = f" --as-of {settings.as_of.isoformat()}" if settings.as_of else ""
    console.print(f'{_own_name()} query{as_of} "{query}"', soft_wrap=True, markup=False)
    console.print(f"            (or open {where} in DBeaver, R, Python or Power BI)", soft_wrap=True, markup=False)


def _say_waiting(found: Summary) -> None:
    for text in found.waiting:
        console.print(f"[bold]Waiting[/bold]     [yellow]{text}[/yellow]", soft_wrap=True)


if __name__ == "__main__":
    main()
