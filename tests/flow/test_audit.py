"""The chain of a real record: sealed once a day by its institution, verified on a copy with nothing but its public key."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from bank import opened
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
from songda.sim.case_rows import AT
from songda.store import tables
from songda.vault.audit import GENESIS, AuditEntry, Break, link


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
