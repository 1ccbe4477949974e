"""The chain of a real record: sealed once a day by its institution, verified on a copy with nothing but its public key."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from bank import opened, rows_of
from sqlalchemy import select, update

from songda.evidence import public_pem, signing_key
from songda.flow.audit import (
    NotAnAuditCopy,
    export_audit,
    seal_audit,
    verify_audit,
    verify_copy,
    write_audit,
)
from songda.flow.audit_stamps import stamp_audit
from songda.sim.authority import stamping
from songda.sim.case_rows import AT
from songda.store import tables
from songda.vault.audit import GENESIS, SEALED, AuditEntry, Break, link, seal_statement


def afresh(lines: list[str]) -> list[str]:
    """A copy numbered and linked anew by somebody who has no key."""
    found, head = [], GENESIS
    for seq, line in enumerate(lines, 1):
        row = json.loads(line) | {"seq": seq}
        head = link(head, AuditEntry(**{name: value for name, value in row.items() if name != "hash"}))
        found.append(json.dumps(row | {"hash": head}))
    return found


def test_the_chain_is_sealed_daily_and_a_copy_verified_without_the_house(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        engine, tenant = house.engine, house.tenant

        def act(name: str) -> None:
            with engine.begin() as connection:
                write_audit(connection, at=AT, actor="ops-7", action=name, object_id="x", details={"n": 1})

        act("first")
        first = seal_audit(engine, tenant, at=AT)
        act("second")
        # Once a day.
        assert seal_audit(engine, tenant, at=AT) == first
        second = seal_audit(engine, tenant, at=AT + timedelta(days=1))
        # A day on which nothing was done needs no seal.
        assert seal_audit(engine, tenant, at=AT + timedelta(days=2)) == second
        act("third")
        key = public_pem(signing_key(tenant.key.signing_seed()))
        with engine.connect() as connection:
            lines = list(export_audit(connection))
            found = verify_audit(connection, keys=[key])
        assert found == verify_copy(lines, keys=[key])
        assert (found.breaks, found.entries, found.sealed) == ((), len(lines), second)
        forged = [line.replace('"first"', '"frist"') for line in lines]
        assert verify_copy(afresh(forged)).breaks == ()
        assert verify_copy(afresh(forged), keys=[key]).breaks == (
            Break(first + 1, "forged"),
            Break(second + 1, "forged"),
        )
        # Whatever letter of the copy is changed, under the seal or behind it.
        draw, text = random.Random(1), "".join(lines)
        for _ in range(300):
            at = draw.randrange(len(text) - 1)
            changed = text[:at] + draw.choice('0a{[."') + text[at + 1 :]
            if changed == text:
                continue
            with suppress(NotAnAuditCopy):
                assert verify_copy(changed.splitlines(), keys=[key]).breaks, (at, text[at])
        with engine.begin() as connection:
            a = tables.audit
            last = connection.scalar(select(a.c.seq).order_by(a.c.seq.desc()).limit(1))
            connection.execute(update(a).where(a.c.seq == last).values(actor="ops-8"))
            assert verify_audit(connection, keys=[key]).breaks == (Break(last, "changed"),)


@pytest.mark.parametrize("line", ["", "{}", "[]", '{"seq": "1"}', "\x00"])
def test_what_is_no_copy_is_told_by_its_line(line: str) -> None:
    with pytest.raises(NotAnAuditCopy) as told:
        verify_copy([line])
    assert "第 1 行" in told.value.message_zh


def test_a_seal_is_stamped_by_an_authority_and_the_timestamp_holds_on_a_copy(tmp_path: Path) -> None:
    with stamping() as authority:
        certificate = authority.root.decode()
        stated = f'[timestamp]\nurl = "{authority.url}"\ncertificate = """\n{certificate}"""\n\n[policy]'
        with opened(tmp_path, ("[policy]", stated)) as house:
            engine, tenant = house.engine, house.tenant
            assert stamp_audit(engine, tenant, at=AT) is None
            first = seal_audit(engine, tenant, at=AT)
            assert stamp_audit(engine, tenant, at=AT) is None
            assert stamp_audit(engine, tenant, at=AT) is None
            # A day on which only a timestamp was added needs no seal.
            assert seal_audit(engine, tenant, at=AT + timedelta(days=1)) == first
            key = public_pem(signing_key(tenant.key.signing_seed()))
            with engine.connect() as connection:
                lines = list(export_audit(connection))
    assert sum('"audit.stamped"' in line for line in lines) == 1
    found = verify_copy(lines, keys=[key], roots=[authority.root])
    assert (found.breaks, found.stamped) == ((), first)
    assert found.stamped_at is not None
    # Whoever holds the institution's key can seal another history, but not have it stamped earlier.
    forger = signing_key(tenant.key.signing_seed())
    rows, head = [], GENESIS
    for line in lines:
        row = json.loads(line)
        if row["action"] == "tenant.import":
            row["actor"] = "somebody else"
        if row["action"] == SEALED:
            statement = seal_statement(row["object_id"], row["details"]["day"], row["seq"] - 1, head)
            row["details"]["signature"] = forger.sign(statement).hex()
        head = link(head, AuditEntry(**{name: value for name, value in row.items() if name != "hash"}))
        rows.append(json.dumps(row | {"hash": head}))
    assert verify_copy(rows, keys=[key]).breaks == ()
    assert [each.kind for each in verify_copy(rows, keys=[key], roots=[authority.root]).breaks] == ["forged"]
    # An authority that nobody trusts says nothing.
    with stamping() as stranger:
        assert verify_copy(lines, keys=[key], roots=[stranger.root]).stamped == 0


def test_an_authority_that_does_not_answer_is_a_task_until_it_does(tmp_path: Path) -> None:
    with stamping() as authority:
        certificate = authority.root.decode()
    stated = f'[timestamp]\nurl = "{authority.url}"\ncertificate = """\n{certificate}"""\n\n[policy]'
    with opened(tmp_path, ("[policy]", stated)) as house:
        seal_audit(house.engine, house.tenant, at=AT)
        assert stamp_audit(house.engine, house.tenant, at=AT) is not None
        t = tables.task.c
        assert rows_of(house, t.kind, t.object_id, state="open") == [("audit_unstamped", house.tenant.id)]
