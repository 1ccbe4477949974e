"""A run at the factory: the stand-in inserter works on its real files, and nothing leaves in a wrong envelope."""

from __future__ import annotations

import base64
import csv
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import paramiko
import pyrage
import pytest
import pyzipper
from bank import letters, opened, rows_of, signed, taken_in
from sqlalchemy import update

from program import songda
from songda.base import days
from songda.base.errors import SongdaError
from songda.cli.drill import join, open_stand_in
from songda.dispatch import PiecesInThePile, unanswered
from songda.flow import delivery, factory
from songda.flow.assemble import assemble
from songda.flow.delivery import FactoryUnreachable, FolderNotEmpty, parse_sftp
from songda.flow.factory import WrongRunState
from songda.flow.handoff import (
    OtherManifest,
    ask_for_receipts,
    confirm_deletion,
    hand_off,
    in_clear,
    to_age_key,
    to_zip,
)
from songda.flow.inserter import answers_csv, balance, divert_csv, reprints, take_output
from songda.flow.plant import read_plant
from songda.flow.post import Carrier, order, post_run
from songda.flow.preflight import preflight_run
from songda.flow.press import lock_run, open_file, read_manifest
from songda.flow.produce import produce
from songda.flow.run import House
from songda.flow.run_key import RunKeyDestroyed
from songda.flow.stop import stop_letter
from songda.letters import Omr, Outcome, output_csv, read_inserter
from songda.sim.case_rows import AT, DAY, case_row, write_rows
from songda.sim.factory import Factory, Faults, read_sheets
from songda.sim.sftp import SftpServer, new_identity
from songda.store import tables

DEBTORS = 8


@dataclass
class Plant:
    house: House
    batch: str
    carrier: Carrier
    run_id: str

    def outcome(self, piece: int, result: Any, weight_g: float | None = 13.0, sheets: int | None = 1) -> Outcome:
        good = result == "good"
        return Outcome(0, 1, piece, result, sheets if good else None, weight_g if good else None, "")

    def accept(self, *outcomes: Outcome) -> list[str]:
        return [each.code for each in self.take(output_csv(outcomes))]

    def take(self, text: str) -> Any:
        return take_output(self.house.engine, self.house.tenant, text.encode(), home=self.house.home, at=AT).answers

    def states(self, run_id: str | None = None) -> dict[int, str]:
        p = tables.piece.c
        return {row.seq: row.state for row in rows_of(self.house, p.seq, p.state, run_id=run_id or self.run_id)}

    def count(self, *, write_off: bool = False) -> Any:
        return balance(self.house.engine, self.house.tenant, self.run_id, at=AT, write_off=write_off)

    def all_good(self, *but: int) -> list[Outcome]:
        sheets = {row.seq: row.sheets for row in read_manifest(self.house.home, self.run_id).pieces}
        return [self.outcome(seq, "good", 8 + 4.99 * n, n) for seq, n in sheets.items() if seq not in but]

    def divert_file(self) -> str:
        with self.house.engine.connect() as connection:
            return divert_csv(unanswered(connection, self.run_id))

    def post(self) -> Any:
        return post_run(self.house.engine, self.house.tenant, self.run_id, carrier=None, on=DAY, at=AT)

    def next_run(self) -> str:
        run_id = assemble(self.house.engine, self.house.tenant, self.batch, on=DAY, at=AT)
        assert run_id is not None
        order(self.house.engine, self.house.tenant, self.batch, carrier=self.carrier, at=AT)
        lock_run(self.house.engine, self.house.tenant, run_id, home=self.house.home, at=AT)
        return run_id


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a house with an acknowledged run of eight letters, to be copied."""
    folder = tmp_path_factory.mktemp("locked") / "house"
    folder.mkdir()
    rows = [case_row(n, n, 剩余本金=str(20000 + n), 放款金额="60000") for n in range(DEBTORS)]
    with at_work(folder) as (house, carrier):
        batch = taken_in(house, write_rows(folder / "cases.csv", *rows))
        signed(house, batch)
        produce(house.engine, house.tenant, batch, home=house.home, workers=1, at=AT)
        plant = Plant(house, batch, carrier, "")
        plant.run_id = plant.next_run()
        hash_ = read_manifest(house.home, plant.run_id).run_sha256
        factory.acknowledge(house.engine, plant.run_id, manifest_sha256=hash_, at=AT)
    return folder


@contextmanager
def at_work(folder: Path) -> Iterator[tuple[House, Carrier]]:
    with (
        opened(folder) as house,
        open_stand_in(house, seed=1, starts_at=days.at(DAY, 8)) as post,
        join(post) as carrier,
    ):
        yield house, carrier


@pytest.fixture
def plant(locked: Path, tmp_path: Path) -> Iterator[Plant]:
    shutil.copytree(locked, tmp_path / "house")
    with at_work(tmp_path / "house") as (house, carrier):
        r = tables.run.c
        (run,) = rows_of(house, r.id, r.batch_id, state="acknowledged")
        yield Plant(house, run.batch_id, carrier, run.id)


def test_41_a_file_may_come_in_parts_and_twice(plant: Plant) -> None:
    """41. The inserter's output file arrives twice or in parts: nothing is counted twice, nothing is lost."""
    first, second = plant.all_good()[:5], plant.all_good()[5:]
    assert plant.accept(*first) == ["taken"] * 5
    assert plant.accept(*first) == ["repeated"] * 5
    assert plant.count().difference == DEBTORS - 5
    assert plant.accept(*second) == ["taken"] * (DEBTORS - 5)
    counted = plant.count()
    assert (counted.difference, counted.state, counted.reprint) == (0, "balanced", None)


def test_41_what_nobody_knows_is_answered_line_by_line(plant: Plant) -> None:
    """41. The inserter's output file is about an unknown run: each line is answered, and the ledger stays as it is."""
    before = plant.states()
    strange = output_csv([plant.outcome(99, "spoiled"), plant.outcome(1, "good")._replace(job=7)])
    text = strange + "1,x,good,1,13,\r\n1,2,good,,13,\r\n"
    taken = take_output(plant.house.engine, plant.house.tenant, text.encode(), home=plant.house.home, at=AT)
    assert [(each.line, each.code) for each in taken.answers] == [(2, "unknown_piece"), (3, "unknown_job")]
    assert [(each.line, each.column) for each in taken.refused] == [(4, "piece"), (5, "sheets")]
    assert plant.states() == before
    answers = answers_csv(taken)
    assert "没有该作业号的打印批次" in answers
    kept = list((plant.house.home / "runs" / plant.run_id / "reports").glob("*.answers.csv"))
    assert [path.read_text("utf-8-sig") for path in kept] == [answers.replace("\r\n", "\n")]


def test_44_a_weight_or_a_count_that_is_off_takes_the_piece_aside_until_somebody_has_looked(plant: Plant) -> None:
    """44. A weight outside the tolerance diverts the piece although its codes are right."""
    one, two, *rest = plant.all_good()
    heavy = one._replace(weight_g=(one.weight_g or 0) + 4.99)
    short = two._replace(sheets=(two.sheets or 0) + 1)
    assert plant.accept(heavy, short, *rest) == ["weight", "sheets", *["taken"] * (DEBTORS - 2)]
    assert [plant.states()[1], plant.states()[2]] == ["diverted", "diverted"]
    assert plant.count().state == "printing"
    assert plant.accept(one, plant.outcome(2, "spoiled")) == ["taken", "taken"]
    counted = plant.count()
    assert counted.state == "balanced"
    with plant.house.engine.connect() as connection:
        (again,) = reprints(connection, plant.run_id)
    assert (again.seq, again.reason, again.job, again.state) == (2, "spoiled", 2, "queued")


def test_42_three_pieces_unknown_after_a_jam_keep_the_run_open_until_each_is_found_or_made_anew(plant: Plant) -> None:
    """42. Jam: three pieces unknown, so the run cannot close; two are found good, one is made anew: zero difference."""
    plant.accept(*plant.all_good(2, 3, 4))
    counted = plant.count()
    assert (counted.difference, counted.state) == (3, "printing")
    with pytest.raises(Exception, match="RunNotReady"):
        plant.post()
    found = [each for each in plant.all_good() if each.piece in (2, 4)]
    assert plant.accept(*found, plant.outcome(3, "spoiled")._replace(reason="jam")) == ["taken"] * 3
    counted = plant.count()
    assert (counted.difference, counted.state) == (0, "balanced")
    assert counted.reprint is not None
    assert plant.states(counted.reprint) == {1: "queued"}
    assert plant.post().posted == DEBTORS - 1


def test_what_is_missing_keeps_the_run_open_until_it_is_written_off_and_made_anew(plant: Plant) -> None:
    assert plant.accept(plant.outcome(3, "missing"), *plant.all_good(3, 4))[0] == "taken"
    assert plant.count().difference == 2  # one missing, one never reported
    with pytest.raises(Exception, match="RunNotReady"):
        plant.post()
    counted = plant.count(write_off=True)
    assert (counted.difference, counted.state, counted.pieces["spoiled"]) == (0, "balanced", 2)
    # Found after all: its successor is on its way, so it must not go.
    assert plant.accept(*[each for each in plant.all_good() if each.piece == 3]) == ["replaced"]
    with pytest.raises(PiecesInThePile):
        plant.post()
    assert plant.accept(plant.outcome(3, "diverted")) == ["taken_out"]
    assert plant.post().posted == DEBTORS - 2


def test_what_is_missing_is_not_made_anew_when_its_letter_has_turned_up(plant: Plant) -> None:
    """A replacement that the inserter cannot find, of a lost letter that the carrier has found meanwhile."""
    assert plant.accept(plant.outcome(3, "missing"), *plant.all_good(3))[0] == "taken"
    p, n = tables.piece, tables.attempt
    (own,) = [
        row.attempt_id for row in rows_of(plant.house, p.c.seq, p.c.attempt_id, run_id=plant.run_id) if row.seq == 3
    ]
    with plant.house.engine.begin() as connection:
        connection.execute(update(n).where(n.c.id == own).values(state="carried"))
    counted = plant.count(write_off=True)
    assert (counted.difference, counted.state, counted.reprint) == (0, "balanced", None)


def test_45_a_stop_order_reaches_the_inserter_and_the_run_waits_for_its_answer(plant: Plant) -> None:
    """45. Stop order between printing and enveloping: diverted by the inserter, its answer recorded."""
    number = next(each.letter_no for each in letters(plant.house, plant.batch))
    stop_letter(plant.house.engine, plant.house.tenant, number, reason="paid", by="ops-7", at=AT)
    (stopped,) = [seq for seq, state in plant.states().items() if state == "pulled"]
    assert plant.divert_file().splitlines()[1:] == [f"1,{stopped},stop:paid"]
    # The machine was too quick and has put it with the good ones.
    answers = plant.accept(*plant.all_good())
    assert answers.count("stopped") == 1
    assert (plant.count().difference, plant.count().state) == (1, "printing")
    assert plant.accept(plant.outcome(stopped, "diverted")) == ["taken_out"]
    assert plant.count().state == "balanced"
    assert plant.divert_file().splitlines()[1:] == []
    assert plant.post().posted == DEBTORS - 1


def test_a_stop_after_the_balance_holds_the_hand_over(plant: Plant) -> None:
    plant.accept(*plant.all_good())
    assert plant.count().state == "balanced"
    number = next(each.letter_no for each in letters(plant.house, plant.batch))
    stop_letter(plant.house.engine, plant.house.tenant, number, reason="paid", by="ops-7", at=AT)
    with pytest.raises(PiecesInThePile):
        plant.post()
    (stopped,) = [seq for seq, state in plant.states().items() if state == "pulled"]
    plant.accept(plant.outcome(stopped, "diverted"))
    assert plant.post().posted == DEBTORS - 1


def test_a_run_that_was_not_acknowledged_takes_no_results(plant: Plant) -> None:
    plant.accept(plant.outcome(1, "spoiled"), *plant.all_good(1))
    plant.count()
    following = plant.next_run()
    assert plant.accept(plant.outcome(1, "good")._replace(job=2)) == ["not_acknowledged"]
    assert plant.states(following) == {1: "queued"}


def test_the_whole_press_with_a_bad_machine_ends_with_each_letter_once_in_its_own_envelope(plant: Plant) -> None:
    house = plant.house
    faults = Faults(jam=0.1, spoil=0.1, loss=0.1, double_feed=0.1, unread=0.1, unreported=0.1)
    posted: list[str] = []
    for round_ in range(12):
        to = house.home / f"factory{round_}"
        hand_off(house.engine, house.tenant, plant.run_id, home=house.home, to=to, lock=in_clear(), at=AT)
        machine = Factory(faults, seed=round_)
        hash_ = machine.load(to / plant.run_id)
        factory.acknowledge(house.engine, plant.run_id, manifest_sha256=hash_, at=AT)
        answers = plant.take(machine.make(to / plant.run_id).output)
        machine.pull_aside({each.piece for each in answers if each.code in ("weight", "sheets")})
        unreported = {seq for seq, state in plant.states().items() if state == "queued"}
        plant.take(machine.inspect(unreported=unreported))
        assert plant.count(write_off=True).difference == 0
        handed = plant.post()
        for seq, envelope in machine.pile.items():
            sheets = {row.seq: row.sheets for row in read_manifest(house.home, plant.run_id).pieces}[seq]
            assert [(each.piece, each.number) for each in envelope.sheets] == [(seq, n + 1) for n in range(sheets)]
        assert sorted(machine.waybills[seq] for seq in machine.pile) == sorted(handed.waybills)
        posted += handed.waybills
        following = assemble(house.engine, house.tenant, plant.batch, on=DAY, at=AT)
        if following is None:
            break
        plant.run_id = plant.next_run()
    ended = [each.state for each in letters(house, plant.batch)]
    assert len(posted) == len(set(posted)) == ended.count("active")
    assert ended.count("active") + ended.count("held") == DEBTORS


def test_a_factory_that_does_not_confirm_the_deletion_in_a_day_is_a_task_until_it_does(
    plant: Plant, tmp_path: Path
) -> None:
    house, k = plant.house, tables.task.c

    def asked(hours: int) -> list[tuple[str, str]]:
        ask_for_receipts(house.engine, house.tenant.id, at=AT + timedelta(hours=hours))
        return [tuple(row) for row in rows_of(house, k.object_id, k.state, kind="deletion_overdue")]

    hand_off(house.engine, house.tenant, plant.run_id, home=house.home, to=tmp_path, lock=in_clear(), at=AT)
    plant.accept(*plant.all_good())
    plant.count()
    assert asked(48) == []
    plant.post()
    assert asked(23) == []
    assert asked(25) == [(plant.run_id, "open")]
    assert asked(26) == [(plant.run_id, "open")]
    hash_ = read_manifest(house.home, plant.run_id).run_sha256
    confirm_deletion(house.engine, plant.run_id, manifest_sha256=hash_, receipt_sha256=None, home=house.home, at=AT)
    assert asked(27) == [(plant.run_id, "dropped")]


def test_a_run_that_is_given_up_before_printing_goes_to_the_next_one_with_its_waybills(plant: Plant) -> None:
    house, p = plant.house, tables.piece.c
    before = {row.id: row.waybill_no for row in rows_of(house, p.id, p.waybill_no, run_id=plant.run_id)}
    number = next(each.letter_no for each in letters(house, plant.batch))
    stop_letter(house.engine, house.tenant, number, reason="paid", by="ops-7", at=AT)
    factory.abort(house.engine, plant.run_id, at=AT)
    factory.abort(house.engine, plant.run_id, at=AT)
    assert plant.divert_file().splitlines()[1:] == []  # never printed: nothing to take out
    assert plant.accept(plant.outcome(1, "good")) == ["not_acknowledged"]
    given_up, plant.run_id = plant.run_id, plant.next_run()
    after = {row.id: row.waybill_no for row in rows_of(house, p.id, p.waybill_no, run_id=plant.run_id)}
    assert after.items() <= before.items()
    assert len(after) == DEBTORS - 1
    hash_ = read_manifest(house.home, plant.run_id).run_sha256
    factory.acknowledge(house.engine, plant.run_id, manifest_sha256=hash_, at=AT)
    sheets = {row.seq: row.sheets for row in read_manifest(house.home, plant.run_id).pieces}
    good = [plant.outcome(seq, "good", 8 + 4.99 * n, n)._replace(job=2) for seq, n in sheets.items()]
    assert plant.accept(*good) == ["taken"] * len(good)
    with pytest.raises(WrongRunState):
        factory.abort(house.engine, plant.run_id, at=AT)
    assert plant.count().difference == 0
    assert plant.post().posted == DEBTORS - 1
    assert rows_of(house, tables.run.c.state, id=given_up) == [("aborted",)]


def test_the_stand_in_does_the_same_with_codes_off_the_paper_and_off_the_list(plant: Plant, tmp_path: Path) -> None:
    house = plant.house
    hand_off(house.engine, house.tenant, plant.run_id, home=house.home, to=tmp_path, lock=in_clear(), at=AT)
    faults = Faults(jam=0.2, loss=0.2, double_feed=0.2)
    shifts = [Factory(faults, seed=3).make(tmp_path / plant.run_id, paper=paper) for paper in (True, False)]
    assert shifts[0] == shifts[1]


@pytest.mark.parametrize("way", ["age", "zip"])
def test_the_factory_gets_its_files_encrypted_and_the_manifest_last(plant: Plant, way: str, tmp_path: Path) -> None:
    house, identity = plant.house, pyrage.x25519.Identity.generate()
    lock = to_age_key(str(identity.to_public())) if way == "age" else to_zip("only-for-tests")
    names = hand_off(house.engine, house.tenant, plant.run_id, home=house.home, to=tmp_path / "out", lock=lock, at=AT)
    assert names == [f"{name}.{way}" for name in ("run-000001-001.pdf", "inserter.csv", "manifest.json")]
    clear = tmp_path / "clear"
    clear.mkdir()
    for name in names:
        path = tmp_path / "out" / plant.run_id / name
        assert b"%PDF" not in path.read_bytes()[:200]
        if way == "age":
            (clear / name.removesuffix(".age")).write_bytes(pyrage.decrypt(path.read_bytes(), [identity]))
        else:
            with pyzipper.AESZipFile(path) as archive:
                archive.setpassword(b"only-for-tests")
                archive.extractall(clear)
    assert Factory(Faults(), seed=1).load(clear) == read_manifest(house.home, plant.run_id).run_sha256
    sheets = list(read_sheets(clear / "run-000001-001.pdf"))
    assert [each.number for each in sheets if each.piece == 1] == list(range(1, sheets[0].of + 1))


def test_the_carriers_route_codes_give_the_order_of_the_run(plant: Plant) -> None:
    house, i = plant.house, tables.intent
    plant.accept(*(plant.outcome(seq, "spoiled") for seq in (1, 2, 3, 4)), *plant.all_good(1, 2, 3, 4))
    plant.count()
    run_id = assemble(house.engine, house.tenant, plant.batch, on=DAY, at=AT)
    order(house.engine, house.tenant, plant.batch, carrier=plant.carrier, at=AT)
    assert run_id is not None
    codes = dict(enumerate(("571-02", "010-11", "571-01"), 1))
    queued = rows_of(house, tables.piece.c.seq, tables.piece.c.order_no, run_id=run_id)
    with house.engine.begin() as connection:
        for row in queued:
            answer = {"route_code": codes[row.seq]} if row.seq in codes else {}
            connection.execute(update(i).where(i.c.order_no == row.order_no).values(answer=answer))
    first = {row.id: row.seq for row in rows_of(house, tables.piece.c.id, tables.piece.c.seq, run_id=run_id)}
    manifest = lock_run(house.engine, house.tenant, run_id, home=house.home, at=AT)
    assert manifest is not None
    assert [first[row.piece_id] for row in manifest.pieces] == [4, 2, 3, 1]
    listed = b"".join(open_file(house.tenant, run_id, "posting.csv", home=house.home)).decode("utf-8-sig")
    assert [row["分拣码"] for row in csv.DictReader(listed.splitlines())] == ["", "010-11", "571-01", "571-02"]


def test_the_run_is_made_for_the_machine_of_the_factory(plant: Plant) -> None:
    house = plant.house
    (house.home / "factory.toml").write_text('[scale]\ntolerance = 0.2\n[omr]\nmarks = ["gate", "end"]\n', "utf-8")
    plant.accept(plant.outcome(1, "spoiled"), *plant.all_good(1))
    plant.count()
    following = plant.next_run()
    manifest = read_manifest(house.home, following)
    assert manifest.omr == Omr(marks=("gate", "end"))
    (line,) = read_inserter((house.home / "runs" / following / "inserter.csv").read_text("utf-8-sig")).values()
    assert line.max_g - line.min_g == pytest.approx(2 * 0.2 * 4.99, abs=0.02)
    assert list(preflight_run(house.engine, house.tenant, following, home=house.home)) == []


@pytest.mark.parametrize(
    "text",
    [
        "nothing = 1",
        "[scale]\ntolerance = 0.6",
        "[scale]\nshare = 0.2",
        "[delivery]\nto = 1",
        '[delivery]\nto = "sftp://a@b/in"',
        '[omr]\nmarks = ["end"]',
        "omr = 1",
        "[",
    ],
)
def test_settings_of_the_factory_that_say_nothing_useful_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "factory.toml").write_text(text, "utf-8")
    with pytest.raises(SongdaError) as refused:
        read_plant(tmp_path)
    assert refused.value.exit_code == 78


def test_a_run_goes_to_the_factorys_server_encrypted_and_a_broken_line_is_taken_up(
    plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, factory_key = plant.house, pyrage.x25519.Identity.generate()
    identity = tmp_path / "id_ed25519"
    identity.write_bytes(new_identity())
    identity.chmod(0o600)
    (tmp_path / "in").mkdir()
    monkeypatch.setattr(delivery, "_PAUSES_S", ())
    with SftpServer(tmp_path / "in", authorized=paramiko.PKey.from_path(identity)) as server:
        to = parse_sftp(server.url, host_key=server.host_key, identity=identity)

        def send() -> list[str]:
            lock = to_age_key(str(factory_key.to_public()))
            return hand_off(house.engine, house.tenant, plant.run_id, home=house.home, to=to, lock=lock, at=AT)

        server.cut_after = 100_000
        with pytest.raises(FactoryUnreachable):
            send()
        waiting = house.home / "runs" / plant.run_id / "outgoing"
        assert all(b"%PDF" not in path.read_bytes()[:200] for path in waiting.rglob("*.age"))
        names = send()
        assert not waiting.exists()
        with pytest.raises(FolderNotEmpty):
            send()
        folder = server.folder / plant.run_id
        assert sorted(path.name for path in folder.iterdir()) == sorted(names)
        whole = sum(path.stat().st_size for path in folder.iterdir())
        assert server.received < whole + 100_000, "what lay there was sent again"
    clear = tmp_path / "clear"
    clear.mkdir()
    for name in names:
        (clear / name.removesuffix(".age")).write_bytes(pyrage.decrypt((folder / name).read_bytes(), [factory_key]))
    assert Factory(Faults(), seed=1).load(clear) == read_manifest(house.home, plant.run_id).run_sha256


def test_the_command_delivers_where_the_settings_say(
    plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = plant.house.home
    monkeypatch.setenv("SONGDA_MASTER_KEY", base64.b64encode(bytes(range(32))).decode())
    assert "factory.toml" in songda(home, "press", "handoff", plant.run_id, "--clear", rc=64)
    identity = tmp_path / "id_ed25519"
    identity.write_bytes(new_identity())
    identity.chmod(0o600)
    (tmp_path / "in").mkdir()
    key = pyrage.x25519.Identity.generate().to_public()
    with SftpServer(tmp_path / "in", authorized=paramiko.PKey.from_path(identity)) as server:
        other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKe6d0cmRGBFO8bSRwjHDPcsPg5lvl0jB8eCbtvMJtpN"
        words = ("--to", server.url, "--host-key", other, "--identity", str(identity), "--age", str(key))
        assert "主机密钥" in songda(home, "press", "handoff", plant.run_id, *words, rc=76)
        assert list(server.folder.iterdir()) == []
        place = f'to = "{server.url}"\nhost_key = "{server.host_key}"\nidentity_file = "{identity}"\nage = "{key}"\n'
        (home / "factory.toml").write_text(f"[delivery]\n{place}", "utf-8")
        told = json.loads(songda(home, "press", "handoff", plant.run_id, "--json"))
        assert sorted(path.name for path in (server.folder / plant.run_id).iterdir()) == sorted(told["files"])
        assert all(name.endswith(".age") for name in told["files"])
        songda(home, "press", "handoff", plant.run_id, rc=73)


def test_a_locked_run_is_fit_to_print(plant: Plant) -> None:
    house = plant.house
    assert list(preflight_run(house.engine, house.tenant, plant.run_id, home=house.home)) == []


def test_46_a_deletion_receipt_destroys_the_key_of_the_run(plant: Plant) -> None:
    """46. The print files of a run cannot be opened once its key was destroyed, wherever a copy of them lies."""
    house, manifest = plant.house, read_manifest(plant.house.home, plant.run_id)
    name = manifest.files[0].name

    def receipt(hash_: str) -> None:
        confirm_deletion(house.engine, plant.run_id, manifest_sha256=hash_, receipt_sha256=None, home=house.home, at=AT)

    assert b"".join(open_file(house.tenant, plant.run_id, name, home=house.home)).startswith(b"%PDF")
    copy = (house.home / "runs" / plant.run_id / name).read_bytes()
    with pytest.raises(WrongRunState):
        receipt(manifest.run_sha256)
    plant.accept(*plant.all_good())
    plant.count()
    plant.post()
    with pytest.raises(OtherManifest):
        receipt("0" * 64)
    receipt(manifest.run_sha256)
    receipt(manifest.run_sha256)
    folder = house.home / "runs" / plant.run_id
    assert not (folder / "run.key").exists()
    assert not (folder / name).exists()
    assert b"".join(open_file(house.tenant, plant.run_id, "posting.csv", home=house.home))
    # Somebody kept a copy of the sealed file.
    (folder / name).write_bytes(copy)
    with pytest.raises(RunKeyDestroyed):
        open_file(house.tenant, plant.run_id, name, home=house.home)
