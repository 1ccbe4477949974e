import json

import pytest

from songda.letters import FileRow, Manifest, PieceRow, PostingRow, posting_csv

ROW = PieceRow(1, "pc_1", "（2026）1号", "1200000000001", 2, 1, 13, "run-000007-001.pdf", 1, "ab" * 32, "cd" * 32)
MANIFEST = Manifest(
    run_id="run_1",
    job=7,
    day="2026-11-25",
    duplex=True,
    drill=False,
    files=(FileRow("run-000007-001.pdf", 2, 1, "ef" * 32),),
    pieces=(ROW,),
)


def test_json_gives_the_manifest_back() -> None:
    assert Manifest.from_json(MANIFEST.to_json()) == MANIFEST
    assert json.loads(MANIFEST.to_json())["run_sha256"] == MANIFEST.run_sha256


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"job":7', '"job":8'),
        ('"seq":1', '"seq":2'),
        ("1200000000001", "1200000000002"),
        ('"drill":false', '"drill":true'),
    ],
)
def test_a_changed_manifest_is_refused(old: str, new: str) -> None:
    text = MANIFEST.to_json()
    assert text.count(old) == 1
    with pytest.raises(ValueError, match="changed"):
        Manifest.from_json(text.replace(old, new))


def test_csv_has_one_line_a_piece_under_the_names_of_the_fields() -> None:
    head, row, end = MANIFEST.to_csv().split("\r\n")
    assert head.startswith("seq,piece_id,letter_no,waybill_no,pages,sheets,weight_g,file,first_page,")
    assert row.startswith("1,pc_1,（2026）1号,1200000000001,2,1,13,run-000007-001.pdf,1,")
    assert end == ""


def test_the_posting_list_has_chinese_heads() -> None:
    text = posting_csv([PostingRow(1, "1200000000001", "柳*", "杭州市", "310012", 13, "571-01")])
    head, row, end = text.split("\r\n")
    assert head == "序号,邮件号码,收件人,寄达地,邮编,重量（克）,分拣码"
    assert (row, end) == ("1,1200000000001,柳*,杭州市,310012,13,571-01", "")
