"""What all commands share: the application, the way errors are told."""

from __future__ import annotations

import sys

import typer
from typer.exceptions import TyperException

from songda.base.errors import SongdaError
from songda.base.memory import keep_memory_off_the_disk, lock_is_wanted
from songda.cli import (
    address,
    answers,
    audit,
    calendar,
    carrier,
    contacts,
    courier,
    court,
    demo,
    doubts,
    evidence,
    exchange,
    factory,
    files,
    imprints,
    letter_templates,
    letters,
    models,
    money,
    payments,
    persons,
    plan,
    press,
    pulls,
    rule_changes,
    rules,
    run,
    secrets,
    servers,
    signatures,
    stops,
    tasks,
    tenants,
    webhooks,
    worlds,
)
from songda.cli.usage import in_chinese

app = typer.Typer(
    name="songda",
    help="送达 songda: find the address, send the letter, prove that it arrived.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for part in (
    run,
    demo,
    letters,
    letter_templates,
    pulls,
    stops,
    doubts,
    answers,
    tasks,
    court,
    press,
    factory,
    carrier,
    contacts,
    courier,
    evidence,
    signatures,
    imprints,
    tenants,
    persons,
    exchange,
    files,
    address,
    audit,
    rules,
    rule_changes,
    calendar,
    plan,
    money,
    payments,
    models,
    webhooks,
    secrets,
    servers,
    worlds,
):
    part.add_to(app)


def main() -> None:
    """Entry point of `songda`: runs one command and ends with its exit code."""
    try:
        keep_memory_off_the_disk(lock=lock_is_wanted())
        sys.exit(app(standalone_mode=False))
    except TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            # Typer has printed the help by now.
            sys.exit(64)
        mistyped = in_chinese(error)
        tell(mistyped)
        sys.exit(mistyped.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    except SongdaError as error:
        tell(error)
        sys.exit(error.exit_code)
    except Exception as error:
        refused = _database_refusal(error)
        if refused is None:
            from songda.cli.unexpected import Unexpected, without_words

            sys.stderr.write(without_words(error))
            refused = Unexpected(kind=type(error).__name__)
        tell(refused)
        sys.exit(refused.exit_code)


def _database_refusal(error: Exception) -> SongdaError | None:
    """The database's own refusal (disk full, connection lost) as one of ours; its text may quote rows and is dropped."""
    if not type(error).__module__.startswith("sqlalchemy"):
        return None
    from sqlalchemy.exc import OperationalError

    from songda.store import DatabaseUnavailable

    if not isinstance(error, OperationalError):
        return None
    # SQLite's own words never quote a row; a server's may.
    plain = type(error.orig).__module__.startswith("sqlite3")
    return DatabaseUnavailable(reason=str(error.orig) if plain else type(error.orig).__name__)


def tell(error: SongdaError) -> None:
    """The Chinese sentence for the person, on stderr so that `--json` on stdout stays one object."""
    typer.secho(f"错误：{error.message_zh}", err=True, fg=typer.colors.RED)
