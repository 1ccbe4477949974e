"""An exchange by files: what is sent appears whole and once, what comes is taken once, and a kill loses nothing."""

from __future__ import annotations

import csv
import hashlib
import io
import sqlite3

import pytest

from songda.base import days
from songda.carriers import (
    Awaited,
    BadContract,
    Cancelled,
    FileContract,
    Ordered,
    PostingFiles,
    Refused,
    load_mapping,
    open_posting_files,
    read_words,
    to_fact,
)

RANGE = ("XA00000000001", "XA00000009999")


@pytest.fixture
def contract(tmp_path):
    return FileContract(folder=tmp_path / "exchange", customer_no="K100", product="挂号信", number_range=RANGE)


@pytest.fixture
def carrier(contract):
    with open_posting_files(contract) as files:
        yield files


def number(n):
    return f"XA{n:011d}"


def orders(make_order, *numbers):
    return [make_order(f"att-{n}-1", waybill_no=number(n)) for n in numbers]


def sent(contract):
    return sorted((contract.folder / "out").iterdir())


def deliver(contract, name, text, encoding="utf-8"):
    """As the carrier's side does it: under another name first."""
    partial = contract.folder / "in" / f".{name}.tmp"
    partial.write_bytes(text.encode(encoding))
    partial.rename(contract.folder / "in" / name)


def acknowledge(contract, *lines, name="ack-1.csv", digest=None):
    (file,) = sent(contract)[:1]
    digest = digest or hashlib.sha256(file.read_bytes()).hexdigest()
    rows = [f"{file.name},{digest},att-{n}-1,{number(n)},{status},{code}" for n, status, code in lines]
    deliver(contract, name, "\n".join(["list,sha256,order_no,waybill_no,status,code", *rows]) + "\n")


def tracking(*lines):
    head = "waybill_no,time,code,office,office_name,deliver_code,attempt_code,text"
    return "\n".join([head, *lines]) + "\n"


def test_orders_stand_on_one_list_and_are_awaited(contract, carrier, make_order):
    answers = dict(carrier.order_many(orders(make_order, 1, 2)))
    assert all(isinstance(answer, Awaited) and answer.sent for answer in answers.values())
    (file,) = sent(contract)
    assert file.name == f"posting-{days.now():%Y%m%d}-0001.csv"
    assert file.stat().st_mode & 0o777 == 0o600
    rows = list(csv.DictReader(io.StringIO(file.read_text("utf-8"))))
    assert [(row["order_no"], row["waybill_no"], row["product"]) for row in rows] == [
        ("att-1-1", number(1), "挂号信"),
        ("att-2-1", number(2), "挂号信"),
    ]
    assert rows[0]["item"] == "函件 第LH2026-000123号 1份"


def test_an_order_asked_for_again_is_not_listed_again(contract, carrier, make_order):
    list(carrier.order_many(orders(make_order, 1)))
    answers = dict(carrier.order_many(orders(make_order, 1, 2)))
    assert {type(answer) for answer in answers.values()} == {Awaited}
    listed = [
        row["order_no"] for file in sent(contract) for row in csv.DictReader(io.StringIO(file.read_text("utf-8")))
    ]
    assert listed == ["att-1-1", "att-2-1"]


def test_an_acknowledgement_answers_each_line_once_and_for_all(contract, carrier, make_order):
    list(carrier.order_many(orders(make_order, 1, 2, 3)))
    acknowledge(contract, (1, "accepted", ""), (2, "rejected", "K07"))
    answers = dict(carrier.order_many(orders(make_order, 1, 2, 3)))
    assert answers["att-1-1"] == Ordered(order_no="att-1-1", waybill_no=number(1))
    assert answers["att-2-1"] == Refused(code="K07", message="")
    assert isinstance(answers["att-3-1"], Awaited)
    traces = dict(carrier.trace_many([number(1), number(2)]))
    assert (traces[number(1)].known, traces[number(2)].known) == (True, False)
    assert not carrier.trace(number(2)).known
    assert not carrier.trace(number(9)).known
    with pytest.raises(Awaited):
        carrier.trace(number(3))

    acknowledge(contract, (1, "rejected", "late"), name="ack-2.csv")
    assert carrier.trace(number(1)).known


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("list,sha256,order_no,waybill_no,status\n", "no column code"),
        ("list,sha256,order_no,waybill_no,status,code\nother.csv,0,att-1-1,x,accepted,\n", "unknown list"),
        ("list,sha256,order_no,waybill_no,status,code\nLIST,00,att-1-1,x,accepted,\n", "hash differs"),
        ("list,sha256,order_no,waybill_no,status,code\nLIST,HASH,att-1-1,x,perhaps,\n", "unknown status"),
        ("list,sha256,order_no,waybill_no,status,code\nLIST,HASH,att-1-1\n", "other fields"),
        ('list,sha256,order_no,waybill_no,status,code\n"LIST,HASH\n', "not CSV"),
    ],
)
def test_an_acknowledgement_of_something_else_is_put_aside_with_its_reason(
    contract, carrier, make_order, content, reason
):
    list(carrier.order_many(orders(make_order, 1)))
    (file,) = sent(contract)
    content = content.replace("LIST", file.name).replace("HASH", hashlib.sha256(file.read_bytes()).hexdigest())
    deliver(contract, "ack-bad.csv", content)
    with pytest.raises(Awaited):
        carrier.trace(number(1))
    (aside,) = (contract.folder / "in" / "refused").iterdir()
    assert aside.read_text("utf-8") == content
    with sqlite3.connect(contract.folder / "exchange.db") as ledger:
        ((told,),) = ledger.execute("SELECT reason FROM file WHERE kind = 'refused'").fetchall()
    assert reason in told


def test_a_line_about_another_letter_changes_nothing(contract, carrier, make_order):
    list(carrier.order_many(orders(make_order, 1, 2)))
    (file,) = sent(contract)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    row = f"{file.name},{digest},att-1-1,{number(2)},accepted,"
    deliver(contract, "ack-1.csv", f"list,sha256,order_no,waybill_no,status,code\n{row}\n")
    with pytest.raises(Awaited):
        carrier.trace(number(1))


def test_tracking_files_come_as_neutral_events_and_are_taken_once(contract, carrier):
    text = tracking(
        f"{number(1)},2026-11-26 11:00:00,704,31001201,西湖投递部,10,,您的快件已签收【本人，，】快递员【方志远，13900001234】",
        f"{number(1)},2026-11-25 08:00:00,203,,,,,",
        f"{number(2)},never,203,,,,,",
    )
    deliver(contract, "track-1.csv", text, encoding="gb18030")
    (file,) = carrier.tracking_files()
    assert file.malformed == 1
    (trace,) = file.traces
    assert [to_fact(event, load_mapping()) for event in trace.events] == ["signed_self", "accepted"]
    assert "方志远" not in repr(trace)
    assert [read_words(words, waybill_no=number(1), addressee=None) for words in trace.words] == list(trace.events)

    # Not taken yet: it comes again. Taken: neither it nor a copy of it does.
    assert len(list(carrier.tracking_files())) == 1
    carrier.taken(file, at=days.now())
    deliver(contract, "track-2.csv", text, encoding="gb18030")
    assert list(carrier.tracking_files()) == []
    assert list((contract.folder / "in").glob("track-*")) == []


def test_a_file_that_is_still_being_written_is_left(contract, carrier):
    deliver(contract, "track-1.csv", tracking(f"{number(1)},2026-11-25 08:00:00,203,,,,,").rstrip("\n"))
    assert list(carrier.tracking_files()) == []
    assert (contract.folder / "in" / "track-1.csv").exists()


def test_files_of_other_names_are_not_opened(contract, carrier):
    for name in ("track-../x.csv".replace("/", "_"), "notes.csv", "track-1.csv.part"):
        deliver(contract, name, "x\n")
    assert list(carrier.tracking_files()) == []


def test_codes_of_the_carriers_own_carry_its_prefix(tmp_path):
    contract = FileContract(folder=tmp_path / "x", customer_no="K", product="P", number_range=RANGE, code_prefix="abc:")
    with open_posting_files(contract) as carrier:
        deliver(contract, "track-1.csv", tracking(f"{number(1)},2026-11-26 11:00:00,704,,,10,,"))
        (file,) = carrier.tracking_files()
    assert file.traces[0].events[0].op_code == "abc:704"
    assert to_fact(file.traces[0].events[0], load_mapping()) is None


def test_a_withdrawal_is_asked_once_and_answered_by_the_acknowledgement(contract, carrier, make_order):
    list(carrier.order_many(orders(make_order, 1, 2)))
    for _ in range(2):
        for n in (1, 2):
            with pytest.raises(Awaited):
                carrier.cancel(order_no=f"att-{n}-1", waybill_no=number(n), reason="封件未交寄")
    assert sum(file.name.startswith("withdrawal-") for file in sent(contract)) == 2
    acknowledge(contract, (1, "withdrawn", ""), (2, "kept", "K09"))
    assert isinstance(carrier.cancel(order_no="att-1-1", waybill_no=number(1), reason="x"), Cancelled)
    assert carrier.cancel(order_no="att-2-1", waybill_no=number(2), reason="x").code == "K09"
    assert carrier.cancel(order_no="att-9-1", waybill_no=number(9), reason="x").code == "not_listed"


@pytest.mark.parametrize("entered", [True, False])
def test_a_kill_between_writing_and_sending_finishes_the_list_or_forgets_it(contract, make_order, monkeypatch, entered):
    """The rename, or already the entry in the ledger, does not happen."""
    carrier = PostingFiles(contract)

    def killed(*_):
        raise KeyboardInterrupt

    target = ("pathlib.Path.replace", killed) if entered else ("songda.carriers.exchange.Exchange._transaction", killed)
    with monkeypatch.context() as patch:
        patch.setattr(*target)
        with pytest.raises(KeyboardInterrupt):
            list(carrier.order_many(orders(make_order, 1)))
    carrier.close()
    with open_posting_files(contract) as after:
        assert [file.name for file in sent(contract)] == ([f"posting-{days.now():%Y%m%d}-0001.csv"] if entered else [])
        list(after.order_many(orders(make_order, 1)))
        assert len(sent(contract)) == 1


def test_no_person_is_in_the_exchanges_ledger(contract, carrier, make_order):
    list(carrier.order_many(orders(make_order, 1)))
    carrier.close()
    stored = b"".join(path.read_bytes() for path in contract.folder.glob("exchange.db*"))
    for text in ("柳如烟", "13900000000", "文一路"):
        assert text.encode() not in stored


@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({"product": ""}, "product"),
        ({"number_range": None}, "number_range"),
        ({"number_range": (RANGE[1], RANGE[0])}, "number_range"),
        ({"code_prefix": "Abc"}, "code_prefix"),
    ],
)
def test_setting_that_cannot_be_used_is_refused_by_name(tmp_path, changes, setting):
    good = {"folder": tmp_path, "customer_no": "K", "product": "P", "number_range": RANGE}
    with pytest.raises(BadContract) as error:
        FileContract(**good | changes)
    assert error.value.data["setting"] == setting
