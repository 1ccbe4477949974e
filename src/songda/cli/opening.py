"""Opening the house for a command: settings, database, master key, tenant; and a progress bar where somebody watches."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from songda.base import days
from songda.base.errors import SongdaError
from songda.base.settings import Settings, load

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from songda.flow.run import House, Show
    from songda.flow.tenants import Tenant
    from songda.vault import MasterKey

JsonFlag = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
TenantName = Annotated[
    str | None, typer.Option("--tenant", help="Short name of the institution; needless when there is only one.")
]


class WhichTenant(SongdaError):
    zh = "请用 --tenant 指明机构（已有：{known}）"
    remedy = "还没有机构时先运行：songda tenant import 档案.toml --tenant 名称"
    exit_code = 64


class BadSetting(SongdaError):
    zh = "环境变量 {name} 的值不对"
    remedy = "{remedy}"
    exit_code = 78


def tell_of_compiling() -> None:
    """On a machine where the address engine was never used, say on stderr why the first minute passes in silence."""
    from songda.address import compiled_before

    if not compiled_before():
        typer.echo("首次使用地址引擎：正在编译，约一分钟……", err=True)


@contextmanager
def open_base(settings: Settings | None = None) -> Iterator[tuple[Engine, MasterKey, Settings]]:
    """Database and master key. A missing key file is made only while there is nothing that another key has sealed.

    Raises BadSetting, and what database and vault raise.
    """
    from songda.cli import logs
    from songda.vault import load_master_key

    logs.to_stderr()
    chosen = settings or _stated()
    engine = _database(chosen)
    try:
        yield engine, load_master_key(chosen, create=not tenant_names(engine)), chosen
    finally:
        engine.dispose()


def _stated() -> Settings:
    wrong = BadSetting(name="SONGDA_WORKERS", remedy="请写成不小于 1 的整数，或不设置")
    try:
        settings = load()
    except ValueError:
        raise wrong from None
    if settings.workers < 1:
        raise wrong
    return settings


def _database(settings: Settings) -> Engine:
    from sqlalchemy.exc import ArgumentError

    from songda.store import open_database

    try:
        return open_database(settings)
    except (ArgumentError, ImportError):
        # Not a URL, or of a database for which there is no driver. It may hold a password and is not repeated.
        remedy = "请写成 postgresql+psycopg://用户@主机/库名，或不设置（用 SONGDA_HOME 中的 SQLite）"
        raise BadSetting(name="SONGDA_DATABASE_URL", remedy=remedy) from None


@contextmanager
def open_house(name: str | None, settings: Settings | None = None) -> Iterator[House]:
    """The house of tenant `name`, or of the only tenant. Raises WhichTenant, UnknownTenant and what the vault raises."""
    from songda.flow.imprints import with_imprints
    from songda.flow.run import House
    from songda.flow.tenants import with_products, with_templates

    with open_base(settings) as (engine, master, chosen):
        tenant = with_products(with_templates(open_one(engine, master, name), chosen.home), chosen.home)
        tenant = with_imprints(tenant, chosen.home)
        yield House(engine, tenant, chosen.home, chosen.workers)


def open_one(engine: Engine, master: MasterKey, name: str | None) -> Tenant:
    from songda.flow.tenants import open_tenant

    if name is None:
        known = tenant_names(engine)
        if len(known) != 1:
            raise WhichTenant(known="、".join(known) or "无")
        name = known[0]
    return open_tenant(engine, master, name=name)


def tenant_names(engine: Engine) -> list[str]:
    from sqlalchemy import select

    from songda.store import tables

    with engine.connect() as connection:
        return list(connection.scalars(select(tables.tenant.c.name).order_by(tables.tenant.c.name)))


def day_of(as_of: datetime | None) -> date:
    """The business day that the option names, or today's."""
    return as_of.date() if as_of else days.business_day(days.now())


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Show]:
    """Shows the stages of a run on a terminal's stderr; silent elsewhere, and for machines."""
    if quiet or not sys.stderr.isatty():
        yield lambda stage, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bars: dict[str, Any] = {}

        def show(stage: str, done: int, total: int | None) -> None:
            if stage not in bars:
                bars[stage] = progress.add_task(stage, total=total)
            progress.update(bars[stage], completed=done, total=total)

        yield show


def print_json(figures: dict[str, object]) -> None:
    import orjson

    # Names of columns are a kind of text of their own (SQLAlchemy's quoted_name), which orjson takes only when told.
    typer.echo(orjson.dumps(figures, option=orjson.OPT_NON_STR_KEYS).decode())
