"""The whole way, in order: from a case file to letters that stand for approval, and from an approval to a proof.

    batch_id, sheet = take_in(house, path, as_of=day, drill=False, at=now, watch=Watch())     # … → ready
    ...                                                                                       # a lawyer approves
    carry_on(house, [batch_id], carrier=carrier, on=day, at=now, watch=Watch())               # … → posted, followed

The ledger is the queue: each stage takes what stands in its state and leaves it in the next, so either function may be
called again at any time, after a kill too, and does what is left (docs/decisions/002-ledger-driven-loop.md).
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import Engine, func, select

from songda.base.errors import SongdaError
from songda.dispatch import PiecesInThePile
from songda.flow import factory
from songda.flow.assemble import assemble
from songda.flow.audit import seal_audit
from songda.flow.audit_stamps import stamp_audit
from songda.flow.decide import decide
from songda.flow.follow import follow_up
from songda.flow.plan import read_plan, shut
from songda.flow.post import Carrier, order, post_run
from songda.flow.press import lock_run, read_manifest
from songda.flow.produce import produce
from songda.flow.receive import open_batch, receive
from songda.flow.signatures import sign_records
from songda.flow.slots import plan_day
from songda.flow.stamps import stamp_runs
from songda.flow.stationery import products_of
from songda.flow.summary import Stage
from songda.flow.tenants import Tenant
from songda.flow.tracking import mapping_of
from songda.intake import Sheet
from songda.store import tables
from songda.vault import sweep


class AnotherRunAtWork(SongdaError):
    zh = "另一个 songda run 正在使用 {home}"
    remedy = "请等它结束后再运行"
    exit_code = 75


class WrongKindOfBatch(SongdaError):
    zh = "批次 {batch} 是{is_zh}批次，不能按{asked_zh}继续"
    remedy = "演练批次用 --carrier sim 继续，真实批次不加；两者的函件不会混用"
    exit_code = 64


class DrillBesideRealLetters(SongdaError):
    zh = "本机构有 {count} 封真实函件尚未结束，不能在同一机构中演练：演练的日期和模拟的轨迹会把它们一并结算"
    remedy = "请为演练另立一个机构（songda tenant import 档案.toml --tenant 演练用名称），再以 --tenant 指明它运行"
    exit_code = 64


@dataclass(frozen=True, slots=True)
class House:
    """Where a tenant's work happens."""

    engine: Engine
    tenant: Tenant
    #: Folder of sealed letters and print files.
    home: Path
    #: Processes that render.
    workers: int


#: (stage, items done, items in all or None).
Show = Callable[[str, int, int | None], None]


@dataclass(slots=True)
class Watch:
    """Times the stages of a run; the same stage on several days adds up. `show` is told of progress."""

    show: Show = lambda stage, done, total: None
    _items: dict[str, int] = field(default_factory=dict)
    _seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Times the block; the block tells how many items it has done."""
        done, began = 0, time.monotonic()

        def progress(items: int) -> None:
            nonlocal done
            done = items
            self.show(name, items, total)

        self.show(name, 0, total)
        try:
            yield progress
        finally:
            self._items[name] = self._items.get(name, 0) + done
            self._seconds[name] = self._seconds.get(name, 0.0) + time.monotonic() - began

    @property
    def stages(self) -> tuple[Stage, ...]:
        return tuple(Stage(name, items, self._seconds[name]) for name, items in self._items.items() if items)


@contextmanager
def alone(house: House) -> Iterator[None]:
    """One run at a time: two would deal the same letters and ask after each other's orders. Raises AnotherRunAtWork.

    In a home; and for an institution, where machines with homes of their own share a database.
    """
    house.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (house.home / "run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AnotherRunAtWork(home=str(house.home)) from None
        with _alone_in_database(house):
            yield


@contextmanager
def _alone_in_database(house: House) -> Iterator[None]:
    if house.engine.dialect.name != "postgresql":
        # An SQLite file belongs to one home.
        yield
        return
    with house.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # Held by the connection: the server lets it go when this process dies.
        number = func.hashtextextended(f"run:{house.tenant.id}", 0)
        if not connection.scalar(select(func.pg_try_advisory_lock(number))):
            raise AnotherRunAtWork(home=f"机构 {house.tenant.name} 的台账")
        try:
            yield
        finally:
            connection.execute(select(func.pg_advisory_unlock(number)))


def take_in(house: House, path: Path, *, as_of: date, drill: bool, at: datetime, watch: Watch) -> tuple[str, Sheet]:
    """Reads a case file to its end and decides on every letter; returns the batch and what was seen of the file.

    Raises what intake raises, WrongKindOfBatch, DatabaseUnavailable.
    """
    batch_id, sheet = open_batch(house.engine, house.tenant, path, as_of=as_of, drill=drill)
    check_kind(house, batch_id, drill=drill)
    with watch.stage("读取案件与标准化地址") as progress:
        receive(
            house.engine,
            house.tenant,
            path,
            batch_id=batch_id,
            sheet=sheet,
            at=at,
            workers=house.workers,
            progress=progress,
        )
    with watch.stage("规则与发函决定") as progress:
        price_fen = max(product.price_fen(product.first_g) for product in products_of(house.tenant).products)
        decide(house.engine, house.tenant, batch_id, price_fen=price_fen, at=at)
        progress(_count(house, batch_id))
    return batch_id, sheet


def carry_on(house: House, batch_ids: Sequence[str], *, carrier: Carrier, on: date, at: datetime, watch: Watch) -> None:
    """Everything that is due for approved letters of these batches, and for all letters under way. Does nothing twice.

    In a drill the factory answers by itself; in earnest a run waits locked until the factory has reported.
    Raises what `make_runs` raises.
    """
    for batch_id in batch_ids:
        make_runs(house, batch_id, carrier=carrier, on=on, at=at, watch=watch)
    post_and_follow(house, batch_ids, carrier=carrier, on=on, at=at, watch=watch)


def make_runs(house: House, batch_id: str, *, carrier: Carrier, on: date, at: datetime, watch: Watch) -> None:
    """Renders what is approved and has a slot of the day, orders its waybills and locks the print run.

    Raises BadPlan, WrongKindOfBatch, DrillBesideRealLetters, ApprovalVoid, CarrierUnreachable, NumberRangeUsedUp, DiskFull,
    CannotWrite.
    """
    check_kind(house, batch_id, drill=carrier.drill)
    _check_alone_in_a_drill(house, carrier)
    for folder in ("letters", "runs"):
        for part in (house.home / folder).glob("*"):
            sweep(part)
    plan = None if carrier.drill else read_plan(house.home)
    slots = None if plan is None else plan_day(house.engine, plan, on=on, at=at)
    if plan is not None and not slots and shut(plan, on=on, at=at):
        return
    with watch.stage("排版与封存", _in_state(house, batch_id, "approved")) as progress:
        produce(
            house.engine,
            house.tenant,
            batch_id,
            home=house.home,
            workers=house.workers,
            at=at,
            slots=slots,
            progress=progress,
        )
    _print(house, batch_id, carrier=carrier, on=on, at=at, watch=watch)
    with watch.stage("加盖时间戳") as progress:
        # Runs too that an authority left without an answer before.
        progress(stamp_runs(house.engine, house.tenant, home=house.home, at=at, batch_id=batch_id).stamped)
    with watch.stage("电子签名") as progress:
        sign_records(house.engine, house.tenant, home=house.home, at=at, batch_id=batch_id, progress=progress)


def post_and_follow(
    house: House, batch_ids: Sequence[str], *, carrier: Carrier, on: date, at: datetime, watch: Watch
) -> None:
    """Hands over what the factory has finished, asks the carrier about everything under way, settles and closes.

    Raises DrillBesideRealLetters.
    """
    _check_alone_in_a_drill(house, carrier)
    with watch.stage("交寄") as progress:
        progress(sum(posted for each in batch_ids for posted in _post(house, each, carrier=carrier, on=on, at=at)))
    under_way = sum(_in_state(house, each, "active") for each in batch_ids)
    with watch.stage("跟踪与定级", under_way) as progress:
        follow_up(house.engine, house.tenant, carrier=carrier, at=at, mapping=mapping_of(house.home))
        progress(under_way)
    seal_audit(house.engine, house.tenant, at=at)
    stamp_audit(house.engine, house.tenant, at=at)


def _print(house: House, batch_id: str, *, carrier: Carrier, on: date, at: datetime, watch: Watch) -> None:
    with watch.stage("制作批次前的规则") as progress:
        run_id = assemble(house.engine, house.tenant, batch_id, on=on, at=at, workers=house.workers, home=house.home)
        queued = _queued(house, run_id)
        progress(queued)
    if run_id is None:
        return
    with watch.stage("下单取号", queued) as progress:
        report = order(house.engine, house.tenant, batch_id, carrier=carrier, at=at)
        progress(report.ordered)
    with watch.stage("制作打印文件", queued) as progress:
        lock_run(house.engine, house.tenant, run_id, home=house.home, at=at, workers=house.workers, progress=progress)


def _post(house: House, batch_id: str, *, carrier: Carrier, on: date, at: datetime) -> Iterator[int]:
    """Hands over every run that the factory has finished; in a drill it has finished at once."""
    r = tables.run.c
    if carrier.drill:
        for run_id in _runs(house, batch_id, "locked", "acknowledged", "printing"):
            manifest = read_manifest(house.home, run_id)
            with house.engine.connect() as connection:
                state = connection.scalar(select(r.state).where(r.id == run_id))
            if state == "locked":
                factory.acknowledge(house.engine, run_id, manifest_sha256=manifest.run_sha256, at=at)
            factory.report(house.engine, house.tenant, run_id, at=at)
    for run_id in _runs(house, batch_id, "balanced"):
        # What waits for the factory's answer stands in tasks; the rest of the batch goes on.
        with suppress(PiecesInThePile):
            yield post_run(house.engine, house.tenant, run_id, carrier=carrier, on=on, at=at).posted


def check_kind(house: House, batch_id: str, *, drill: bool) -> None:
    """Raises WrongKindOfBatch when a drill would be posted, or a real letter played with."""
    b = tables.batch.c
    with house.engine.connect() as connection:
        is_drill = bool(connection.scalar(select(b.drill).where(b.id == batch_id)))
    if is_drill != drill:
        names = {True: "演练", False: "真实"}
        raise WrongKindOfBatch(batch=batch_id, is_zh=names[is_drill], asked_zh=names[drill])


def _check_alone_in_a_drill(house: House, carrier: Carrier) -> None:
    """Following, settling and sweeping are about all letters of a tenant: none of them may be real where a day is played."""
    t, b = tables.letter.c, tables.batch.c
    going = t.state.in_(("received", "held", "ready", "approved", "active"))
    query = select(func.count()).select_from(tables.letter).join(tables.batch, b.id == t.batch_id)
    if not carrier.drill:
        return
    with house.engine.connect() as connection:
        count = connection.scalar(query.where(t.tenant_id == house.tenant.id, ~b.drill, going))
    if count:
        raise DrillBesideRealLetters(count=count)


def _runs(house: House, batch_id: str, *states: str) -> list[str]:
    r = tables.run.c
    with house.engine.connect() as connection:
        return list(
            connection.scalars(select(r.id).where(r.batch_id == batch_id, r.state.in_(states)).order_by(r.number))
        )


def _count(house: House, batch_id: str) -> int:
    with house.engine.connect() as connection:
        return connection.scalar(select(func.count()).where(tables.letter.c.batch_id == batch_id)) or 0


def _in_state(house: House, batch_id: str, state: str) -> int:
    t = tables.letter.c
    with house.engine.connect() as connection:
        return connection.scalar(select(func.count()).where(t.batch_id == batch_id, t.state == state)) or 0


def _queued(house: House, run_id: str | None) -> int:
    p = tables.piece.c
    with house.engine.connect() as connection:
        return connection.scalar(select(func.count()).where(p.run_id == run_id, p.state == "queued")) or 0
