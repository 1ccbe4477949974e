"""An invented institution with cases that may be called about, written straight into the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from importlib import resources
from itertools import count
from typing import Any

from sqlalchemy import Engine, insert

from songda.base import days, ids
from songda.contacts import Answer, Ask
from songda.flow.contact_facts import case_id_of
from songda.flow.contacts import ask_permit
from songda.flow.sealed import seal_case, seal_person
from songda.flow.tenants import Tenant, import_tenant
from songda.store import tables
from songda.vault import LocalMasterKey, MasterKey

#: A Thursday without a holiday.
DAY = date(2026, 11, 26)
NOON = days.at(DAY, 12)
SCRIPT = "您好，我是云溪示例消费金融的工号 1024，想与您核对账单。"
CONTACT = {"ordinal": 1, "name": "李示例", "phone": "16500000001", "relation": "friend", "named_by": "named_by_debtor"}


@dataclass
class Desk:
    engine: Engine
    master: MasterKey
    tenant: Tenant
    _keys: Any = field(default_factory=lambda: count(1))

    def case(self, n: int | None = None, **changes: Any) -> str:
        """Case number of a new case of person n, or of somebody new."""
        n = 1000 + next(self._keys) if n is None else n
        number = f"AJ-{n}-{next(self._keys)}"
        key, case_id = self.tenant.key, case_id_of(self.tenant, number)
        person_id, contacts = f"per_{n}", changes.pop("contacts", [CONTACT])
        lookup = key.blind_index("case_no", number)
        sealed = seal_case(key, case_id, {"case_no": number, "contract_no": "", "product_name": ""}, contacts)
        row = {
            "role": "debtor",
            "state": "open",
            "dispute_open": False,
            "debtor_state": "normal",
            "debtor_flags": [],
            "assigned": False,
            "credit_notice_given": True,
            "overdue_since": date(2025, 9, 1),
            "annual_cost": 0.15,
            "principal_fen": 2_000_000,
            "interest_fen": 0,
            "penalty_fen": 0,
            "fees_fen": 0,
        }
        with self.engine.begin() as connection:
            known = connection.execute(tables.person.select().where(tables.person.c.id == person_id)).first()
            if known is None:
                record = {"name": "赵示例", "id_number": "", "phones": [f"164{n:08d}", f"165{n:08d}"], "addresses": {}}
                own = {"tenant_id": self.tenant.id, "lookup": key.blind_index("id_number", str(n)), "version": 0}
                own |= {"sealed": seal_person(key, person_id, record), "birth_year": 1990, "state": "active"}
                connection.execute(insert(tables.person), own | {"id": person_id})
            fixed = {"id": case_id, "tenant_id": self.tenant.id, "batch_id": "bat_1", "person_id": person_id}
            fixed |= {"row_no": 2, "lookup": lookup, "sealed": sealed}
            connection.execute(insert(tables.case), fixed | row | changes)
        return number

    def ask(self, case_no: str, *, at: datetime = NOON, **changes: Any) -> Answer:
        return ask_permit(self.engine, self.tenant, self.question(case_no, **changes), at=at)

    def question(self, case_no: str, **changes: Any) -> Ask:
        usual: dict[str, Any] = {"key": f"k{next(self._keys)}", "actor": "institution", "channel": "call"}
        usual |= {"purpose": "demand", "phone": 1, "mode": "interactive", "script": SCRIPT}
        usual |= {"identifies_self": True, "recording": True, "no_extra_fee": True}
        return Ask(**usual | {"case_no": case_no} | changes)


def signed_letter(desk: Desk, case_no: str, *, at: datetime, grade: str = "A1") -> str:
    """Number of a posted letter about the case that was signed for at that instant, as the fold has written it down."""
    case_id, letter_no = case_id_of(desk.tenant, case_no), f"YX2026-{ids.new('n')[-12:]}"
    letter_id, attempt_id, record_id = ids.new("ltr"), ids.new("att"), ids.new("adr")
    person_id = f"per_{case_no.split('-')[1]}"
    life = {"version": 0, "state": "active"}
    letter = {"id": letter_id, "tenant_id": desk.tenant.id, "batch_id": "bat_1", "person_id": person_id}
    letter |= life | {"kind": "reminder", "amount_fen": 1, "letter_no": letter_no}
    attempt = {"id": attempt_id, "letter_id": letter_id, "n": 1, "place": "p", "address_record_id": record_id}
    attempt |= life | {"state": "reported", "posted_on": at.date()}
    said = {"id": ids.new("dec"), "object_id": attempt_id, "stage": "outcome", "outcome": f"signed:{grade}"}
    said |= {"inputs_sha256": "", "reasons": [], "on_day": at.date()}
    said |= {"versions": {"mapping": "m", "facts": 1, "at": at.isoformat()}}
    with desk.engine.begin() as connection:
        record = {"id": record_id, "person_id": person_id, "case_id": case_id, "ordinal": 9}
        connection.execute(insert(tables.address_record), record)
        connection.execute(insert(tables.letter), letter)
        connection.execute(insert(tables.letter_case), {"letter_id": letter_id, "case_id": case_id})
        connection.execute(insert(tables.attempt), attempt)
        connection.execute(insert(tables.decision), said)
    return letter_no


def open_desk(engine: Engine, master: MasterKey | None = None) -> Desk:
    text = resources.files("songda.sim").joinpath("tenant.toml").read_text(encoding="utf-8")
    usual = (("@endpoint@", "https://carrier.invalid/open"), ("@sender_no@", "1"), ("@product@", "1"))
    for old, new in usual:
        assert old in text, old
        text = text.replace(old, new)
    master = master or LocalMasterKey(bytes(range(32)))
    tenant = import_tenant(engine, master, name="bank", profile_toml=text, at=NOON, actor="test")
    batch = {"id": "bat_1", "tenant_id": tenant.id, "file_sha256": ids.new("x"), "as_of": DAY, "state": "received"}
    with engine.begin() as connection:
        connection.execute(insert(tables.batch), batch | {"version": 0})
    return Desk(engine, master, tenant)
