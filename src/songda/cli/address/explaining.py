"""`songda address explain`: which words led to what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from songda.cli.address.options import WeightsFolder
from songda.cli.address.reading import own_weights
from songda.cli.address.screen import show_table, visible
from songda.cli.address.words import field, issue, words
from songda.cli.opening import JsonFlag, print_json, tell_of_compiling

_FINE = ("village", "group", "road", "road_no", "poi", "building", "unit", "floor", "room", "landmark", "noise", "also")
_FIGURES = ("standard", "label", "postcode", "level", "completeness", "confidence", "place_key", "place_keys")


def explain(
    text: Annotated[str, typer.Argument(help="One address, in quotation marks.")],
    weights: WeightsFolder = None,
    as_json: JsonFlag = False,
) -> None:
    """Show how one address is read: which words led to what, which divisions and why, what else it could be.

    Example: songda address explain "浙江杭州下城区延安路２９５号二单元301"
    """
    tell_of_compiling()
    found = explained(text, weights=own_weights(weights))
    if as_json:
        print_json(found)
    else:
        _show(found)


def explained(text: str, *, weights: Any = None) -> dict[str, Any]:
    """How `text` is read, ready for JSON: spans, divisions and why, parts, corrections, alternatives, issues, keys."""
    from songda.address import standardize, tag

    row = standardize([text], weights=weights).row(0, named=True)
    corrections = [correction(entry) for entry in row["corrections"]]
    labels = words().labels
    return {
        "text": text,
        "spans": [
            {
                "start": span.start,
                "end": span.end,
                "label": span.label,
                "label_zh": labels.get(span.label, span.label),
                "text": span.text,
            }
            for span in tag([text], weights=weights)[0]
        ],
        "divisions": [
            {
                "field": name,
                "name": row[name],
                "code": code,
                "inferred": name in row["inferred"],
                "corrections": [each for each in corrections if each["field"] == name],
            }
            for name, code in _codes(row).items()
            if row[name]
        ],
        "parts": {name: row[name] for name in _FINE if row[name]},
        "corrections": corrections,
        "alternatives": row["alternatives"],
        "issues": [{"code": code, **issue(code)._asdict()} for code in row["issues"]],
        **{name: row[name] for name in _FIGURES},
    }


def _codes(row: Mapping[str, Any]) -> dict[str, str | None]:
    """The code of each division, from the deepest of them."""
    code = row["adcode"] or ""
    municipality = bool(row["city"]) and row["city"] == row["province"]
    return {
        "province": f"{code[:2]}0000" if code else None,
        "city": (f"{code[:2]}0000" if municipality else f"{code[:4]}00") if code else None,
        "district": code or None,
        "town": row["town_code"],
    }


def correction(entry: str) -> dict[str, str]:
    """`district:下城区>拱墅区:merged 2021` as fields, with a Chinese sentence.

    >>> correction("district:下城区>拱墅区:merged 2021")["zh"]
    '区县“下城区”今为“拱墅区”（2021 年并入）'
    >>> correction("district:西胡区>西湖区:typo")["zh"]
    '区县“西胡区”应为“西湖区”（错别字）'
    """
    name, _, rest = entry.partition(":")
    change, _, reason = rest.rpartition(":")
    old, _, new = change.partition(">")
    word, _, year = reason.rpartition(" ") if reason[-4:].isdigit() else (reason, "", "")
    word = word.strip(" ,")
    why = (f"{year} 年" if year else "") + words().corrections.get(word, word)
    return {
        "field": name,
        "from": old,
        "to": new,
        "why": word,
        "year": year,
        "zh": f"{field(name)}“{old}”{'应' if word == 'typo' else '今'}为“{new}”" + (f"（{why}）" if why else ""),
    }


def _show(found: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)

    def say(text: str) -> None:
        console.print(Text(visible(text)), soft_wrap=True)

    line, colours = Text(), words().colours
    for span in found["spans"]:
        line.append(visible(span["text"]), style=colours.get(span["label"], "dim"))
        line.append(f"/{span['label']} ", style="dim")
    console.print(line)
    show_table(
        "哪些字读成什么",
        ("原文", "标签", "含义", "位置"),
        [(s["text"], s["label"], s["label_zh"], f"{s['start']}–{s['end']}") for s in found["spans"]],
    )
    if found["divisions"]:
        show_table(
            "行政区划",
            ("级别", "名称", "代码", "依据"),
            [(field(d["field"]), d["name"], d["code"] or "", _why(d)) for d in found["divisions"]],
        )
    if found["parts"]:
        show_table("细部", ("项目", "内容"), [(field(name), value) for name, value in found["parts"].items()])
    say(f"标准地址：{found['standard'] or '（读不出）'}")
    for number, label in enumerate(found["label"], start=1):
        say(f"信封第 {number} 行：{label}")
    say(
        f"邮编 {found['postcode'] or '不详'}，读到{field(found['level'])}，"
        f"完整度 {found['completeness']:.2f}，把握 {found['confidence']:.2f}"
    )
    for title, lines in (
        ("更正", [each["zh"] for each in found["corrections"]]),
        ("也可能是", found["alternatives"]),
        ("提示", [_told(each) for each in found["issues"]]),
    ):
        for text in lines:
            say(f"{title}：{text}")
    for key in found["place_keys"]:
        say(f"地点键：{key}")


def _why(division: Mapping[str, Any]) -> str:
    if division["corrections"]:
        return "；".join(each["zh"] for each in division["corrections"])
    return "推断：原文没有写" if division["inferred"] else "原文写明"


def _told(each: Mapping[str, str]) -> str:
    return f"{each['zh']}（{each['code']}）" + (f"。{each['remedy']}" if each["remedy"] else "")
