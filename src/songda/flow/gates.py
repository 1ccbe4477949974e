"""The gates *approve* and *lock*: what a letter says and whom it goes to, composed again and held against the rules.

Both look at every address to which a letter may go. A letter passes at an address when all its cases pass there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import chain, islice
from typing import NamedTuple

import polars as pl

from songda.base.processes import map_ahead
from songda.compliance import cover_hits, hit_counts
from songda.flow.compose import Draft
from songda.flow.decide import rules_on, scope_of
from songda.flow.facts import approve_facts, lock_facts
from songda.flow.tenants import Tenant
from songda.intake.profile import Lawyer
from songda.letters import (
    Template,
    extra_problems,
    house_template,
    missing_glyphs,
    parse,
    present_fields,
    problems,
    proofread,
    template_hash,
    texts,
)
from songda.letters.content import Kind

#: Letters that go to another process together.
CHUNK = 500


class Spot(NamedTuple):
    """Where on its paper a letter has a wording of the word lists; what stands there is not kept."""

    list: str
    #: block | review
    severity: str
    #: Number of the passage from 1, and the characters in it.
    passage: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Said:
    """What one letter at one address says, in hashes, counts and codes."""

    letter_id: str
    n: int
    record_id: str
    content_hash: str
    #: The sum that it asks for, as it is read off its text.
    stated_fen: int
    fields: tuple[str, ...]
    hits: Mapping[str, int]
    spots: tuple[Spot, ...]
    cover: int
    #: Codes of what keeps it from being printed.
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    letter_id: str
    n: int
    record_id: str
    content_hash: str
    passed: bool
    #: Ids of rules, or codes of problems of the content.
    reasons: tuple[str, ...]
    inputs_hash: str
    #: Wordings of the letter that made, or may have made, a rule fire.
    spots: tuple[Spot, ...] = ()


def read_all(drafts: Iterable[Draft], tenant: Tenant, *, before_approval: bool, workers: int) -> list[Said]:
    """What each of `drafts` says in the tenant's templates, in order.

    Long lists are read in `workers` processes while the next are composed.
    """
    source = iter(drafts)
    head = list(islice(source, CHUNK + 1))
    parts = _parts(chain(head, source))
    # Texts go to the other processes: nothing else of the tenant has to.
    own = {kind: template.text for kind, template in tenant.templates.items()}
    read = partial(_read_part, own, white_list(tenant), before_approval=before_approval)
    spread = workers if len(head) > CHUNK else 1
    return [said for part in map_ahead(read, parts, workers=spread) for said in part]


def _parts(drafts: Iterator[Draft]) -> Iterator[list[Draft]]:
    while part := list(islice(drafts, CHUNK)):
        yield part


def white_list(tenant: Tenant) -> tuple[str, ...]:
    """Numbers of the accounts to which the tenant lets anybody pay."""
    return tuple(account.number for account in tenant.profile.institution.repay_accounts or () if account.number)


def _read_part(
    own: Mapping[Kind, str], accounts: tuple[str, ...], drafts: list[Draft], *, before_approval: bool
) -> list[Said]:
    return [_read_said(draft, own, accounts, before_approval=before_approval) for draft in drafts]


def _read_said(draft: Draft, own: Mapping[Kind, str], accounts: tuple[str, ...], *, before_approval: bool) -> Said:
    """What `draft` says. A draft without content says nothing and has problems."""
    wanted, content = draft.wanted, draft.content
    if content is None:
        return Said(wanted.letter_id, wanted.n, wanted.record_id, "", 0, (), hit_counts(()), (), 0, draft.problems)
    template = parse(own[content.kind]) if content.kind in own else house_template(content.kind)
    missing = missing_glyphs("".join(text for _, text in texts(content)))
    found = (*problems(content), *extra_problems(template, content), *(f"glyph:{code}" for code in missing))
    # Values that are wrong in themselves are not read on: their text may be no text.
    proof = None if found else proofread(template, content, accounts=accounts)
    return Said(
        letter_id=wanted.letter_id,
        n=wanted.n,
        record_id=wanted.record_id,
        content_hash=content.hash,
        stated_fen=proof.total_fen if proof else 0,
        fields=tuple(present_fields(content, before_approval=before_approval)),
        hits=hit_counts(hit for _, hit in proof.hits) if proof else hit_counts(()),
        spots=tuple(Spot(hit.list, hit.severity, n + 1, hit.start, hit.end) for n, hit in proof.hits) if proof else (),
        cover=cover_hits("\n".join((content.addressee.name, *content.addressee.address_lines)))["debt_words"],
        problems=found or (proof.problems if proof else ()),
    )


def judge_approve(
    said: Sequence[Said], links: pl.DataFrame, tenant: Tenant, *, kind: Kind, batch_id: str, lawyer: Lawyer, on: date
) -> list[Verdict]:
    """A verdict for each of `said`. `links`: one row a (letter_id, case, record), as `read_links` gives them."""

    def facts(actions: pl.DataFrame) -> pl.DataFrame:
        return approve_facts(actions, tenant, on=on, lawyer=lawyer.name or "")

    actions = _actions(said, links, tenant.template(kind), batch_id=batch_id)
    return _judge(said, actions, tenant, facts, kind=kind, gate="approve", on=on)


def judge_lock(
    said: Sequence[Said],
    links: pl.DataFrame,
    tenant: Tenant,
    *,
    kind: Kind,
    batch_id: str,
    lawyer: Lawyer,
    on: date,
    printed: pl.DataFrame,
) -> list[Verdict]:
    """As `judge_approve`. `printed`: one row a letter: letter_id, letter_no, content_hash, archived, item, template_hash."""

    def facts(actions: pl.DataFrame) -> pl.DataFrame:
        return lock_facts(actions, tenant, on=on, lawyer=lawyer.name or "")

    actions = _actions(said, links, tenant.template(kind), batch_id=batch_id).drop(
        "content_hash", "approved_template_hash"
    )
    actions = actions.join(
        printed.rename({"template_hash": "approved_template_hash"}), on="letter_id", how="left", maintain_order="left"
    )
    return _judge(said, actions, tenant, facts, kind=kind, gate="lock", on=on)


def _actions(said: Sequence[Said], links: pl.DataFrame, template: Template, *, batch_id: str) -> pl.DataFrame:
    """One row a (letter, address, case); letters that cannot be printed are left out."""
    sound = [each for each in said if not each.problems]
    words = list(hit_counts(()))
    frame = pl.DataFrame(
        {
            "letter_id": [each.letter_id for each in sound],
            "n": pl.Series([each.n for each in sound], dtype=pl.Int64),
            "record": [each.record_id for each in sound],
            "content_hash": [each.content_hash for each in sound],
            "stated_fen": pl.Series([each.stated_fen for each in sound], dtype=pl.Int64),
            "fields": pl.Series([list(each.fields) for each in sound], dtype=pl.List(pl.String)),
            "cover_hits": pl.Series([each.cover for each in sound], dtype=pl.Int64),
            **{f"hits_{name}": pl.Series([each.hits[name] for each in sound], dtype=pl.Int64) for name in words},
        },
        schema_overrides={"letter_id": pl.String, "record": pl.String, "content_hash": pl.String},
    )
    ledger = (
        links.unique(["letter_id", "case_id"])
        .group_by("letter_id")
        .agg(ledger_fen=(pl.col("owed_fen") - pl.col("moved_fen")).sum(), parts_fen=pl.col("owed_fen").sum())
    )
    current = template_hash(template)
    return (
        frame.join(links.drop("batch_id"), on=["letter_id", "record"], how="inner", maintain_order="left")
        .join(ledger, on="letter_id", how="left", maintain_order="left")
        .with_columns(
            action_id=pl.concat_str("letter_id", "n", "case_id", separator="/"),
            template_hash=pl.lit(current),
            approved_template_hash=pl.lit(current),
            batch_id=pl.lit(batch_id),
            approved_batch=pl.lit(batch_id),
        )
    )


def _judge(
    said: Sequence[Said],
    actions: pl.DataFrame,
    tenant: Tenant,
    facts: Callable[[pl.DataFrame], pl.DataFrame],
    *,
    kind: Kind,
    gate: str,
    on: date,
) -> list[Verdict]:
    verdicts = rules_on(tenant, on).evaluate(facts(actions), scope=scope_of(kind), gate=gate)
    stops = pl.when(pl.col("verdict") == "pass").then(pl.lit([], pl.List(pl.String))).otherwise("rules")
    judged = (
        actions.select("action_id", "letter_id", "n")
        .join(verdicts, on="action_id", maintain_order="left")
        .group_by("letter_id", "n", maintain_order=True)
        .agg(
            (pl.col("verdict") == "pass").all().alias("passed"),
            stops.explode().drop_nulls().alias("rules"),
            pl.first("inputs_hash"),
        )
    )
    by_key = {(row["letter_id"], row["n"]): row for row in judged.iter_rows(named=True)}
    return [_verdict(each, by_key.get((each.letter_id, each.n))) for each in said]


def _verdict(said: Said, row: Mapping[str, object] | None) -> Verdict:
    if said.problems or row is None:
        reasons = said.problems or ("lines.empty",)
        return Verdict(said.letter_id, said.n, said.record_id, said.content_hash, False, reasons, "", said.spots)
    rules = row["rules"]
    assert isinstance(rules, list)
    return Verdict(
        said.letter_id,
        said.n,
        said.record_id,
        said.content_hash,
        passed=bool(row["passed"]),
        reasons=tuple(dict.fromkeys(rules)),
        inputs_hash=str(row["inputs_hash"]),
        spots=said.spots,
    )


def letter_links(
    links: pl.DataFrame, pairs: Iterable[tuple[str, str]], released: Mapping[str, Sequence[str]]
) -> pl.DataFrame:
    """`links` with the letter that each case stands in, and what was released for it; `pairs`: (letter id, case id)."""
    frame = pl.DataFrame(list(pairs), schema={"letter_id": pl.String, "case_id": pl.String}, orient="row")
    rules = pl.Series("released", [list(released.get(each, ())) for each in frame["letter_id"]], pl.List(pl.String))
    return links.join(frame.with_columns(rules), on="case_id", how="inner", maintain_order="left")
