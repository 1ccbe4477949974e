"""A second carrier, by files: the same ledger, the same desk, from the order to the grade."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from posted import BATCH, BOTH, EVERY_TIME, POSTED, RUN, TENANT, after
from sqlalchemy import Engine, select, update

from songda.base import days
from songda.carriers import FileContract, Party, PostingFiles, open_posting_files
from songda.dispatch import (
    cancel_waybills,
    follow,
    hand_over,
    order_waybills,
    pull_pieces,
    settle,
    take_tracking_files,
)
from songda.sim.carrier import Counter
from songda.store import tables
from songda.vault import DataKey

NOON = days.at(POSTED.date(), 12)
SENDER = Party(
    name="青石律师事务所", prov="上海市", city="上海市", county="黄浦区", address="测试路1号", phone="021-55550000"
)
RANGE = ("XA00000000001", "XA00000009999")
HEAD = "waybill_no,time,code,office,office_name,deliver_code,attempt_code,text"


@pytest.fixture
def contract(tmp_path: Path) -> FileContract:
    return FileContract(folder=tmp_path / "exchange", customer_no="K100", product="挂号信", number_range=RANGE)


@pytest.fixture
def carrier(contract: FileContract) -> Iterator[PostingFiles]:
    with open_posting_files(contract) as files:
        yield files


def ordered(database: Engine, key: DataKey, carrier: PostingFiles, contract: FileContract) -> Any:
    return order_waybills(
        database, batch_id=BATCH, key=key, post=carrier, contract=contract, sender=SENDER, at=NOON, chunk=2
    )


def answer(contract: FileContract, status: Callable[[str], tuple[str, str]]) -> None:
    """The carrier's acknowledgement of every list that was not acknowledged yet."""
    rows = []
    for file in sorted((contract.folder / "out").glob("*.csv")):
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        for row in csv.DictReader(io.StringIO(file.read_text("utf-8"))):
            rows.append(",".join((file.name, digest, row["order_no"], row["waybill_no"], *status(row["order_no"]))))
        file.unlink()
    text = "\n".join(["list,sha256,order_no,waybill_no,status,code", *rows]) + "\n"
    name = f"ack-{hashlib.sha256(text.encode()).hexdigest()[:8]}.csv"
    (contract.folder / "in" / name).write_text(text, "utf-8")


def column(database: Engine, table: str, *names: str) -> list[Any]:
    t = tables.metadata.tables[table]
    (first,) = t.primary_key.columns
    with database.connect() as connection:
        rows = connection.execute(select(*(t.c[name] for name in names)).order_by(first)).all()
    return [row[0] if len(names) == 1 else tuple(row) for row in rows]


def accepted(_: str) -> tuple[str, str]:
    return "accepted", ""


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_a_letter_goes_from_the_list_to_the_grade(
    database: Engine, key: DataKey, fill: Callable[..., None], carrier: PostingFiles, contract: FileContract
) -> None:
    fill(5)
    first = ordered(database, key, carrier, contract)
    assert (first.ordered, first.unresolved, first.waiting, first.trouble) == (0, 5, 0, None)
    again = ordered(database, key, carrier, contract)
    assert (again.ordered, again.unresolved) == (0, 5)
    assert column(database, "task", "kind") == []

    answer(contract, accepted)
    taken = ordered(database, key, carrier, contract)
    assert (taken.ordered, taken.unresolved) == (5, 0)
    assert column(database, "intent", "state") == ["answered"] * 5
    assert len(list((contract.folder / "out").glob("*.csv"))) == 0

    with database.begin() as connection:
        connection.execute(update(tables.piece).values(state="enveloped"))
        connection.execute(update(tables.run).values(state="balanced"))
    numbers = hand_over(database, run_id=RUN, at=POSTED).waybills
    lines = [f"{number},{after(2):%Y-%m-%d %H:%M:%S},704,31000100,西湖投递部,10,," for number in numbers]
    (contract.folder / "in" / "track-1.csv").write_text(
        "\n".join([HEAD, *lines, "XA99999999999,x,203,,,,,"]) + "\n", "utf-8"
    )
    report = take_tracking_files(database, tenant_id=TENANT, key=key, files=carrier, at=after(3))
    assert (report.files, report.news, report.unknown, report.malformed) == (1, 5, 0, 1)
    settle(database, tenant_id=TENANT, at=after(3))
    assert column(database, "attempt", "state", "provisional_grade") == [("reported", "A1")] * 5

    asked = follow(database, tenant_id=TENANT, key=key, post=carrier, at=after(3), deadlines=EVERY_TIME)
    assert (asked.asked, asked.unknown, asked.news) == (5, 0, 0)


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_letters_at_a_counter_end_as_they_ordered(
    database: Engine,
    key: DataKey,
    fill: Callable[..., None],
    carrier: PostingFiles,
    contract: FileContract,
    encoding: str,
) -> None:
    magic = {1: "0001", 2: "0743", 3: "0708", 4: "0747", 5: "9001", 6: "0014"}
    fill(6)
    order_outcomes(database, key, magic)
    ordered(database, key, carrier, contract)
    counter = Counter(contract.folder, encoding=encoding)
    assert counter.acknowledge() == 6
    report = ordered(database, key, carrier, contract)
    assert (report.ordered, report.refused) == (5, 1)

    with database.begin() as connection:
        connection.execute(update(tables.piece).where(tables.piece.c.state == "queued").values(state="enveloped"))
        connection.execute(update(tables.run).values(state="balanced"))
    assert counter.hand_over(hand_over(database, run_id=RUN, at=POSTED).waybills, at=POSTED) == []
    for day in (1, 3, 5, 8, 13, 21):
        counter.tell(to=after(day))
        take_tracking_files(database, tenant_id=TENANT, key=key, files=carrier, at=after(day))
        settle(database, tenant_id=TENANT, at=after(day))
    assert dict(column(database, "attempt", "id", "grade")) == {
        "att_001": "A1",
        "att_002": "A2",
        "att_003": "E",
        "att_004": "C",
        "att_005": None,
        "att_006": "D",
    }


def order_outcomes(database: Engine, key: DataKey, magic: dict[int, str]) -> None:
    """Gives the letters the mobiles by which they order their outcome."""
    p = tables.person.c
    with database.begin() as connection:
        for number, digits in magic.items():
            person = f"per_{number:03d}"
            sealed = connection.scalar(select(p.sealed).where(p.id == person))
            record = json.loads(key.unseal(sealed, context=f"person:{person}")) | {"phones": [f"1990000{digits}"]}
            again = key.seal(json.dumps(record).encode(), context=f"person:{person}")
            connection.execute(update(tables.person).where(p.id == person).values(sealed=again))


def test_a_file_whose_removal_was_cut_off_is_not_taken_twice(
    house: Any, carrier: PostingFiles, contract: FileContract, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.posted(1)
    (number,) = house.rows("piece", "waybill_no")
    line = f"{number},{after(1):%Y-%m-%d %H:%M:%S},203,,,,,"
    (contract.folder / "in" / "track-1.csv").write_text(f"{HEAD}\n{line}\n", "utf-8")

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(PostingFiles, "taken", killed)
        with pytest.raises(KeyboardInterrupt):
            take_tracking_files(house.database, tenant_id=TENANT, key=house.key, files=carrier, at=after(2))
    assert (contract.folder / "in" / "track-1.csv").exists()
    report = take_tracking_files(house.database, tenant_id=TENANT, key=house.key, files=carrier, at=after(2))
    assert (report.files, report.news) == (0, 0)
    assert not (contract.folder / "in" / "track-1.csv").exists()
    assert len(house.rows("fact", "id")) == 1
    assert len([stage for stage in house.rows("decision", "stage") if stage == "carrier_file"]) == 1


def test_a_rejected_line_pulls_its_piece_and_holds_its_letter(
    database: Engine, key: DataKey, fill: Callable[..., None], carrier: PostingFiles, contract: FileContract
) -> None:
    fill(2)
    ordered(database, key, carrier, contract)
    answer(contract, lambda order_no: ("rejected", "K07") if "001" in order_no else ("accepted", ""))
    report = ordered(database, key, carrier, contract)
    assert (report.ordered, report.refused, report.unresolved) == (1, 1, 0)
    assert column(database, "piece", "state") == ["pulled", "queued"]
    assert column(database, "letter", "state") == ["held", "active"]
    assert ("order_refused", "K07") in column(database, "task", "kind", "reason")


def test_a_pulled_piece_is_withdrawn_from_the_list(
    database: Engine, key: DataKey, fill: Callable[..., None], carrier: PostingFiles, contract: FileContract
) -> None:
    fill(1)
    ordered(database, key, carrier, contract)
    answer(contract, accepted)
    ordered(database, key, carrier, contract)
    pull_pieces(database, {"pie_001": "gate_hand_over"}, at=NOON, actor="rules")
    assert cancel_waybills(database, tenant_id=TENANT, post=carrier, at=NOON).left == 1
    answer(contract, lambda _: ("withdrawn", ""))
    assert cancel_waybills(database, tenant_id=TENANT, post=carrier, at=NOON).cancelled == 1
