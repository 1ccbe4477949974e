"""Sixth stage: waybills are ordered before a run is locked, and the printed run is handed to the carrier.

The carrier's contract comes from the tenant's profile; without one nothing is ordered. A drill brings its own contract
with a stand-in server, and everything that it makes says 演练.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, select

from songda.base.errors import SongdaError
from songda.carriers import (
    AggregatorAccount,
    ChinaPost,
    ContractConfig,
    FileContract,
    Party,
    PostingFiles,
    Terms,
    Tracker,
    open_aggregator,
    open_http,
    open_posting_files,
)
from songda.carriers import Carrier as CarrierPort
from songda.dispatch import (
    STOP,
    HandOver,
    OrderReport,
    hand_over,
    order_waybills,
    pull_pieces,
    take_out_strays,
    taken_out,
    unanswered,
)
from songda.flow.decide import rules_on, write_decisions
from songda.flow.stopped import Judged, judge_hand_over
from songda.flow.tenants import Tenant
from songda.store import tables

#: Calls under way at once.
THREADS = 8


class NoCarrierContract(SongdaError):
    zh = "机构档案中没有完整的承运合同（缺少：{missing}），函件已停在待下单状态"
    remedy = "请在 [carrier] 中补全后重新导入并运行 songda run --resume；演练请加 --carrier sim"
    exit_code = 78


class CarrierUnreachable(SongdaError):
    zh = "{waiting} 件尚未取得运单号：{reason}"
    remedy = "处理后运行 songda run --resume，会从未下单的封件继续，不会重复下单"
    exit_code = 75


@dataclass(frozen=True, slots=True)
class Carrier:
    """A contract, an open connection, and for a drill the act of handing over."""

    contract: Terms
    post: CarrierPort
    drill: bool
    #: In a drill the stand-in takes the pieces: (waybill numbers, instant). In earnest the factory hands them over.
    take: Callable[[Sequence[str], datetime], None] | None = field(default=None, repr=False)
    #: Who is asked about waybills for which the carrier does not answer.
    fallback: Tracker | None = None
    #: The same as `post`, where the carrier works by files: its tracking files are taken in.
    files: PostingFiles | None = None


@contextmanager
def carrier_of(tenant: Tenant, environ: Mapping[str, str]) -> Iterator[Carrier]:
    """The carrier of the tenant's profile, by whichever way it states, while the block runs.

    Raises NoCarrierContract, BadContract, ProfileError.
    """
    fallback = fallback_of(tenant, environ)
    if tenant.profile.carrier.via != "posting_files":
        with open_carrier(contract_of(tenant, environ), fallback=fallback) as carrier:
            yield carrier
        return
    contract = file_contract_of(tenant)
    with ExitStack() as stack:
        files = stack.enter_context(open_posting_files(contract))
        tracker = stack.enter_context(open_aggregator(fallback)) if fallback else None
        yield Carrier(contract, files, drill=False, fallback=tracker, files=files)


@contextmanager
def open_carrier(
    contract: ContractConfig,
    *,
    drill: bool = False,
    take: Callable[[Sequence[str], datetime], None] | None = None,
    clock: Callable[[], datetime] | None = None,
    fallback: AggregatorAccount | None = None,
) -> Iterator[Carrier]:
    """A connection under `contract`, and one to the `fallback` if there is one, while the block runs."""
    with ExitStack() as stack:
        http = stack.enter_context(open_http(contract, connections=THREADS))
        post = ChinaPost(contract, http) if clock is None else ChinaPost(contract, http, clock=clock)
        tracker = stack.enter_context(open_aggregator(fallback)) if fallback else None
        yield Carrier(contract, post, drill, take, tracker)


def contract_of(tenant: Tenant, environ: Mapping[str, str]) -> ContractConfig:
    """The carrier's contract as the profile states it. Raises NoCarrierContract, BadContract, ProfileError."""
    stated = tenant.profile.carrier
    needed = {
        "kind": stated.kind,
        "endpoint": stated.endpoint,
        "sender_no": stated.sender_no,
        "authorization": stated.authorization or stated.authorization_env or stated.authorization_file,
        "product": stated.product,
    }
    missing = [name for name, value in needed.items() if value is None]
    if missing:
        raise NoCarrierContract(missing="、".join(missing))
    authorization, sign_key = stated.secrets(environ)
    bounds = stated.number_range
    optional = {
        "product_code": stated.product_code,
        "contents_attribute": stated.contents_attribute,
        "pickup_type": stated.pickup_type,
        "payment_mode": stated.payment_mode,
        "project_id": stated.project_id,
        "user_code": stated.user_code,
        "number_pattern": stated.number_pattern,
        "label_type": stated.label_type,
        "orders_idempotent": stated.orders_idempotent,
        "calls_per_s": stated.calls_per_s,
        "timeout_s": stated.timeout_s,
        "clock_tolerance_s": stated.clock_tolerance_s,
        "number_range": (bounds.first, bounds.last) if bounds and bounds.first and bounds.last else None,
    }
    return ContractConfig(
        endpoint=stated.endpoint or "",
        sender_no=stated.sender_no or "",
        authorization=authorization or "",
        sign_key=sign_key,
        biz_product_no=stated.product or "",
        **{name: value for name, value in optional.items() if value is not None},  # type: ignore[arg-type]
    )


def file_contract_of(tenant: Tenant) -> FileContract:
    """The contract of a carrier by files. Raises NoCarrierContract, BadContract."""
    stated = tenant.profile.carrier
    bounds = stated.number_range
    needed = {
        "kind": stated.kind,
        "folder": stated.folder,
        "sender_no": stated.sender_no,
        "product": stated.product,
        "number_range": bounds and bounds.first and bounds.last,
    }
    missing = [name for name, value in needed.items() if value is None]
    if missing or bounds is None:
        raise NoCarrierContract(missing="、".join(missing))
    return FileContract(
        folder=Path(stated.folder or "").expanduser(),
        customer_no=stated.sender_no or "",
        product=stated.product or "",
        number_range=(bounds.first or "", bounds.last or ""),
        code_prefix=stated.code_prefix or "",
    )


def fallback_of(tenant: Tenant, environ: Mapping[str, str]) -> AggregatorAccount | None:
    """The account at an aggregator that the profile states. Raises BadContract, ProfileError."""
    stated = tenant.profile.carrier.fallback
    if stated.kind is None:
        return None
    key, salt = stated.secrets(environ)
    optional = {
        "endpoint": stated.endpoint,
        "request_type": stated.request_type,
        "phone_tail": stated.phone_tail,
        "calls_per_s": stated.calls_per_s,
    }
    return AggregatorAccount(
        kind=stated.kind,
        customer=stated.customer or "",
        key=key or "",
        company=stated.company or "",
        salt=salt,
        **{name: value for name, value in optional.items() if value is not None},  # type: ignore[arg-type]
    )


def sender_of(tenant: Tenant) -> Party:
    """Who stands on the waybill as sender. Raises NoCarrierContract when the profile does not say (rule E05)."""
    sender = tenant.profile.carrier.sender
    needed = {name: getattr(sender, name) for name in ("name", "prov", "city", "county", "address", "phone")}
    missing = [f"sender.{name}" for name, value in needed.items() if value is None]
    if missing:
        raise NoCarrierContract(missing="、".join(missing))
    return Party(**needed, postcode=sender.postcode or "")


def order(engine: Engine, tenant: Tenant, batch_id: str, *, carrier: Carrier, at: datetime) -> OrderReport:
    """Orders a waybill for each queued piece of the batch. Raises CarrierUnreachable when nobody answers."""
    report = order_waybills(
        engine,
        batch_id=batch_id,
        key=tenant.key,
        post=carrier.post,
        contract=carrier.contract,
        sender=sender_of(tenant),
        at=at,
        threads=THREADS,
    )
    if report.waiting:
        reason = "承运商没有应答，请检查网络和承运商公告" if report.trouble is None else report.trouble.message_zh
        raise CarrierUnreachable(waiting=report.waiting, reason=reason)
    return report


def post_run(
    engine: Engine, tenant: Tenant, run_id: str, *, carrier: Carrier | None, on: date, at: datetime
) -> HandOver:
    """The gate *hand_over*, then the hand-over itself. In a drill the stand-in takes the pieces.

    Raises RunNotReady, RunNotBalanced, and PiecesInThePile until the factory has taken out what was stopped.
    """
    take_out_strays(engine, run_id, at=at)
    with engine.connect() as connection:
        judged = _judged(connection, tenant, run_id, on=on)
    if stopped := {piece: _why(each.reasons) for piece, each in judged.items() if each.stopped}:
        pull_pieces(engine, stopped, at=at, actor="rules")
    if judged:
        with engine.begin() as connection:
            # Also of those that pass: that a letter was looked at is what has to be shown later.
            write_decisions(
                connection,
                tenant,
                [
                    (piece, "pulled" if each.stopped else "passed", each.inputs_hash, list(each.reasons))
                    for piece, each in judged.items()
                ],
                stage="hand_over",
                versions={"rules": rules_on(tenant, on).label},
                on=on,
            )
    if carrier is not None and carrier.take is not None:
        # In a drill whoever holds the pile takes out what must not go without being asked twice.
        with engine.begin() as connection:
            taken_out(connection, [each.piece_id for each in unanswered(connection, run_id)], at=at)
        carrier.take(_waybills(engine, run_id), at)
    return hand_over(engine, run_id=run_id, at=at)


def _judged(connection: Connection, tenant: Tenant, run_id: str, *, on: date) -> dict[str, Judged]:
    """Pieces of the run that are ready to go, with what the gate says of them."""
    p, n = tables.piece.c, tables.attempt.c
    query = select(p.id, n.letter_id).join(tables.attempt, n.id == p.attempt_id)
    pieces = connection.execute(query.where(p.run_id == run_id, p.state == "enveloped").order_by(p.seq)).all()
    letters = judge_hand_over(connection, tenant, {piece.letter_id for piece in pieces}, on=on)
    return {piece.id: letters[piece.letter_id] for piece in pieces if piece.letter_id in letters}


def _why(reasons: Sequence[str]) -> str:
    """The reason that histories give: the stop order, or the gate whose decision names the rules."""
    return reasons[0] if reasons[0].startswith(STOP) else "gate_hand_over"


def _waybills(engine: Engine, run_id: str) -> list[str]:
    p = tables.piece.c
    with engine.connect() as connection:
        return list(
            connection.scalars(
                select(p.waybill_no)
                .where(p.run_id == run_id, p.state == "enveloped", p.waybill_no.is_not(None))
                .order_by(p.seq)
            )
        )
