"""Third stage: a lawyer sees what is proposed, and signs for it or does not.

`propose` looks and changes nothing: which letters stand for approval, at which addresses, and which cannot go. `approve`
signs exactly that list and moves its letters in one transaction; a character changed in between makes another list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import orjson
import polars as pl
from sqlalchemy import Connection, Engine, func, insert, select

from songda.base import ids
from songda.base.errors import SongdaError
from songda.compliance import lint_version
from songda.flow.audit import write_audit
from songda.flow.choosing import open_chooser
from songda.flow.compose import Wanted, check_token, compose, token_hash
from songda.flow.countersigning import First, Lines, SecondLawyerNeeded, first_signatures, is_own, needs_two
from songda.flow.court import facts_of_letters
from songda.flow.decide import deliverable, may_be_written_to, rules_on, scope_of, write_decisions
from songda.flow.facts import accept_facts
from songda.flow.gates import Spot, Verdict, judge_approve, letter_links, read_all
from songda.flow.imprints import imprints_for
from songda.flow.links import read_links
from songda.flow.reviewing import released_rules
from songda.flow.tenants import Tenant
from songda.intake.profile import Lawyer
from songda.letters import (
    Approval,
    ApprovalItem,
    ApprovalList,
    ApprovalVoid,
    Pulled,
    exceptions_hash,
    sign,
    signing_key_of,
    template_hash,
    verify,
    verify_list,
)
from songda.signatures import WrongKey
from songda.store import chunks, insert_missing, move, tables

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


class UnknownPulled(SongdaError):
    zh = "要撤下的函号 {letter_no} 不在待审批名单中"
    remedy = "请核对函号；名单可用 songda letters list 批次号 查看"
    exit_code = 65


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


def approve(
    engine: Engine,
    tenant: Tenant,
    proposal: Proposal,
    *,
    private_key: bytes,
    password: str,
    at: datetime,
    certificate: bytes | None = None,
    pulled: Mapping[str, str] | None = None,
    by_itself: bool = False,
) -> Approval:
    """Signs the proposal and moves its letters to `approved`, its exceptions and the pulled ones to `held`.

    Letters that two lawyers sign stay `ready` with the first signature.
    `pulled`: letter number → reason, taken out by the lawyer. `by_itself`: an invented firm of a drill that approves
    without a person; marked for good. Raises WrongKey (not a key of the lawyer's profile), UnfitKey, UnknownPulled, UnknownImprint,
    Conflict.
    """
    taken_out = _pulled(proposal, pulled or {})
    imprints = imprints_for(tenant, proposal.writer)
    listing = proposal.listing(each.letter_id for each in taken_out)
    approval = sign(
        private_key,
        password,
        template_hashes=[proposal.template_hash],
        list_hash=listing.list_hash,
        exceptions_hash=exceptions_hash(taken_out),
        at=at,
        lawyer=proposal.lawyer.name or "",
        certificate=certificate,
        seal_imprint=imprints["seal"],
        signature_imprint=imprints["signature"],
    )
    try:
        verify(approval, (proposal.lawyer.public_key or "").encode())
    except ApprovalVoid as error:
        raise WrongKey from error
    verify_list(approval, listing, taken_out)
    with engine.begin() as connection:
        _store(connection, tenant, proposal, approval, taken_out, at=at, by_itself=by_itself)
    return approval


def _pulled(proposal: Proposal, pulled: Mapping[str, str]) -> list[Pulled]:
    by_number = {letter.letter_no: letter.letter_id for letter in proposal.letters}
    for number in pulled:
        if number not in by_number:
            raise UnknownPulled(letter_no=number)
    return [Pulled(by_number[number], reason) for number, reason in pulled.items()]


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
    order = open_chooser(connection, tenant, salt=batch.id).order(
        connection,
        judged.with_columns(letter="letter_id"),
        passes.all().over("letter_id", "record"),
        persons=whose,
        on=batch.as_of,
    )
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


def _store(
    connection: Connection,
    tenant: Tenant,
    proposal: Proposal,
    approval: Approval,
    pulled: Sequence[Pulled],
    *,
    at: datetime,
    by_itself: bool,
) -> None:
    out = {each.letter_id: each.reason for each in pulled}
    going = [letter for letter in proposal.letters if letter.letter_id not in out]
    approval_id = ids.derive("apv", proposal.on, tenant.key.id_secret(), approval.id)
    document = {
        "approval": approval.to_json(),
        "pulled": [[each.letter_id, each.reason] for each in pulled],
        # Kept for proofs: the profile may name another key by then.
        "key": signing_key_of(approval, (proposal.lawyer.public_key or "").encode()).pem,
    }
    connection.execute(
        insert(tables.approval),
        {
            "id": approval_id,
            "batch_id": proposal.batch_id,
            "lawyer": lawyer_index(tenant, proposal.lawyer),
            "day": proposal.on,
            "letters": len(going),
            "list_sha256": approval.list_hash,
            "document": tenant.key.seal(orjson.dumps(document), context=f"approval:{approval_id}"),
            "by_itself": by_itself,
        },
    )
    # One of two signatures moves nothing: the letters wait for the other.
    signed_for = [] if proposal.is_first_of_two else going
    move(
        connection,
        "letter",
        [(letter.letter_id, letter.version) for letter in signed_for],
        source="ready",
        target="approved",
        actor="lawyer",
        reason="by_itself_in_a_drill" if by_itself else "batch_signed",
        at=at,
        values=[
            {
                "approval_id": proposal.first.approval_id if proposal.first else approval_id,
                "content_sha256": letter.places[0][1],
                "template_sha256": proposal.template_hash,
                "check_token_hash": token_hash(check_token(tenant, letter.letter_id)),
                "letter_date": proposal.dated,
                "address_record_id": letter.places[0][0],
            }
            for letter in signed_for
        ],
    )
    for part in chunks(going):
        insert_missing(
            connection, tables.approved, [row for letter in part for row in _rows(letter, approval_id, proposal)]
        )
    held = [(each.letter_id, each.version, list(each.reasons)) for each in proposal.exceptions]
    held += [
        (letter.letter_id, letter.version, ["pulled_by_lawyer"])
        for letter in proposal.letters
        if letter.letter_id in out
    ]
    for why in ("gate_approve", "pulled_by_lawyer"):
        group = [each for each in held if (each[2] == ["pulled_by_lawyer"]) == (why == "pulled_by_lawyer")]
        move(
            connection,
            "letter",
            [(letter_id, version) for letter_id, version, _ in group],
            source="ready",
            target="held",
            actor="lawyer",
            reason=why,
            at=at,
            values=[{"reasons": reasons} for _, _, reasons in group],
        )
    inputs = {each.letter_id: each.inputs_hash for each in proposal.exceptions}
    write_decisions(
        connection,
        tenant,
        [
            (letter.letter_id, "signed_first" if proposal.is_first_of_two else "approved", letter.places[0][3], [])
            for letter in going
        ]
        + [(letter_id, "held", inputs.get(letter_id), reasons) for letter_id, _, reasons in held],
        stage="approve",
        versions={"rules": proposal.rule_set, "words": lint_version(), "template": proposal.template_hash},
        on=proposal.on,
    )
    write_audit(
        connection,
        at=at,
        actor=f"lawyer:{lawyer_index(tenant, proposal.lawyer)}",
        action="letters.approve",
        object_id=proposal.batch_id,
        details={"letters": len(going), "held": len(held), "list_sha256": approval.list_hash, "by_itself": by_itself},
    )


def _rows(letter: Proposed, approval_id: str, proposal: Proposal) -> list[dict[str, Any]]:
    return [
        {
            "approval_id": approval_id,
            "letter_id": letter.letter_id,
            "n": n,
            "address_record_id": record,
            "content_sha256": content_hash,
            "template_sha256": proposal.template_hash,
            "basis": basis,
        }
        for n, (record, content_hash, basis, _) in enumerate(letter.places, 1)
    ]
