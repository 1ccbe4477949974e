"""`songda address` as a person meets it: files in, files and sentences out."""

from __future__ import annotations

import doctest
import io
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest

from songda.base.schemas import STANDARD
from songda.cli.address.explaining import correction
from songda.cli.address.words import issue, words

PROGRAM = [sys.executable, "-c", "from songda.cli import main; main()"]
DOOR = "浙江省杭州市拱墅区延安路295号2单元301室"
TEXTS = ["浙江杭州下城区延安路２９５号二单元301", "拱墅区延安路295号2单元301室", "无", "江苏省苏州市姑苏区人民路12号"]


class Said(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found


Songda = Callable[..., Said]


@pytest.fixture
def songda(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Songda:
    """One command through the real entry point, in the folder of the test; it must end with `code`."""
    from songda.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SONGDA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str | Path, stdin: bytes = b"", code: int = 0) -> Said:
        monkeypatch.setattr(sys, "argv", ["songda", "address", *map(str, words)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        sys.stdout.flush()
        said = Said(end.value.code or 0, *capfd.readouterr())  # type: ignore[arg-type]
        assert said.code == code, (words, said)
        assert "Traceback" not in said.err
        return said

    return run


def refused(said: Said) -> str:
    """The one Chinese sentence with a remedy that stderr holds."""
    (line,) = said.err.splitlines()
    what, stop, remedy = line.removeprefix("错误：").partition("。")
    assert line.startswith("错误：")
    assert what
    assert stop
    assert remedy
    return line


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def workbook(path: Path, rows: list[list[Any]], *, before: str = "") -> Path:
    import xlsxwriter

    book = xlsxwriter.Workbook(str(path))
    if before:
        book.add_worksheet(before).write_string(0, 0, "说明")
    page = book.add_worksheet("客户")
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            page.write(number, column, value)
    book.close()
    return path


# parse


def files_of_texts(folder: Path) -> dict[str, Path]:
    """The same four addresses in every form that is read."""
    table = [["编号", "联系地址"], *([f"A{number}", text] for number, text in enumerate(TEXTS))]
    lines = "\n".join(TEXTS) + "\n"
    comma = "\n".join(",".join(row) for row in table)
    made = {
        "txt": (folder / "a.txt", lines.encode()),
        "txt gb18030": (folder / "b.txt", lines.encode("gb18030")),
        "csv": (folder / "a.csv", comma.encode("utf-8-sig")),
        "csv gb18030": (folder / "b.csv", comma.encode("gb18030")),
        "csv with titles": (folder / "c.csv", ("客户名单\n\n" + comma).encode()),
        "tab": (folder / "d.xls", comma.replace(",", "\t").encode("utf-16")),
        "tab with quotes": (
            folder / "e.csv",
            ("编号\t联系地址\t备注\n" + "".join(f'x\t{text}\t5,"甲"乙\n' for text in TEXTS)).encode(),
        ),
        "jsonl": (folder / "a.jsonl", "\n".join(json.dumps({"id": 1, "地址": text}) for text in TEXTS).encode()),
    }
    for path, content in made.values():
        path.write_bytes(content)
    pl.DataFrame({"编号": [1, 2, 3, 4], "地址": TEXTS}).write_parquet(folder / "a.parquet")
    return {
        **{name: path for name, (path, _) in made.items()},
        "parquet": folder / "a.parquet",
        "xlsx": workbook(folder / "a.xlsx", table, before="封面"),
    }


@pytest.mark.parametrize(
    "kind",
    [
        "txt",
        "txt gb18030",
        "csv",
        "csv gb18030",
        "csv with titles",
        "tab",
        "tab with quotes",
        "jsonl",
        "parquet",
        "xlsx",
    ],
)
def test_every_form_of_file_is_read_alike(songda: Songda, tmp_path: Path, kind: str) -> None:
    said = songda("parse", files_of_texts(tmp_path)[kind], "--json")
    rows = said.json["addresses"]
    assert [row["text"] for row in rows] == TEXTS
    assert [row["standard"] for row in rows] == [DOOR, DOOR, None, TEXTS[3]]
    assert list(rows[0]) == ["row_no", *STANDARD]
    first = {"csv": 2, "csv gb18030": 2, "csv with titles": 4, "tab": 2, "tab with quotes": 2, "xlsx": 2}.get(kind, 1)
    assert [row["row_no"] for row in rows] == [first, first + 1, first + 2, first + 3]
    assert said.json["figures"]["rows"] == 4
    assert said.json["figures"]["issues"] == {"placeholder": 1}


@pytest.mark.parametrize("words", [(), ("-",)])
def test_a_pipe_holds_one_address_a_line_and_every_line_is_answered(songda: Songda, words: tuple[str, ...]) -> None:
    piped = "\n".join([TEXTS[0], "", TEXTS[3]]).encode() + b"\r\n" + TEXTS[1].encode("gb18030")
    said = songda("parse", *words, "--format", "jsonl", stdin=piped)
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert [row["standard"] for row in rows] == [DOOR, None, TEXTS[3], DOOR]
    assert [row["row_no"] for row in rows] == [1, 2, 3, 4]


def test_a_table_shows_the_line_its_code_and_what_is_doubtful(songda: Songda, tmp_path: Path) -> None:
    said = songda("parse", files_of_texts(tmp_path)["csv"])
    assert DOOR in said.out
    assert "330105" in said.out
    assert "占位文字，不是地址" in said.out
    assert "共 4 行，读出 3 行" in said.err


def test_brackets_in_an_address_are_no_markup(songda: Songda) -> None:
    said = songda("parse", stdin="江苏省苏州市姑苏区人民路12号[bold]锦绣花园[/bold]3栋".encode())
    assert "锦绣花园" in said.out


def test_a_long_file_fills_no_screen(songda: Songda, tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text(f"{DOOR}\n" * 200, "utf-8")
    said = songda("parse", "long.txt")
    assert said.out.count("延安路") == 50
    assert "只显示前 50 行" in said.err


def read_back(path: Path) -> pl.DataFrame:
    match path.suffix:
        case ".csv":
            return pl.read_csv(path, infer_schema=False)
        case ".jsonl":
            return pl.read_ndjson(path)
    return pl.read_parquet(path)


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl", "out.parquet"])
def test_a_result_holds_every_row_of_many_chunks_for_its_owner_alone(
    songda: Songda, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("songda.cli.address.source.CHUNK", 7)
    texts = [f"江苏省苏州市姑苏区人民路{number}号" for number in range(1, 41)]
    (tmp_path / "in.txt").write_text("\n".join(texts), "utf-8")
    said = songda("parse", "in.txt", "--out", name)
    assert said.out == ""
    assert name in said.err
    frame = read_back(tmp_path / name)
    assert frame.columns == ["row_no", *STANDARD, *(["issues_zh"] if name.endswith("csv") else [])]
    assert frame["standard"].to_list() == texts
    assert frame["row_no"].cast(pl.Int64).to_list() == list(range(1, 41))
    assert mode(tmp_path / name) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["in.txt", name])


def test_a_spreadsheet_opens_the_csv_and_lists_are_joined(songda: Songda, tmp_path: Path) -> None:
    songda("parse", files_of_texts(tmp_path)["txt"], "--out", "out.csv")
    content = (tmp_path / "out.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbfrow_no,text,")
    assert "330105|330105;r=延安路|" in content.decode("utf-8-sig")


def test_issues_stand_in_words_with_what_to_do_on_the_screen_and_in_the_spreadsheet(
    songda: Songda, tmp_path: Path
) -> None:
    told = issue("placeholder")
    said = songda("parse", files_of_texts(tmp_path)["txt"])
    assert told.zh in said.out
    assert "请换成真实地址" in said.out
    songda("parse", "a.txt", "--out", "out.csv")
    assert read_back(tmp_path / "out.csv")["issues_zh"].to_list() == [None, None, f"{told.zh}：{told.remedy}", None]
    assert songda("parse", "a.txt", "--json").json["addresses"][2]["issues"] == ["placeholder"]


def test_every_issue_of_the_engine_has_a_sentence_and_a_remedy() -> None:
    from songda.address import frames, score

    emitted = {*score.ISSUES, *frames._SCAN_ISSUES}
    assert len(emitted) > 10
    for code in emitted | {"placeholder", "second_address", "typo_corrected"}:
        assert issue(code).zh != code
        assert issue(code).remedy


def test_figures_alone_stand_on_stdout_when_the_rows_go_to_a_file(songda: Songda, tmp_path: Path) -> None:
    said = songda("parse", files_of_texts(tmp_path)["csv"], "--out", "out.jsonl", "--json")
    assert said.json["rows"] == 4
    assert said.json["levels"] == {"room": 2, "none": 1, "road_no": 1}
    assert said.json["out"] == "out.jsonl"
    assert said.err == ""


def test_the_named_column_is_read_when_several_could_be_meant(songda: Songda, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"户籍地址,居住地址,备注\n{TEXTS[3]},{TEXTS[0]},x\n", "utf-8")
    assert "户籍地址、居住地址" in refused(songda("parse", "a.csv", code=64))
    assert songda("parse", "a.csv", "--column", "居住地址", "--json").json["addresses"][0]["standard"] == DOOR
    assert songda("parse", "a.csv", "--column", "备注", "--json").json["figures"]["read"] == 0


def write_strange_files(folder: Path) -> None:
    (folder / "empty.csv").write_bytes(b"")
    (folder / "header.csv").write_text("编号,地址\n", "utf-8")
    (folder / "bare.csv").write_text(f"1,柳如烟,{DOOR}\n", "utf-8")
    (folder / "binary.txt").write_bytes(b"\0\0\0\1" * 100)
    (folder / "latin.csv").write_bytes(b"a,b\n\xff\xff,\xe9t\xe9\n")
    (folder / "broken.xlsx").write_bytes(b"PK\x03\x04 nothing")
    (folder / "broken.parquet").write_bytes(b"PAR1 nothing")
    (folder / "broken.jsonl").write_text('{"地址": "x"}\nnot json\n', "utf-8")
    (folder / "list.jsonl").write_text("[1]\n", "utf-8")
    (folder / "quote.csv").write_text('地址\n"never closed\n', "utf-8")
    (folder / "folder").mkdir()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("nothing.csv",), 66, "找不到文件 nothing.csv"),
        (("folder",), 66, "是一个目录"),
        (("empty.csv",), 65, "没有数据行"),
        (("header.csv",), 65, "没有数据行"),
        (("bare.csv",), 65, "没有找到“地址”列"),
        (("header.csv", "--column", "住处"), 65, "没有找到“住处”列（标题行里有：编号、地址）"),
        (("binary.txt",), 65, "不是文本"),
        (("latin.csv",), 65, "编码"),
        (("broken.xlsx",), 65, "已损坏"),
        (("broken.parquet",), 65, "parquet 已损坏"),
        (("broken.jsonl",), 65, "第 2 行不是 JSON 对象"),
        (("list.jsonl",), 65, "第 1 行不是 JSON 对象"),
        (("quote.csv",), 65, "引号不配对"),
        (("header.csv", "--out", "header.csv"), 64, "结果文件就是输入文件"),
        (("header.csv", "--format", "parquet"), 64, "parquet 不能写到屏幕"),
        (("header.csv", "--format", "xml"), 64, "--format"),
        (("good.txt", "--out", "nowhere/out.csv"), 73, "目录不存在"),
    ],
)
def test_what_cannot_be_read_or_written_is_one_sentence_and_no_file(
    songda: Songda, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    write_strange_files(tmp_path)
    (tmp_path / "good.txt").write_text(DOOR, "utf-8")
    before = sorted(tmp_path.rglob("*"))
    options = () if "--out" in words or "--format" in words else ("--out", "out.csv")
    line = refused(songda("parse", *words, *options, code=code))
    assert said in line
    assert "柳如烟" not in line
    assert DOOR not in line
    assert sorted(tmp_path.rglob("*")) == before


def test_a_pipe_whose_reader_leaves_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text(f"{DOOR}\n" * 20_000, "utf-8")
    command = [*PROGRAM, "address", "parse", str(tmp_path / "long.txt"), "--format", "jsonl"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stderr is not None
        writer.stdout.readline()
        writer.stdout.close()
        assert "Traceback" not in writer.stderr.read().decode()
        assert writer.wait(60) == 0


def test_a_terminal_is_told_what_to_give(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    answer = subprocess.run(
        [*PROGRAM, "address", "parse"], stdin=theirs, capture_output=True, text=True, timeout=60, check=False
    )
    os.close(ours)
    os.close(theirs)
    assert (answer.returncode, answer.stdout) == (64, "")
    assert "没有给出地址" in answer.stderr


def test_the_help_of_every_command_has_an_example_and_loads_nothing_heavy(tmp_path: Path) -> None:
    code = """
import sys
from songda.cli.door import app
for words in ([], ["parse"], ["explain"], ["dedupe"], ["train"], ["editions", "import"], ["blocklist", "add"]):
    try:
        app(["address", *words, "--help"])
    except SystemExit:
        pass
print(*{"polars", "numpy", "numba", "songda.intake", "songda.address"} & set(sys.modules), sep=",")
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert answer.stdout.count("Example:") == 6
    assert answer.stdout.splitlines()[-1] == ""


# explain


def test_an_explanation_names_spans_divisions_and_why(songda: Songda) -> None:
    found = songda("explain", TEXTS[0], "--json").json
    assert "".join(span["text"] for span in found["spans"]).replace(" ", "") == TEXTS[0]
    assert all(TEXTS[0][span["start"] : span["end"]] == span["text"] for span in found["spans"])
    assert {span["label"] for span in found["spans"]} >= {"prov", "city", "district", "road", "roadno", "roomno"}
    district = next(each for each in found["divisions"] if each["field"] == "district")
    assert (district["name"], district["code"], district["inferred"]) == ("拱墅区", "330105", False)
    (correction,) = district["corrections"]
    assert (correction["from"], correction["to"], correction["year"]) == ("下城区", "拱墅区", "2021")
    assert correction["zh"] == "区县“下城区”今为“拱墅区”（2021 年并入）"
    assert found["standard"] == DOOR
    assert found["place_key"] == found["place_keys"][-1]


def test_a_person_sees_words_divisions_and_keys(songda: Songda) -> None:
    said = songda("explain", TEXTS[0]).out
    for seen in ("下城区", "拱墅区", "330105", "2021 年并入", "门牌号", DOOR, "310011", "330105;r=延安路"):
        assert seen in said


def test_what_is_ambiguous_shows_the_candidates(songda: Songda) -> None:
    text = "鼓楼区中山北路12号"
    found = songda("explain", text, "--json").json
    assert "ambiguous_district" in [issue["code"] for issue in found["issues"]]
    said = songda("explain", text).out
    assert all(each in said for each in found["alternatives"])
    assert "区县有几种可能" in said


@pytest.mark.parametrize("text", ["", "无", "[/bold]", "\x1b[31m红", "x" * 2000])
def test_what_is_no_address_is_explained_too(songda: Songda, text: str) -> None:
    said = songda("explain", text).out
    assert "把握 0." in said
    assert "\x1b" not in said
    found = songda("explain", text, "--json").json
    assert found["place_key"] is None
    assert found["confidence"] < 0.5


@pytest.mark.parametrize(
    ("entry", "zh"),
    [
        ("district:下城区>拱墅区:merged 2021", "区县“下城区”今为“拱墅区”（2021 年并入）"),
        ("district:萧山市>萧山区:class changed", "区县“萧山市”今为“萧山区”（改设）"),
        ("district:某县>某区:class changed, 2015", "区县“某县”今为“某区”（2015 年改设）"),
        ("district:西胡区>西湖区:typo", "区县“西胡区”应为“西湖区”（错别字）"),
        ("town:甲镇>乙镇:", "乡镇街道“甲镇”今为“乙镇”"),
    ],
)
def test_a_correction_is_a_sentence(entry: str, zh: str) -> None:
    assert correction(entry)["zh"] == zh


def test_every_reason_of_the_shipped_successors_has_a_word() -> None:
    from songda.address.gazetteer import table

    assert {row["reason"] for row in table("renamed")} <= words().corrections.keys()


# own weights


@pytest.fixture
def own(songda: Songda, tmp_path: Path) -> Path:
    """Weights that read everything as the ones that ship do."""
    from importlib.resources import files

    folder = tmp_path / "weights"
    folder.mkdir()
    folder.joinpath("tagger.npz").write_bytes(files("songda.address").joinpath("data/tagger.npz").read_bytes())
    return folder


def test_own_weights_read_addresses(songda: Songda, tmp_path: Path, own: Path) -> None:
    (tmp_path / "in.txt").write_text("\n".join(TEXTS), "utf-8")
    rows = songda("parse", "in.txt", "--weights", own, "--json").json["addresses"]
    assert [row["standard"] for row in rows] == [DOOR, DOOR, None, TEXTS[3]]
    assert songda("explain", TEXTS[0], "--weights", own, "--json").json["standard"] == DOOR


def test_own_weights_are_the_ones_that_are_used(songda: Songda, own: Path) -> None:
    import numpy as np

    with np.load(own / "tagger.npz") as arrays:
        blank = {name: np.zeros_like(array) for name, array in arrays.items()}
    np.savez(own / "tagger.npz", **blank)
    spans = songda("explain", TEXTS[0], "--weights", own, "--json").json["spans"]
    assert spans != songda("explain", TEXTS[0], "--json").json["spans"]


@pytest.mark.parametrize("command", [("explain", DOOR), ("parse", "in.txt")])
@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (None, 66, "没有训练好的权重"),
        (b"", 65, "不是本版本训练的权重"),
        (b"nothing of ours", 65, "不是本版本训练的权重"),
        (b"PK\x03\x04 nothing", 65, "不是本版本训练的权重"),
        ("array", 65, "不是本版本训练的权重"),
        ("another make", 65, "不是本版本训练的权重"),
        ("another size", 65, "不是本版本训练的权重"),
        ("rows beyond the end", 65, "不是本版本训练的权重"),
        ("cut", 65, "不是本版本训练的权重"),
    ],
)
def test_weights_that_are_missing_or_foreign_are_refused_in_one_sentence(
    songda: Songda, tmp_path: Path, own: Path, command: tuple[str, ...], content: Any, code: int, said: str
) -> None:
    import numpy as np

    file = own / "tagger.npz"
    if content is None:
        file.unlink()
    elif content == "array":
        with file.open("wb") as out:
            np.save(out, np.zeros(3))
    elif content == "another make":
        np.savez(file, weights=np.zeros(3))
    elif content in ("another size", "rows beyond the end"):
        arrays = dict(np.load(file))
        cut = "begin" if content == "another size" else "emission"
        np.savez(file, **arrays | {cut: arrays[cut][:2]})
    elif content == "cut":
        file.write_bytes(file.read_bytes()[:-1000])
    else:
        file.write_bytes(content)
    (tmp_path / "in.txt").write_text(DOOR, "utf-8")
    assert said in refused(songda(*command, "--weights", "weights", code=code))
    assert "没有训练好的权重" in refused(songda(*command, "--weights", "nowhere", code=66))


# dedupe


def test_duplicates_are_reported_by_the_rows_of_the_file(songda: Songda, tmp_path: Path) -> None:
    file = files_of_texts(tmp_path)["csv with titles"]
    said = songda("dedupe", file, "--json", "--out", "groups.csv")
    assert said.json["rows"] == 4
    assert said.json["duplicates"] == [{"group": 4, "rows": [4, 5], "near": []}]
    assert (said.json["kept"], said.json["exact"], said.json["unknown"]) == (1, 1, 1)
    frame = pl.read_csv(tmp_path / "groups.csv", infer_schema=False)
    assert frame["row_no"].to_list() == ["4", "5", "6", "7"]
    assert frame["group"].to_list() == ["4", "4", "6", "7"]
    assert frame["text"].to_list() == TEXTS
    assert mode(tmp_path / "groups.csv") == 0o600


def test_equal_texts_that_name_no_door_are_told_apart(songda: Songda) -> None:
    village = "黑龙江省齐齐哈尔市讷河市同义镇保昌村"
    piped = f"{village}\n{village}\n{DOOR}\n{DOOR}\n".encode()
    assert songda("dedupe", "-", "--json", stdin=piped).json["vague"] == 2
    assert "未必同一户" in songda("dedupe", "-", stdin=piped).out


@pytest.mark.parametrize("name", ["groups.csv", "groups.jsonl", "groups.parquet"])
def test_duplicates_over_many_chunks_keep_rows_and_texts_together(
    songda: Songda, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("songda.cli.address.source.CHUNK", 7)
    texts = [f"江苏省苏州市姑苏区人民路{number % 10 + 1}号{number % 20 + 1}栋502" for number in range(40)]
    (tmp_path / "in.txt").write_text("\n".join(texts), "utf-8")
    said = songda("dedupe", "in.txt", "--out", name, "--json").json
    assert (said["rows"], said["groups"], said["exact"]) == (40, 20, 20)
    frame = read_back(tmp_path / name)
    assert frame.columns == ["row_no", "group", "how", "candidates", "text", "standard", "level"]
    assert frame["text"].to_list() == texts
    assert frame["group"].cast(pl.Int64).to_list() == [*range(1, 21), *range(1, 21)]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["in.txt", name])
    refused(songda("dedupe", "in.txt", "--out", "nowhere/groups.csv", code=73))


def test_candidates_of_an_ambiguous_row_are_rows_of_the_file(songda: Songda, tmp_path: Path) -> None:
    street = "江苏省苏州市姑苏区人民路12号"
    rows = [
        ["地址"],
        [f"{street}东方大厦3栋502"],
        [f"{street}西园公寓3栋502"],
        [f"{street}3栋502"],
        [f"{street}3栋502"],
    ]
    workbook(tmp_path / "in.xlsx", rows)
    songda("dedupe", "in.xlsx", "--out", "out.csv")
    frame = read_back(tmp_path / "out.csv")
    assert frame["how"].to_list() == ["alone", "alone", "ambiguous", "ambiguous"]
    assert frame["candidates"].to_list() == [None, None, "2|3", "2|3"]


def test_a_person_sees_how_many_rows_repeat_and_where(songda: Songda, tmp_path: Path) -> None:
    said = songda("dedupe", files_of_texts(tmp_path)["txt"]).out
    assert "1、2" in said
    assert DOOR in said


# train


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", "# style\n浙江省/prov 杭州市\n", "第 2 行有一段没有写成 文字/标签"),
        ("a.txt", "浙江省/province\n", "第 1 行有不认识的标签"),
        ("a.jsonl", '{"text": "浙江省"}\n', "第 1 行不是含 text 和 spans"),
        ("a.jsonl", '{"text": "浙江省", "spans": [["江苏省", "prov"]]}\n', "第 1 行的各段连起来不是原文"),
        ("a.jsonl", '{"text": "浙江省", "spans": [["浙江省", "province"]]}\n', "第 1 行有不认识的标签"),
        ("a.txt", "# only the style\n", "没有数据行"),
    ],
)
def test_lines_that_teach_nothing_are_refused_by_number(
    songda: Songda, tmp_path: Path, name: str, content: str, said: str
) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    assert said in refused(songda("train", name, code=65))


def test_training_needs_files(songda: Songda, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    refused(songda("train", "nothing.txt", code=66))
    refused(songda("train", "folder", code=65))


def test_own_labels_make_own_weights(songda: Songda, tmp_path: Path) -> None:
    lines = [f"浙江省/prov 杭州市/city 西湖区/district 文三路/road {number}号/roadno" for number in range(1, 80)]
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/a.txt").write_text("\n".join(lines), "utf-8")
    rows = [{"text": "江苏省苏州市", "spans": [["江苏省", "prov"], ["苏州市", "city"]]}]
    (tmp_path / "labels/b.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    said = songda("train", "labels", "--out", "weights", "--seed", "3", "--generated", "300", "--json")
    assert (len(said.json["files"]), said.json["lines"], said.json["seed"]) == (2, 80, 3)
    assert any((tmp_path / "weights").iterdir())


# editions

LIST = [
    ["行政区划代码", "单位名称"],
    ["110000", "北京市"],
    ["110101", "　　东城区"],
    ["110101001", "东华门街道"],
    ["330000", "浙江省"],
    ["330100", "杭州市"],
    ["330105", "拱墅区"],
    ["330105001", "米市巷街道"],
]


def listed(path: Path, rows: list[list[str]] | None = None) -> Path:
    path.write_text("\n".join(",".join(row) for row in rows or LIST), "utf-8")
    return path


def test_an_edition_is_imported_with_its_changes_and_then_in_force(songda: Songda, tmp_path: Path) -> None:
    assert songda("editions", "list", "--json").json == {"current": "shipped", "editions": []}
    assert "随附清单" in songda("editions", "list").out
    part = refused(songda("editions", "import", listed(tmp_path / "2026年区划.csv"), code=65))
    assert "不完整" in part
    said = songda("editions", "import", "2026年区划.csv", "--accept-gone", "--json").json
    assert (said["year"], said["against"], said["divisions"]) == (2026, "shipped", {"1": 2, "2": 1, "3": 2, "4": 2})
    assert said["current"] == "2026"
    assert said["folder"] == str(tmp_path / "home/address/editions/2026")
    next_year = [*LIST[:-1], ["330105001", "米市巷新街道"]]
    shown = songda("editions", "import", listed(tmp_path / "list.csv", next_year), "--year", "2027").out
    assert "与 2026 年的相比" in shown
    assert "地址按 2027 年区划读" in shown
    told = songda("editions", "list", "--json").json
    assert told["current"] == "2027"
    changes = told["editions"][1]["changes"]
    assert {change: count for change, count in changes.items() if count} == {"renamed": 1}
    assert "2027（现行）" in songda("editions", "list").out
    assert "随附清单" in songda("editions", "use", "shipped").out
    assert songda("editions", "list", "--json").json["current"] == "shipped"


def test_rules_with_a_code_that_is_no_more_are_told(songda: Songda, tmp_path: Path) -> None:
    keys = ["330105;r=延安路;n=295", "330105;t=330105001;r=延安路", "330105;t=330105999;r=延安路", "330199;r=延安路"]
    rows = "\n".join(["key,level,reason", *(f"{key},black,demolished" for key in keys)])
    (tmp_path / "rules.csv").write_text(rows, "utf-8")
    songda("blocklist", "add", "--file", "rules.csv")
    assert "2 条规则" in songda("blocklist", "check", stdin="杭州市拱墅区延安路295号\n".encode()).err


def test_a_damaged_edition_is_mended_by_importing_it_again_or_by_going_back(songda: Songda, tmp_path: Path) -> None:
    words = ("editions", "import", listed(tmp_path / "2026.csv"), "--accept-gone")
    songda(*words)
    kept = tmp_path / "home/address/editions/2026/divisions.csv"
    kept.unlink()
    songda(*words, "--replace")
    assert kept.exists()
    kept.unlink()
    assert "--replace" in refused(songda("editions", "use", "2026", code=65))
    songda("editions", "use", "shipped")


def test_a_workbook_with_numbers_as_codes_and_no_header(songda: Songda, tmp_path: Path) -> None:
    workbook(tmp_path / "2026.xlsx", [[int(code), name] for code, name in LIST[1:]])
    assert songda("editions", "import", "2026.xlsx", "--accept-gone", "--json").json["divisions"]["4"] == 2


def test_wrong_rows_are_listed_by_number_with_remedies_and_nothing_is_kept(songda: Songda, tmp_path: Path) -> None:
    rows = [*LIST, ["330105001", "米市巷街道"], ["330205001", "某街道"], ["3301", "杭州市"], ["33x", "某区"]]
    said = songda("editions", "import", listed(tmp_path / "2026.csv", rows), code=65)
    assert "有 4 处问题" in refused(said)
    for row_no, problem in (
        (9, "代码在第 8 行已经出现"),
        (10, "没有它的上级"),
        (11, "代码在第 6 行"),
        (12, "不是 2、4"),
    ):
        assert any(f" {row_no} " in line and problem in line for line in said.out.splitlines()), said.out
    problems = songda("editions", "import", "2026.csv", "--json", code=65).json["problems"]
    assert [each["row_no"] for each in problems] == [9, 10, 11, 12]
    assert all(each["remedy"] for each in problems)
    assert not (tmp_path / "home").exists()


def test_the_year_is_asked_for_and_an_edition_is_not_overwritten(songda: Songda, tmp_path: Path) -> None:
    assert "--year" in refused(songda("editions", "import", listed(tmp_path / "list.csv"), code=64))
    words = ("editions", "import", "list.csv", "--year", "2026", "--accept-gone")
    songda(*words)
    assert "--replace" in refused(songda(*words, code=73))
    songda(*words, "--replace")


# blocklist

BUILDING = "江苏省苏州市姑苏区人民路12号锦绣花园3栋"


def test_a_building_on_the_list_stops_its_rooms_in_any_spelling(songda: Songda, tmp_path: Path) -> None:
    added = songda("blocklist", "add", BUILDING, "--reason", "demolished", "--source", "街道办公告", "--json").json
    assert added["rules"][0]["key"] == "320508;r=人民路;n=12;p=锦绣花园;b=3"
    (tmp_path / "in.txt").write_text(
        f"{BUILDING}502室\n苏州姑苏区人民路１２号锦绣花园三幢\n{BUILDING}1\n无\n{DOOR}\n", "utf-8"
    )
    said = songda("blocklist", "check", "in.txt", "--out", "hits.csv", "--json").json
    assert [(hit["row_no"], hit["reason"]) for hit in said["hits"]][:2] == [(1, "demolished"), (2, "demolished")]
    assert (4, "placeholder") in [(hit["row_no"], hit["reason"]) for hit in said["hits"]]
    assert 5 not in [hit["row_no"] for hit in said["hits"]]
    assert mode(tmp_path / "hits.csv") == 0o600
    assert "已拆除" in songda("blocklist", "check", "in.txt").out


def test_a_rule_reaches_as_far_as_asked_and_holds_on_its_days(songda: Songda, tmp_path: Path) -> None:
    days = ("--from", "2026-01-01", "--to", "2026-06-30")
    words = (
        "blocklist",
        "add",
        f"{BUILDING}502室",
        "--at",
        "poi",
        "--level",
        "grey",
        "--reason",
        "institution_hospital",
    )
    assert songda(*words, *days, "--json").json["rules"][0]["key"] == "320508;r=人民路;n=12;p=锦绣花园"
    (tmp_path / "in.txt").write_text("江苏省苏州市姑苏区人民路12号锦绣花园9栋\n", "utf-8")
    for day, grey in (("2026-06-30", 1), ("2026-07-01", 0)):
        assert songda("blocklist", "check", "in.txt", "--as-of", day, "--json").json["grey"] == grey


def test_the_same_rule_is_added_once_and_lists_are_apart(songda: Songda, tmp_path: Path) -> None:
    words = ("blocklist", "add", BUILDING, "--reason", "demolished", "--tenant", "bank", "--json")
    assert songda(*words).json["added"] == 1
    assert (songda(*words).json["added"], songda(*words).json["already"]) == (0, 1)
    path = tmp_path / "home/address/blocklists/bank.csv"
    assert mode(path) == 0o600
    assert mode(path.parent) == 0o700
    assert len(songda("blocklist", "list", "--tenant", "bank", "--json").json["rules"]) == 5
    assert len(songda("blocklist", "list", "--json").json["rules"]) == 4
    assert "已拆除" in songda("blocklist", "list", "--tenant", "bank").out


def test_a_file_of_rules_is_taken_whole_or_not_at_all(songda: Songda, tmp_path: Path) -> None:
    header = "地址,级别,原因,到哪一级,失效日期,来源\n"
    good = f"{BUILDING},黑名单,demolished,,,公告\n{DOOR},灰,agency_mass_address,road_no,2027-12-31,\n"
    bad = "鼓楼区中山北路1号,黑,demolished,,,\n" + f"{BUILDING},黑,拆了,,,\n"
    (tmp_path / "good.csv").write_text(header + good, "utf-8")
    (tmp_path / "bad.csv").write_text(header + good + f"{BUILDING},黑,拆了,,,\n{DOOR},黑,other,,31.12.2027,\n", "utf-8")
    (tmp_path / "vague.csv").write_text(header + good + bad, "utf-8")
    said = songda("blocklist", "add", "--file", "bad.csv", "--json", code=65)
    assert [(each["row_no"], each["column"]) for each in said.json["problems"]] == [(4, "reason"), (5, "valid_to")]
    vague = songda("blocklist", "add", "--file", "vague.csv", code=65)
    assert "1 处问题" in refused(vague)
    assert "读不出这个地址是哪一处" in vague.out
    assert not (tmp_path / "home").exists()
    rules = songda("blocklist", "add", "--file", "good.csv", "--json").json["rules"]
    assert [(rule["level"], rule["key"], rule["valid_to"]) for rule in rules] == [
        ("black", "320508;r=人民路;n=12;p=锦绣花园;b=3", None),
        ("grey", "330105;r=延安路;n=295", "2027-12-31"),
    ]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 64, "要加入的地址"),
        ((BUILDING,), 64, "demolished（已拆除或已搬空）"),
        ((BUILDING, "--reason", "because"), 65, "原因代码不认识"),
        ((BUILDING, "--reason", "other", "--level", "red"), 65, "级别"),
        ((BUILDING, "--reason", "other", "--at", "room"), 65, "没有写到房号"),
        ((BUILDING, "--reason", "other", "--from", "tomorrow"), 65, "日期的写法不对"),
        (("鼓楼区中山北路12号", "--reason", "other"), 65, "读不出这个地址是哪一处"),
        (("无", "--reason", "other"), 65, "读不出这个地址是哪一处"),
        (("江苏省苏州市姑苏区", "--reason", "other"), 65, "整个行政区"),
        ((BUILDING, "--reason", "other", "--tenant", "a/b"), 64, "机构简称"),
    ],
)
def test_what_is_no_rule_is_told_and_no_list_is_made(
    songda: Songda, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    assert said in refused(songda("blocklist", "add", *words, code=code))
    assert not (tmp_path / "home").exists()


def test_a_list_that_was_spoiled_by_hand_is_refused_with_its_rows(songda: Songda, tmp_path: Path) -> None:
    path = tmp_path / "home/address/blocklists/own.csv"
    path.parent.mkdir(parents=True)
    path.write_text("level,reason,key\nblack,demolished,320508\n", "utf-8")
    (tmp_path / "in.txt").write_text(DOOR, "utf-8")
    said = songda("blocklist", "check", "in.txt", code=65)
    assert "有 1 处问题" in refused(said)
    assert "规则包括整个行政区" in said.out


def test_addresses_of_many_persons_are_found_and_no_person_is_told(songda: Songda, tmp_path: Path) -> None:
    rows = [["身份证号", "地址"], *([f"11010119900307{number:04}", f"{BUILDING}1203室"] for number in range(25))]
    workbook(tmp_path / "in.xlsx", [*rows, ["110101199003079999", DOOR]])
    words = ("blocklist", "check", "in.xlsx", "--persons", "身份证号", "--k", "20")
    said = songda(*words, "--json")
    assert said.json["mass_addresses"] == [
        {"key": "320508;r=人民路;n=12;p=锦绣花园;b=3;m=1203", "level": "room", "persons": 25, "rows": 25}
    ]
    assert "许多人共用的地址" in songda(*words).out
    assert "110101199003" not in said.out + songda(*words).out


def test_rows_without_a_person_make_no_address_suspicious(songda: Songda, tmp_path: Path) -> None:
    rows = [["编号", "地址"], ["A1", DOOR], *([blank, DOOR] for blank in ("", " ", None, "", "  "))]
    workbook(tmp_path / "in.xlsx", rows)
    said = songda("blocklist", "check", "in.xlsx", "--persons", "编号", "--k", "2", "--json")
    assert said.json["mass_addresses"] == []


# the guide

GUIDE = Path(__file__).parents[2] / "docs/address.md"


def test_the_examples_of_the_guide_are_true() -> None:
    blocks = re.findall(r"```pycon\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, GUIDE.name, None, 0)
    assert len(test.examples) > 20
    assert doctest.DocTestRunner().run(test).failed == 0


def test_the_guide_names_every_column_label_issue_and_verdict() -> None:
    from songda.address.compiled.tagger import LABELS
    from songda.address.dedupe import HOW
    from songda.address.identity import VERDICTS

    text = GUIDE.read_text("utf-8")
    for name in (*STANDARD, *LABELS, *HOW, *VERDICTS):
        assert f"`{name}`" in text, name
    for code, each in words().issues.items():
        assert f"| `{code}` | {each.zh} | {each.remedy} |" in text
    assert words().labels.keys() == set(LABELS)
