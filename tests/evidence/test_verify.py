"""What a stranger is told: proven, missing, grade; and that no bundle, however made, can do more than be refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from bench.evidence_forgeries import FOLDER, WAYBILL, Files, Keys, bundle, header, letter_files

from songda.carriers import load_mapping, load_own_mapping, shipped_codes
from songda.evidence import (
    BadBundle,
    BadTrust,
    Trust,
    canonical,
    public_pem,
    read_archive,
    read_trust,
    sealed,
    sentences,
    verify_bundle,
    write_archive,
)
from songda.evidence.errors import UnknownFormat
from songda.evidence.outcome import OWN, read_tables, shipped_tables
from songda.evidence.verify import main

from .conftest import PDF

SIGNED_BY_A_LOCKER = (
    (1, "203", "", "已收寄"),
    (50, "704", "50", "您的快件已代签收【快递柜】"),
)


def changed(files: Files, change: Any) -> Files:
    record = json.loads(files[f"{FOLDER}/record.json"])
    change(record)
    return files | {f"{FOLDER}/record.json": canonical(record)}


def told(keys: Keys, files: Files, *, trust: Trust | None = None) -> str:
    return "\n".join(sentences(verify_bundle(bundle(keys, files), keys.trust() if trust is None else trust)))


def test_the_eight_links_are_told_with_what_is_missing(keys: Keys, files: Files) -> None:
    (letter,) = verify_bundle(bundle(keys, files), keys.trust()).examined.letters
    assert [(link.no, link.title) for link in letter[1]] == [
        *((1, "内容"), (2, "时间"), (3, "纸与内容一致"), (4, "交寄")),
        *((5, "地址依据"), (6, "寄递过程"), (7, "结果"), (8, "保管")),
    ]
    assert all(link.proven for link in letter[1])
    missing = {link.title: " ".join(link.missing) for link in letter[1]}
    assert "电子印章证书" in missing["内容"]
    assert missing["时间"] == ""
    assert "实测重量" in missing["纸与内容一致"]
    assert "日戳" in missing["交寄"]
    assert "签收联原件" in missing["结果"]
    said = told(keys, files)
    assert "PDF 自称符合 PDF/A-2a" in said
    assert "本工具未作格式校验" in said


def test_the_grade_is_computed_from_the_carriers_own_words(keys: Keys, files: Files) -> None:
    (letter,) = verify_bundle(bundle(keys, files), keys.trust()).examined.letters
    assert (letter[0].grade, letter[0].computed, letter[0].agrees, letter[0].final) == ("A1", "A1", True, True)
    locker = letter_files(keys, PDF, way=SIGNED_BY_A_LOCKER)
    (letter,) = verify_bundle(bundle(keys, locker), keys.trust()).examined.letters
    assert letter[0].computed == "C"


def test_a_ledger_that_says_more_than_the_carrier_is_contradicted(keys: Keys) -> None:
    def boast(record: Any) -> None:
        record["attempts"][0]["grade"] = "A1"
        record["attempts"][0]["said"] = {"outcome": "signed:A1", "mapping": "", "facts": 2}

    files = changed(letter_files(keys, PDF, way=SIGNED_BY_A_LOCKER), boast)
    verdict = verify_bundle(bundle(keys, files), keys.trust())
    assert verdict.exit_code == 2
    assert "证明等级：C（按原始轨迹重算；出具机构记载为 A1，不一致）" in "\n".join(sentences(verdict))


def test_what_settled_by_a_deadline_proves_nothing_and_agrees(keys: Keys) -> None:
    def over(record: Any) -> None:
        record["attempts"][0]["grade"] = "F"

    files = changed(letter_files(keys, PDF, way=SIGNED_BY_A_LOCKER[:1]), over)
    (letter,) = verify_bundle(bundle(keys, files), keys.trust()).examined.letters
    assert (letter[0].grade, letter[0].computed, letter[0].agrees) == ("F", "F", True)


def retold(files: Files, words: bytes, **parts: Any) -> Files:
    """The last event told in these words instead; `parts`: what the record makes of them."""

    def change(record: Any) -> None:
        event = record["attempts"][0]["events"][4]
        event["sha256"] = sha256(words).hexdigest()
        event["parts"] = event["parts"] | parts

    return changed(files, change) | {f"{FOLDER}/events-1/0005.json": words}


def test_an_aggregators_words_are_read_again_and_weigh_as_such(keys: Keys, files: Files) -> None:
    day = "2026-11-28 10:12:00"
    parts = {"op_time": "2026-11-28T02:12:00+00:00", "deliver_code": "10"}
    for item, code in (
        ({"ftime": day, "context": "本人签收", "statusCode": "301"}, "kd100:301"),
        ({"AcceptTime": day, "AcceptStation": "本人签收", "Action": "301"}, "kdniao:301"),
    ):
        words = json.dumps(item, ensure_ascii=False).encode()
        verdict = verify_bundle(bundle(keys, retold(files, words, op_code=code, **parts)), keys.trust())
        ((letter, links),) = verdict.examined.letters
        assert (letter.computed, letter.agrees) == ("B2", False)
        assert "第三方平台的转述" in " ".join(links[5].missing)
        with pytest.raises(BadBundle, match="不符"):
            # The record calls it the carrier's own "signed in person".
            verify_bundle(bundle(keys, retold(files, words, **parts, op_code="704")), keys.trust())


def test_words_that_nobody_can_read_count_for_nothing(keys: Keys, files: Files) -> None:
    verdict = verify_bundle(bundle(keys, retold(files, "第三方转述：已签收".encode())), keys.trust())
    ((letter, links),) = verdict.examined.letters
    assert (letter.computed, letter.agrees) == ("F", False)
    assert "原文无法解读" in " ".join(links[5].missing)
    assert verdict.exit_code == 2


def test_only_the_carrier_shows_that_a_letter_came_into_its_hands(keys: Keys, files: Files) -> None:
    """Link 4: ordered is not posted, and who retells is not the carrier."""

    def alone(item: dict[str, str], code: str) -> str:
        told = retold(files, json.dumps(item).encode(), op_code=code, op_time="2026-11-28T02:12:00+00:00")
        lone = changed(told, lambda record: record["attempts"][0].update(events=record["attempts"][0]["events"][4:]))
        kept = {name: data for name, data in lone.items() if "/events-1/" not in name or name.endswith("0005.json")}
        ((_, links),) = verify_bundle(bundle(keys, kept), keys.trust()).examined.letters
        assert not any("进入寄递网络" in text for text in links[3].proven)
        return " ".join(links[3].missing)

    then = "2026-11-28 10:12:00"
    assert "没有承运商收寄轨迹" in alone({"ftime": then, "context": "待揽收", "statusCode": "102"}, "kd100:102")
    assert "只有第三方平台转述" in alone({"ftime": then, "context": "在途", "statusCode": "0"}, "kd100:0")
    ((_, links),) = verify_bundle(bundle(keys, files), keys.trust()).examined.letters
    assert any("承运商的原始轨迹表明" in text for text in links[3].proven)


def test_reports_and_scans_are_read_again(keys: Keys, files: Files) -> None:
    said = {"holder": "team-3", "office": "31000100", "outcome": "signed", "relation": "本人", "report": "r" * 8}
    said |= {
        "signer_name": "赵示例",
        "slip_sha256": None,
        "waybill": WAYBILL,
        "happened_at": "2026-11-28T10:12:00+08:00",
    }
    then = {"op_time": "2026-11-28T02:12:00+00:00"}
    for teller, grade in (("courier", "C"), ("app", "A1")):
        words = json.dumps(said | {"reported_by": teller}, ensure_ascii=False).encode()
        told = retold(files, words, op_code=f"{teller}:signed", **then)
        (letter,) = verify_bundle(bundle(keys, told), keys.trust()).examined.letters
        assert letter[0].computed == grade
    words = json.dumps({"scanned": WAYBILL, "reason": "refused", "returned_on": "2026-11-30"}).encode()
    told = retold(files, words, op_code="post:returned", op_time="2026-11-29T16:01:00+00:00")
    ((letter, links),) = verify_bundle(bundle(keys, told), keys.trust()).examined.letters
    assert letter.computed == "E"
    assert "退件扫描" in " ".join(links[5].missing)
    told = retold(files, words, op_code="post:moved", op_time="2026-11-29T16:01:00+00:00")
    with pytest.raises(BadBundle, match="不符"):
        verify_bundle(bundle(keys, told), keys.trust())


def test_words_about_another_letter_are_refused(keys: Keys, files: Files) -> None:
    """Behaviour 56: a proof that bears another number proves nothing here."""
    words = files[f"{FOLDER}/events-1/0005.json"].replace(b"1100000000007", b"1100000000008")
    with pytest.raises(BadBundle) as caught:
        verify_bundle(bundle(keys, retold(files, words)), keys.trust())
    assert "另一件邮件" in caught.value.message_zh


@pytest.mark.parametrize(
    ("change", "reservation"),
    [
        (lambda record: record["attempts"][0]["pieces"][0].update(token=None), "未加盖时间戳"),
        (lambda record: record["attempts"][0]["pieces"][0].update(proof=None, token=None), "未加盖时间戳"),
    ],
)
def test_a_link_that_is_not_there_is_a_reservation(keys: Keys, files: Files, change: Any, reservation: str) -> None:
    verdict = verify_bundle(bundle(keys, changed(files, change)), keys.trust())
    assert verdict.exit_code == 2
    assert any(reservation in text for text in verdict.reservations)


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record["attempts"][0]["pdf"].update(sm3="0" * 64),
        lambda record: record["attempts"][0]["events"][0].update(sha256="0" * 64),
        lambda record: record["attempts"][0]["pieces"][0].update(waybill_no="1100000000008"),
        lambda record: record["attempts"][0]["pieces"][0]["proof"].update(index=7),
        lambda record: record["attempts"][0]["pieces"][0]["proof"].update(size=21),
        lambda record: record["attempts"][0]["pieces"][0]["proof"]["row"].update(letter_no="YX2026-000008"),
        lambda record: record["letter"].update(no="YX2026-000008"),
        lambda record: record["approval"]["document"].update(lawyer="别人"),
        lambda record: record["approval"]["document"].update(list_hash="0" * 64),
        lambda record: record["approval"].update(public_key="no key"),
    ],
)
def test_what_does_not_fit_together_is_refused_whoever_sealed_it(keys: Keys, files: Files, change: Any) -> None:
    with pytest.raises(BadBundle):
        verify_bundle(bundle(keys, changed(files, change)), keys.trust())


def test_no_shape_of_a_record_does_more_than_be_refused(keys: Keys, files: Files) -> None:
    """Whoever may seal could put anything into the JSON; the verifier neither breaks nor hangs."""
    record = json.loads(files[f"{FOLDER}/record.json"])
    strange: tuple[Any, ...] = (None, "x", "9999-12-31T23:59:59-14:00", 10**30)
    tried = 0
    for path in paths(record):
        for value in strange:
            wrong = json.loads(files[f"{FOLDER}/record.json"])
            target = wrong
            for step in path[:-1]:
                target = target[step]
            target[path[-1]] = value
            bad = sealed(
                files | {f"{FOLDER}/record.json": canonical(wrong)}, header(keys), key=keys.institution, stamp=None
            )
            try:
                list(sentences(verify_bundle(write_archive(bad), Trust()), timeline=True))
            except BadBundle:
                tried += 1
    assert tried > 300


def paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*before, key)
        if key != "path":
            yield from paths(inner, (*before, key))


@pytest.mark.parametrize("field", ["exported_at", "institution", "drill", "tsa_certificate", "kind"])
@pytest.mark.parametrize("value", [None, [], {}, 7, "x"])
def test_no_header_does_more_than_be_refused(keys: Keys, files: Files, field: str, value: Any) -> None:
    data = write_archive(sealed(files, header(keys) | {field: value}, key=keys.institution, stamp=keys.stamp))
    try:
        list(sentences(verify_bundle(data, Trust())))
    except BadBundle:
        return
    assert field not in {"exported_at", "tsa_certificate"}


#: An SM2 key, which the library cannot read.
SM2 = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoEcz1UBgi0DQgAE2pOy0TqeKwkIGK+us1bPEDDQljFA
FIHnM7xLXv/3U2WaWyCCWc63jihRoGaXbBheU9th9FAaTikWQs15NSWyuw==
-----END PUBLIC KEY-----
"""


def test_keys_of_another_kind_are_refused_in_words(keys: Keys, files: Files) -> None:
    with pytest.raises(BadBundle):
        verify_bundle(bundle(keys, changed(files, lambda record: record["approval"].update(public_key=SM2))), Trust())
    whole = sealed(files, header(keys), key=keys.institution, stamp=None)
    manifest = json.loads(whole["manifest.json"]) | {"public_key": SM2}
    with pytest.raises(BadBundle):
        verify_bundle(write_archive(whole | {"manifest.json": canonical(manifest)}), Trust())
    with pytest.raises(BadTrust):
        read_trust([("sm2.pem", SM2.encode())])


@pytest.mark.parametrize("rubbish", [b"", b"code\n", b"\xff\xfe", b"version = 1", b'"' * 200_000, b"[" * 5000])
@pytest.mark.parametrize("name", sorted(shipped_tables()))
def test_no_table_does_more_than_be_refused(keys: Keys, files: Files, name: str, rubbish: bytes) -> None:
    try:
        verify_bundle(bundle(keys, files | {f"tables/{name}": rubbish}), keys.trust())
    except BadBundle:
        return
    assert name == "tracking_signers.csv"


def test_the_tables_in_a_bundle_are_those_by_which_the_house_grades() -> None:
    assert read_tables(shipped_tables()) == load_mapping()


def test_the_installations_own_codes_travel_with_the_bundle(tmp_path: Path) -> None:
    head = shipped_codes().splitlines()[0]
    row = {"code": "ZZ9", "fact": "returned", "name": "退回", "source": "test", "verified": "carrier"}
    own = f"{head}\n{','.join(row.get(column, '') for column in head.split(','))}\n"
    (tmp_path / "own.csv").write_text(own, "utf-8-sig")
    mapping = read_tables({**shipped_tables(), OWN: own.encode()})
    assert mapping == load_own_mapping(tmp_path / "own.csv")
    assert mapping.version != load_mapping().version


def test_nothing_in_a_bundle_draws_on_the_readers_terminal(keys: Keys, files: Files) -> None:
    name = "银行\x1b[2J\n结论：内容完整\u202e"
    data = write_archive(sealed(files, header(keys) | {"institution": name}, key=keys.institution, stamp=None))
    lines = list(sentences(verify_bundle(data, Trust())))
    assert not any(character in line for line in lines for character in "\x1b\n\u202e")
    assert sum(line.startswith("结论：") for line in lines) == 1


def test_the_program_answers_with_sentences_and_exit_codes(
    keys: Keys, data: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    proof, trust = tmp_path / "proof.zip", tmp_path / "trust.pem"
    proof.write_bytes(data)
    trust.write_bytes(public_pem(keys.institution).encode() + keys.root())
    assert main([str(proof), "--trust", str(trust)]) == 0
    assert capsys.readouterr().out.startswith("结论：内容完整，未发现改动。")
    assert main([str(proof)]) == 2
    assert "自称" in capsys.readouterr().out
    proof.write_bytes(data[:-1])
    assert main([str(proof)]) == 65
    assert "请勿采信" in capsys.readouterr().err
    assert main([str(tmp_path / "none.zip")]) == 66
    assert main([str(proof), "--trust", str(tmp_path / "none.pem")]) == 66
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 64


def test_an_export_that_says_another_time_than_its_timestamp_is_a_reservation(keys: Keys, files: Files) -> None:
    earlier = header(keys) | {"exported_at": "2026-12-18T09:00:00+00:00"}
    data = write_archive(sealed(files, earlier, key=keys.institution, stamp=keys.stamp))
    (reservation,) = verify_bundle(data, keys.trust()).reservations
    assert "出证时间" in reservation


def test_a_file_too_large_is_refused_unread(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    huge = tmp_path / "huge.zip"
    with huge.open("wb") as file:
        file.truncate(2**40)
    assert main([str(huge)]) == 65
    assert "过大" in capsys.readouterr().err


def test_a_bundle_is_the_same_each_time_but_for_its_timestamps(keys: Keys, files: Files) -> None:
    assert bundle(keys, files, stamped=False) == bundle(keys, files, stamped=False)
    first, second = read_archive(bundle(keys, files)), read_archive(bundle(keys, files))
    assert {name for name in first if first[name] != second[name]} <= {"manifest.tsr", "manifest.sig"}


def test_a_letter_that_never_was_to_go_is_told_with_the_reason(keys: Keys, files: Files) -> None:
    def unsent(record: Any) -> None:
        record["attempts"], record["approval"] = [], None
        record["letter"] |= {"state": "not_sent", "no": None, "grade": None}
        record["decisions"] = [
            {"day": "2026-11-24", "stage": "accept", "object_id": "ltr_07", "outcome": "not_sent", "reasons": ["x"]}
            | {"words": ["低于最低金额"], "applied": ["T07"], "versions": {"rules": "2026"}, "inputs_sha256": ""}
        ]

    said = told(keys, changed(files, unsent))
    assert "函件 ltr_07　证明等级：尚无" in said
    assert "  没有寄送\n     缺 决定不发：低于最低金额" in said


def test_a_bundle_of_a_letter_holds_one_and_a_persons_may_hold_none(keys: Keys, files: Files) -> None:
    none = {name: content for name, content in files.items() if not name.startswith(FOLDER)}
    with pytest.raises(BadBundle):
        verify_bundle(bundle(keys, none), keys.trust())
    data = write_archive(sealed(none, header(keys) | {"kind": "person"}, key=keys.institution, stamp=keys.stamp))
    said = "\n".join(sentences(verify_bundle(data, keys.trust())))
    assert "没有给这个人的函件" in said
    assert "电话、短信等只有申请过联系许可的有记录" in said


def test_another_format_is_not_called_a_forgery(keys: Keys, files: Files) -> None:
    whole = sealed(files, header(keys), key=keys.institution, stamp=None)
    newer = whole["manifest.json"].replace(b'"songda.evidence/1"', b'"songda.evidence/2"')
    with pytest.raises(UnknownFormat):
        verify_bundle(write_archive(whole | {"manifest.json": newer}), Trust())
