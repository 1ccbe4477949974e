"""Third stage, first half: what a lawyer is shown before signing.

`propose` looks and changes nothing: which letters stand for approval, at which addresses, and which cannot go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Connection, Engine, func, select

from songda.base.errors import SongdaError
from songda.flow.choosing import open_chooser
from songda.flow.compose import Wanted, compose
from songda.flow.countersigning import First, Lines, SecondLawyerNeeded, first_signatures, is_own, needs_two
from songda.flow.court import facts_of_letters
from songda.flow.decide import deliverable, may_be_written_to, rules_on, scope_of
from songda.flow.facts import accept_facts
from songda.flow.gates import Spot, Verdict, judge_approve, letter_links, read_all
from songda.flow.links import read_links
from songda.flow.reviewing import released_rules
from songda.flow.tenants import Tenant
from songda.intake.profile import Lawyer
from songda.letters import (
    ApprovalItem,
    ApprovalList,
    template_hash,
)
from songda.store import tables

#: Sample letters that a lawyer is shown.
SAMPLES = 3


class NoSuchLawyer(SongdaError):
    zh = "机构档案中没有可以签发的律师“{name}”"
    remedy = "请核对姓名（档案中只有一位律师时可以不填），或在机构档案的 [[lawyers]] 中补充"
    exit_code = 78


class UnknownBatch(SongdaError):
    zh = "没有批次 {batch}"
    remedy = "批次号由 songda run 给出（--json 的 batch）"
    exit_code = 65


class NothingToApprove(SongdaError):
    zh = "批次 {batch} 没有等待律师审批的函件"
    remedy = "请先运行 songda run 案件文件，或查看 report.html 中未发出的原因"
    exit_code = 65


class DailyMaximumReached(SongdaError):
    zh = "律师“{lawyer}”在 {day} 已不能再签发（每日上限：{limit}）"
    remedy = "请在机构档案中为该律师写明 daily_max（不写就一封也不会发出），或次日再审批"
    exit_code = 77


class DailyCapacityReached(SongdaError):
    zh = "{day} 审批的函件已达机构每日上限（{limit}）"
    remedy = "请次日再审批，或在机构档案 [budget] 中填写、调整 max_letters_per_day"
    exit_code = 77


class ListChanged(SongdaError):
    zh = "名单与看过的不同：看过的名单哈希 {seen}，现在是 {now}"
    remedy = "有函件的内容、金额、地址、模板或名单在此期间有变动；请重新查看（songda letters propose 批次）后再签发"
    exit_code = 75


@dataclass(frozen=True, slots=True)
class Proposed:
    """One letter that a lawyer may sign for."""

    letter_id: str
    version: int
    letter_no: str
    amount_fen: int
    #: At each address, in the order in which they are tried: (address record, content hash, legal basis, inputs' hash).
    places: tuple[tuple[str, str, str, str], ...]

    def lines(self, template_hash: str) -> Lines:
        """What an approval says of it."""
        return frozenset(
            (n, record, content_hash, template_hash, basis)
            for n, (record, content_hash, basis, _) in enumerate(self.places, 1)
        )


@dataclass(frozen=True, slots=True)
class Excepted:
    """A letter that cannot go as it is."""

    letter_id: str
    version: int
    letter_no: str
    #: Ids of rules, or codes of what is missing.
    reasons: tuple[str, ...]
    inputs_hash: str
    #: Where its words have something of the word lists.
    spots: tuple[Spot, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    batch_id: str
    kind: str
    lawyer: Lawyer = field(repr=False)
    on: date
    drill: bool
    template_hash: str
    letters: tuple[Proposed, ...]
    exceptions: tuple[Excepted, ...]
    #: Letters beyond what the lawyer may still sign for today, or the institution still send.
    waiting: int
    rule_set: str
    #: Of letters that two lawyers sign, the signature that stands already.
    first: First | None = None

    @property
    def writer(self) -> Lawyer:
        """Whose name the letters bear."""
        return self.first.signed.lawyer if self.first else self.lawyer

    @property
    def dated(self) -> date:
        """The day that they bear."""
        return self.first.day if self.first else self.on

    @property
    def is_first_of_two(self) -> bool:
        return needs_two(self.kind) and self.first is None

    def must_be(self, seen: str) -> None:
        """Raises ListChanged unless what stands for approval is, to the character, what was seen under the hash `seen`."""
        if (now := self.listing().list_hash) != seen:
            raise ListChanged(seen=seen, now=now)

    def listing(self, pulled: Iterable[str] = ()) -> ApprovalList:
        """What is signed: a line a letter and address. `pulled`: ids of letters that the lawyer takes out."""
        out = set(pulled)
        return ApprovalList(
            tuple(
                ApprovalItem(
                    letter_id=letter.letter_id,
                    template_hash=self.template_hash,
                    content_hash=content_hash,
                    addressee_id=record,
                    amount_fen=letter.amount_fen,
                    address_basis=basis,
                    n=n,
                )
                for letter in self.letters
                if letter.letter_id not in out
                for n, (record, content_hash, basis, _) in enumerate(letter.places, 1)
            )
        )


def propose(
    engine: Engine,
    tenant: Tenant,
    batch_id: str,
    *,
    lawyer_name: str | None,
    on: date,
    workers: int = 1,
    home: Path | None = None,
) -> Proposal:
    """What stands for approval in the batch on day `on`. `home`: where documents lie that letters forward.

    Raises UnknownBatch, NoSuchLawyer, DailyMaximumReached, DailyCapacityReached, NothingToApprove, SecondLawyerNeeded.
    """
    lawyer = tenant.profile.lawyer(lawyer_name)
    if lawyer is None or lawyer.name is None or lawyer.public_key is None:
        raise NoSuchLawyer(name=lawyer_name or "")
    with engine.connect() as connection:
        b = tables.batch
        batch = connection.execute(select(b).where(b.c.id == batch_id, b.c.tenant_id == tenant.id)).first()
        if batch is None:
            raise UnknownBatch(batch=batch_id)
        ready = _ready(connection, batch_id)
        if not ready:
            raise NothingToApprove(batch=batch_id)
        left = min(_left_today(connection, tenant, lawyer, on), _capacity_left(connection, tenant, on))
        kind = ready[0].kind
        signatures = first_signatures(connection, tenant, batch_id) if needs_two(kind) else []
        current = template_hash(tenant.template(kind))
        # The signature of another that still says what the letters say; else one's own, which is no second one; else none.
        for first in (*sorted(signatures, key=lambda each: is_own(each, lawyer)), None):
            verdicts = _verdicts(
                connection, tenant, batch, ready, lawyer=lawyer, first=first, on=on, workers=workers, home=home
            )
            letters, exceptions = _sorted_out(ready, verdicts)
            covered = [each for each in letters if first and first.lines.get(each.letter_id) == each.lines(current)]
            if first is None or covered:
                break
        if first is not None and is_own(first, lawyer):
            raise SecondLawyerNeeded(lawyer=lawyer.name, batch=batch_id)
    going = letters if first is None else covered
    return Proposal(
        batch_id=batch_id,
        kind=kind,
        lawyer=lawyer,
        on=on,
        drill=batch.drill,
        template_hash=current,
        letters=tuple(going[:left]),
        exceptions=tuple(exceptions),
        waiting=max(0, len(letters) - min(left, len(going))),
        rule_set=rules_on(tenant, on).label,
        first=first,
    )


def _sorted_out(ready: Sequence[Any], verdicts: Sequence[tuple[Verdict, str]]) -> tuple[list[Proposed], list[Excepted]]:
    by_letter: dict[str, list[tuple[Verdict, str]]] = {}
    for verdict, basis in verdicts:
        by_letter.setdefault(verdict.letter_id, []).append((verdict, basis))
    letters, exceptions = [], []
    for row in ready:
        judged = by_letter.get(row.id, [])
        places = tuple((v.record_id, v.content_hash, basis, v.inputs_hash) for v, basis in judged if v.passed)
        if places:
            letters.append(Proposed(row.id, row.version, row.letter_no, row.amount_fen, places))
        else:
            first = judged[0][0] if judged else Verdict(row.id, 1, "", "", False, ("no_lawful_address",), "")
            exceptions.append(
                Excepted(row.id, row.version, row.letter_no, first.reasons, first.inputs_hash, first.spots)
            )
    return letters, exceptions


def _ready(connection: Connection, batch_id: str) -> Sequence[Any]:
    t = tables.letter.c
    query = select(t.id, t.version, t.letter_no, t.kind, t.amount_fen).where(t.batch_id == batch_id, t.state == "ready")
    return connection.execute(query.order_by(t.letter_no)).all()


def lawyer_index(tenant: Tenant, lawyer: Lawyer) -> str:
    return tenant.key.blind_index("lawyer", lawyer.licence_no or "")


def _left_today(connection: Connection, tenant: Tenant, lawyer: Lawyer, on: date) -> int:
    """How many letters the lawyer may still sign for on the day. Raises DailyMaximumReached."""
    a = tables.approval.c
    signed = connection.scalar(select(func.sum(a.letters)).where(a.lawyer == lawyer_index(tenant, lawyer), a.day == on))
    left = (lawyer.daily_max or 0) - int(signed or 0)
    if left <= 0:
        limit = "未填写" if lawyer.daily_max is None else lawyer.daily_max
        raise DailyMaximumReached(lawyer=lawyer.name, day=on.isoformat(), limit=limit)
    return left


def _capacity_left(connection: Connection, tenant: Tenant, on: date) -> int:
    """How many letters may still get the date of the day, whatever day they were decided on. Raises DailyCapacityReached."""
    t, per_day = tables.letter.c, tenant.profile.budget.max_letters_per_day
    dated = connection.scalar(
        select(func.count()).where(
            t.tenant_id == tenant.id, t.letter_date == on, t.state.in_(("approved", "active", "closed"))
        )
    )
    left = (per_day or 0) - int(dated or 0)
    if left <= 0:
        raise DailyCapacityReached(day=on.isoformat(), limit="未填写" if per_day is None else per_day)
    return left


def _verdicts(
    connection: Connection,
    tenant: Tenant,
    batch: Any,
    ready: Sequence[Any],
    *,
    lawyer: Lawyer,
    first: First | None,
    on: date,
    workers: int,
    home: Path | None,
) -> list[tuple[Verdict, str]]:
    """For each letter its addresses in the order in which they are tried, judged; with the legal basis of each.

    `first`: whose name and day the letters bear, when it is not the lawyer's own.
    """
    t, lc = tables.letter.c, tables.letter_case.c
    kind = ready[0].kind
    chosen = (
        select(lc.case_id).join(tables.letter, t.id == lc.letter_id).where(t.batch_id == batch.id, t.state == "ready")
    )
    pairs = connection.execute(
        select(lc.letter_id, lc.case_id)
        .join(tables.letter, t.id == lc.letter_id)
        .where(t.batch_id == batch.id, t.state == "ready")
    )
    links = read_links(connection, tenant, tables.case.c.id.in_(chosen), on=on, batch_id=batch.id)
    links = letter_links(
        links, [tuple(pair) for pair in pairs], released_rules(connection, {letter.id for letter in ready})
    )
    if needs_two(kind):
        letter_ids = {letter.id for letter in ready}
        court = facts_of_letters(connection, tenant, letter_ids, on=on, home=home, approvers={})
        links = links.join(court, on="letter_id", how="left", maintain_order="left")
    # What may have moved since the decision is asked again; an address goes on the list only if all cases may use it.
    accepted = rules_on(tenant, on).evaluate(
        accept_facts(links, tenant, on=on, lawyer=lawyer.name), scope=scope_of(kind), gate="accept"
    )
    judged = links.join(accepted, on="action_id", how="left", maintain_order="left")
    passes = (pl.col("verdict") == "pass") & deliverable() & may_be_written_to()
    whose = select(tables.case.c.person_id).where(tables.case.c.id.in_(chosen))
    chooser = open_chooser(connection, tenant, salt=batch.id)
    features = chooser.features(connection, whose, on=batch.as_of)
    order = chooser.order(judged.with_columns(letter="letter_id"), passes.all().over("letter_id", "record"), features)
    order = order.filter(pl.col("n") <= (tenant.profile.policy.max_attempts or 1))
    wanted = [Wanted(*row) for row in order.select("letter", "n", "record").iter_rows()]
    writer, dated = (first.signed.lawyer, first.day) if first else (lawyer, on)
    drafts = compose(connection, tenant, wanted, lawyer=writer, on=dated, drill=batch.drill)
    said = read_all(drafts, tenant, before_approval=True, workers=workers)
    verdicts = judge_approve(said, links, tenant, kind=kind, batch_id=batch.id, lawyer=lawyer, on=on)
    verdicts += _objections(judged, {each.letter_id for each in said})
    basis = dict(links.select("record", "address_basis").unique("record").iter_rows())
    return [(verdict, basis.get(verdict.record_id) or "") for verdict in verdicts]


def _objections(judged: pl.DataFrame, proposed: set[str]) -> list[Verdict]:
    """Why a letter that was ready has no lawful address any more."""
    none, fired = pl.lit([], pl.List(pl.String)), pl.col("rules").list.len().fill_null(0) > 0
    reasons = pl.concat_list(
        pl.when(pl.col("stop").is_not_null()).then(pl.concat_list("stop")).otherwise(none),
        # Another file may have given the person's ID number to another name meanwhile.
        pl.when(pl.col("person_state") != "active").then(pl.lit(["name_conflict"])).otherwise(none),
        pl.when(fired).then("rules").otherwise(none),
        pl.when(~fired & ~deliverable()).then(pl.lit(["address_not_deliverable"])).otherwise(none),
    )
    rest = judged.filter(~pl.col("letter_id").is_in(list(proposed))).with_columns(reasons=reasons)
    best = rest.with_columns(_count=pl.col("reasons").list.len()).sort("letter_id", "_count", "record", nulls_last=True)
    return [
        Verdict(
            row["letter_id"],
            1,
            row["record"] or "",
            "",
            False,
            tuple(row["reasons"]) or ("no_lawful_address",),
            row["inputs_hash"] or "",
        )
        for row in best.unique("letter_id", keep="first", maintain_order=True).iter_rows(named=True)
    ]
