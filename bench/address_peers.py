"""The address engine beside the other open readers of Chinese addresses, in one run, on the given texts.

    .venv/bin/python bench/address_peers.py --install ~/.cache/songda-peers [--only cpca,jionlp]
    .venv/bin/python bench/address_peers.py --peers ~/.cache/songda-peers [--only cpca,jionlp] [--json] [--out address_peers.json]
    .venv/bin/python bench/address_peers.py --spans [--gold FILE]

The peers are no dependencies: `--install` puts them into a folder outside the repository (a Python environment, a node_modules, and,
where there is a JDK, a compiled adapter for the Java one), and one that is not there is skipped with the sentence that installs it. Each
runs in a process of its own, behind a small adapter in bench/peers, as its own front page calls it. Needs SONGDA_TEST_DATA for all that
is right or wrong; without it only speed and memory are measured, on made texts.

Over the 300 labelled lines of address_gold_dev.jsonl, in per cent:
    div3    province, city and district all right, and none found that is not labelled
    div4    the same and the town
    old     right, too, when it is the old name of the same place (监利县 for 监利市), or another class of the same town
    fill    province and city cut out of the text, all three must come back: lines whose district no other one shares its name with;
            `fill all` those, too, whose district's name more than one county bears or bore (鼓楼区), which are not to be guessed
    road …  equal after the normal form of bench/address_gold.py, over all lines, for readers that give this part
            (most lines have no such part; the second table tells how many of the labelled ones were found)
    gained, lost
            lines right in div3 (div4, if it knows towns) here and wrong with songda, and the other way round
Over the 9,556 lines of addresses_real.txt, read once from beginning to end, no list twice: texts per second of processor time of the
whole process (all threads, collectors and compilers included), and its peak memory. Times vary on a shared machine: compare the ratios of
one run. songda is measured a second time at the end, and the difference printed.

What counts as right is told in bench/peers/judge.py. songda was developed with these 300 lines before its eyes, and the peers were not:
its lead here is an upper bound. The figures published for these peers elsewhere in the project stem from about 3,000 other texts, of
yellow pages, whose rights allow neither training nor passing on; they are not here, so those figures cannot be made again by this
command. Nor can the two be compared: these texts are of another kind, shop orders with a repeated beginning and remarks of a map.

`--spans` scores songda.address.tag over labelled spans (default: address_spans_train.jsonl, of which the shipped weights may have been
trained; then the figure says nothing about other texts).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import span_f1
from bench.address_gold import normal
from bench.peers import judge

ROOT = Path(__file__).resolve().parents[1]
ADAPTERS = ROOT / "bench" / "peers"
TABLE = (
    *("reader", "div3", "div4", "div3 old", "div4 old", "gained", "lost", "fill", "fill all"),
    *judge.FINE,
    *("texts per CPU s", "times songda", "MiB"),
)
MISSING = "–"


@dataclass(frozen=True, slots=True)
class Peer:
    name: str
    version: str
    #: python, node or java: which adapter speaks for it.
    kind: str
    #: What pip or npm is asked for.
    packages: tuple[str, ...]
    #: What lies in the folder once it is installed, relative to it.
    proof: str
    towns: bool = False
    fine: bool = False


PEERS = (
    Peer("cpca", "0.5.5", "python", ("cpca==0.5.5", "setuptools<81"), "python/lib/*/site-packages/cpca"),
    Peer(
        "addressparser", "0.2.4", "python", ("addressparser==0.2.4", "six"), "python/lib/*/site-packages/addressparser"
    ),
    Peer("jionlp", "1.5.31", "python", ("jionlp==1.5.31",), "python/lib/*/site-packages/jionlp", towns=True),
    Peer(
        "GeocodingCHN",
        "1.4.5",
        "java",
        ("--no-deps", "GeocodingCHN==1.4.5"),
        "java/GeocodingPeer.class",
        towns=True,
        fine=True,
    ),
    Peer("zh-address-parse", "1.3.16", "node", ("zh-address-parse@1.3.16",), "node_modules/zh-address-parse"),
    Peer("address-parse", "1.2.19", "node", ("address-parse@1.2.19",), "node_modules/address-parse"),
    Peer(
        *("address-smart-parse-2", "2.0.17", "node"),
        ("address-smart-parse-2@npm:address-smart-parse@2.0.17", "esbuild@0.25"),
        "address-smart-parse-2.cjs",
        towns=True,
    ),
    Peer(
        *("address-smart-parse-4", "4.0.3", "node", ("address-smart-parse-4@npm:address-smart-parse@4.0.3",)),
        "node_modules/address-smart-parse-4",
        towns=True,
    ),
    Peer(
        *("address-parser-cn", "0.1.0", "node", ("address-parser-cn@0.1.0",), "node_modules/address-parser-cn"),
        towns=True,
    ),
)
SONGDA = Peer("songda", "", "songda", (), "", towns=True, fine=True)

_COUNTIES = (
    *(
        "北京市海淀区",
        "上海市浦东新区",
        "重庆市渝北区",
        "浙江省杭州市西湖区",
        "江苏省苏州市昆山市",
        "广东省深圳市南山区",
    ),
    *(
        "四川省成都市武侯区",
        "湖北省武汉市洪山区",
        "陕西省西安市雁塔区",
        "河南省郑州市金水区",
        "山东省青岛市市南区",
        "湖南长沙岳麓区",
    ),
    *("福建厦门思明区", "辽宁大连沙河口区", "云南昆明官渡区", "广西南宁青秀区", "新疆乌鲁木齐天山区", "安徽合肥蜀山区"),
)
_ENDINGS = (
    "{road}{n}号{estate}{b}幢{u}单元{r}室",
    "{road}{n}弄{b}号{r}室",
    "【{estate}{b}-{u}-{r}】({road}附近)",
    "{estate}{b}栋{r}",
)


def made_texts(count: int) -> list[str]:
    """Different texts to warm up with, none of which is measured."""
    roads, estates = (
        ("文三路", "人民路", "建设大道", "桂花街", "解放东路"),
        ("锦绣花园", "翠竹苑", "望江公寓", "书香雅居"),
    )
    shapes = product(range(1, 99), _COUNTIES, roads, estates, _ENDINGS)
    step = len(_COUNTIES) * len(roads) * len(estates) * len(_ENDINGS) * 98 // count
    return [
        county + ending.format(road=road, estate=estate, n=n, b=n % 30 + 1, u=n % 4 + 1, r=n % 30 * 100 + n % 8 + 101)
        for at, (n, county, road, estate, ending) in enumerate(shapes)
        if at % step == 0
    ][:count]


def install(folder: Path, peers: Sequence[Peer]) -> None:
    if folder.is_relative_to(ROOT):
        sys.exit(f"{folder} lies in the repository. Name a folder outside it, such as ~/.cache/songda-peers.")
    folder.mkdir(parents=True, exist_ok=True)
    for peer in peers:
        try:
            for command in _installing(folder, peer):
                subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError) as e:
            print(f"{peer.name} {peer.version} could not be installed: {e}")
        else:
            print(f"{peer.name} {peer.version} installed")


def _installing(folder: Path, peer: Peer) -> Iterator[list[str]]:
    python = folder / "python" / "bin" / "python"
    if peer.kind == "node":
        if not (folder / "package.json").exists():
            (folder / "package.json").write_text('{"private": true}\n', encoding="utf-8")
        yield ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error", *peer.packages]
        if peer.proof.endswith(".cjs"):
            entry = f"node_modules/{peer.name}/index.js"
            bundle = ["--bundle", "--platform=node", "--format=cjs", "--log-level=error", f"--outfile={peer.proof}"]
            yield ["node_modules/.bin/esbuild", entry, *bundle]
        return
    if not python.exists():
        yield [sys.executable, "-m", "venv", str(folder / "python")]
    yield [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *peer.packages]
    if peer.kind == "java":
        (folder / "java").mkdir(exist_ok=True)
        source = str(ADAPTERS / "GeocodingPeer.java")
        yield ["javac", "-encoding", "UTF-8", "-cp", str(_jar(folder)), "-d", str(folder / "java"), source]


def _jar(folder: Path) -> Path:
    return next(folder.glob("python/lib/*/site-packages/GeocodingCHN/geocoding.jar"))


def missing(peer: Peer, folder: Path | None) -> str | None:
    """Why `peer` cannot run here, and what to type; None when it can."""
    if peer is SONGDA:
        return None
    if folder is None or not any(folder.glob(peer.proof)):
        where = folder or "FOLDER"
        return f"not installed: python bench/address_peers.py --install {where} --only {peer.name}"
    program = {"node": "node", "java": "java"}.get(peer.kind)
    return f"needs {program}, which is not on this machine" if program and not shutil.which(program) else None


def _command(peer: Peer, folder: Path | None) -> list[str]:
    if peer is SONGDA or folder is None:
        return [sys.executable, str(ADAPTERS / "python_peers.py"), "songda"]
    if peer.kind == "java":
        return ["java", "-cp", f"{_jar(folder)}{os.pathsep}{folder / 'java'}", "GeocodingPeer"]
    if peer.kind == "node":
        return ["node", "--no-warnings", str(ADAPTERS / "node_peers.cjs"), peer.name, str(folder)]
    return [str(folder / "python" / "bin" / "python"), "-W", "ignore", str(ADAPTERS / "python_peers.py"), peer.name]


Answers = dict[str, dict[str, Any]]


def ask(peer: Peer, folder: Path | None, texts: dict[str, list[str]], *, timed: str) -> Answers | None:
    """What `peer` answers to every list of `texts`, in their order; rows for all but the list `timed` and the one to warm up with."""
    orders = [
        json.dumps({"name": name, "texts": each, "rows": name not in {"warm", timed}}, ensure_ascii=False)
        for name, each in texts.items()
    ]
    command = _command(peer, folder)
    done = subprocess.run(command, input="\n".join(orders) + "\n", capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        print(f"{peer.name}: ended with {done.returncode}: {done.stderr.strip()[-500:]}", file=sys.stderr)
        return None
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return {each["name"]: each for each in answers}


class Labelled:
    """The labelled lines, and the same without province and city."""

    def __init__(self, folder: Path) -> None:
        self.places = judge.divisions(folder)
        lines = (folder / "address_gold_dev.jsonl").read_text(encoding="utf-8").splitlines()
        self.gold: list[dict[str, Any]] = [json.loads(line) for line in lines]
        cuts = [(each, judge.cut(each, self.places)) for each in self.gold]
        self.cut = [(each, short) for each, short in cuts if short]

    def texts(self) -> dict[str, list[str]]:
        return {"gold": [each["text"] for each in self.gold], "cut": [short.text for _, short in self.cut]}

    def verdicts(self, answers: Answers, of: str) -> list[judge.Verdict]:
        gold = self.gold if of == "gold" else [each for each, _ in self.cut]
        found = [judge.settled(row, self.places) for row in answers[of]["rows"]]
        return [judge.verdict(each, row, self.places) for each, row in zip(gold, found, strict=True)]

    def figures(self, peer: Peer, answers: Answers, ours: Answers) -> dict[str, Any]:
        verdicts, rivals = self.verdicts(answers, "gold"), self.verdicts(ours, "gold")
        right = [each.div4 if peer.towns else each.div3 for each in verdicts]
        known = [each.div4 if peer.towns else each.div3 for each in rivals]
        filled = [each.div3 for each in self.verdicts(answers, "cut")]
        figures: dict[str, Any] = {
            "div3": _percent([each.div3 for each in verdicts]),
            "div4": _percent([each.div4 for each in verdicts]) if peer.towns else MISSING,
            "div3 old": _percent([each.lenient3 for each in verdicts]),
            "div4 old": _percent([each.lenient4 for each in verdicts]) if peer.towns else MISSING,
            "gained": sum(a and not b for a, b in zip(right, known, strict=True)),
            "lost": sum(b and not a for a, b in zip(right, known, strict=True)),
            "fill": _percent([ok for ok, (_, short) in zip(filled, self.cut, strict=True) if short.only_one]),
            "fill all": _percent(filled),
        }
        for part, pairs in self.parts(answers).items():
            figures[part] = _percent([labelled == found for labelled, found in pairs]) if peer.fine else MISSING
        return figures

    def parts(self, answers: Answers) -> dict[str, list[tuple[str, str]]]:
        """Town and finer parts, as labelled and as found, line by line."""
        rows = [judge.settled(row, self.places) for row in answers["gold"]["rows"]]
        return {
            part: [(normal(each[part]), normal(row.get(part))) for each, row in zip(self.gold, rows, strict=True)]
            for part in ("town", *judge.FINE)
        }

    def where_labelled(self, peer: Peer, answers: Answers) -> dict[str, Any]:
        """The same over the lines in which a part is labelled: its recall."""
        figures = {}
        for part, pairs in self.parts(answers).items():
            stated = [labelled == found for labelled, found in pairs if labelled]
            known = peer.towns if part == "town" else peer.fine
            figures[f"{part} ({len(stated)})"] = _percent(stated) if known else MISSING
        return figures

    def lost_to(self, peer: Peer, answers: Answers, ours: Answers) -> Iterator[str]:
        """The lines that `peer` reads right and songda does not."""
        level = ("province", "city", "district", "town") if peer.towns else ("province", "city", "district")
        pairs = zip(self.verdicts(answers, "gold"), self.verdicts(ours, "gold"), strict=True)
        for each, row, (theirs, mine) in zip(self.gold, ours["gold"]["rows"], pairs, strict=True):
            if (theirs.div4 > mine.div4) if peer.towns else (theirs.div3 > mine.div3):
                labelled, found = ([str(one[key] or MISSING) for key in level] for one in (each, row))
                yield f"{each['text']}\n    labelled {' '.join(labelled)}, songda {' '.join(found)}   {each['note'] or ''}"


def _percent(right: Sequence[bool]) -> float:
    return round(100 * sum(right) / max(1, len(right)), 1)


def measure(peers: Sequence[Peer], folder: Path | None, *, lost_to: str | None) -> dict[str, Any]:
    data = Path(os.environ["SONGDA_TEST_DATA"]) if os.environ.get("SONGDA_TEST_DATA") else None
    labelled = Labelled(data) if data else None
    real = (data / "addresses_real.txt").read_text(encoding="utf-8").splitlines() if data else made_texts(8000)
    made = made_texts(10_000)
    texts = {"warm": made[-2000:], "real": real} | (labelled.texts() if labelled else {})
    ours = ask(SONGDA, folder, texts, timed="real")
    if ours is None:
        sys.exit(1)
    rate = len(real) / ours["real"]["cpu_s"]
    rows: list[dict[str, Any]] = []
    recall: list[dict[str, Any]] = []
    for peer in (SONGDA, *peers):
        reason = missing(peer, folder)
        answers = ours if peer is SONGDA else None if reason else ask(peer, folder, texts, timed="real")
        if reason:
            print(f"{peer.name} {peer.version} is skipped: {reason}", file=sys.stderr)
        if answers is None:
            continue
        its_rate = len(real) / max(answers["real"]["cpu_s"], 1e-3)
        speed = {"texts per CPU s": round(its_rate), "times songda": round(its_rate / rate, 2)}
        figures = labelled.figures(peer, answers, ours) if labelled else {}
        name = f"{peer.name} {peer.version}".strip()
        row = {"reader": name, **figures, **speed, "MiB": round(answers["real"]["rss_mib"])}
        rows.append({column: row[column] for column in TABLE if column in row})
        if labelled and peer.towns:
            recall.append({"reader": name, **labelled.where_labelled(peer, answers)})
        if labelled and peer.name == lost_to:
            print(*labelled.lost_to(peer, answers, ours), sep="\n")
    again = ask(SONGDA, folder, {name: texts[name] for name in ("warm", "real")}, timed="real")
    drift = len(real) / again["real"]["cpu_s"] / rate if again else 1.0
    counts: dict[str, Any] = {"texts read for speed and memory": len(real)}
    if labelled:
        counts |= {
            "labelled texts": len(labelled.gold),
            "texts without province and city": len(labelled.cut),
            "of these, with a district's name that no other county bears": sum(
                short.only_one for _, short in labelled.cut
            ),
        }
    counts["songda again at the end, times its first speed"] = round(drift, 2)
    return counts | {"readers": rows} | ({"recall": recall} if recall else {})


def spans(gold: Path) -> dict[str, Any]:
    """Span F1 of songda.address.tag over a file of `{"text": …, "spans": [[piece, label], …]}`; empty while there is no tagger."""
    import songda.address

    tag = getattr(songda.address, "tag", None)
    if tag is None:
        print("Spans are skipped: songda.address has no `tag` yet.", file=sys.stderr)
        return {}
    lines = [json.loads(line) for line in gold.read_text(encoding="utf-8").splitlines()]
    texts = [line["text"] for line in lines]
    labelled = [span_f1.from_pieces(line["spans"]) for line in lines]
    found = [span_f1.from_tagger(text, each) for text, each in zip(texts, tag(texts), strict=True)]
    total = span_f1.score(labelled, found)
    rows = [
        {
            "label": label,
            "F1": round(100 * each.f1, 1),
            "precision": round(100 * each.precision, 1),
            "recall": round(100 * each.recall, 1),
            "stated": each.stated,
        }
        for label, each in (("all", total), *total.by_label.items())
    ]
    return {"texts with labelled spans": len(lines), "spans": rows}


def table(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    shown = [[f"{each:,}" if isinstance(each, int | float) else str(each) for each in row.values()] for row in rows]
    lines = [list(rows[0]), *shown]
    widths = [max(len(line[at]) for line in lines) for at in range(len(rows[0]))]
    for line in lines:
        first, *rest = (
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        yield "  ".join((first, *rest))


def show(figures: dict[str, Any]) -> None:
    for name, value in figures.items():
        if isinstance(value, list):
            print("", f"{name}:", *table(value), sep="\n")
        else:
            print(f"{name}: {value:,}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--install", metavar="FOLDER", type=Path, help="install the peers there and end")
    parser.add_argument("--peers", metavar="FOLDER", type=Path, help="where they are installed")
    parser.add_argument("--only", metavar="NAME,…", help="these peers; songda is always measured")
    parser.add_argument(
        "--lost-to", metavar="NAME", help="print the lines that this peer reads right and songda does not"
    )
    parser.add_argument("--spans", action="store_true", help="score songda.address.tag")
    parser.add_argument(
        "--gold", metavar="FILE", type=Path, help="labelled spans, instead of those of SONGDA_TEST_DATA"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--out", metavar="FILE", type=Path, help="write the figures as JSON")
    chosen = parser.parse_args()
    known = {peer.name: peer for peer in PEERS}
    names = chosen.only.split(",") if chosen.only else list(known)
    if unknown := [name for name in (*names, chosen.lost_to or names[0]) if name not in known]:
        parser.error(f"unknown peer {unknown[0]}; known are {', '.join(known)}")
    peers = [known[name] for name in names]
    if chosen.install:
        install(chosen.install.expanduser().resolve(), peers)
        return
    figures: dict[str, Any] = {}
    if chosen.peers or not chosen.spans:
        folder = chosen.peers.expanduser().resolve() if chosen.peers else None
        figures = measure(peers, folder, lost_to=chosen.lost_to)
    if chosen.spans:
        given = os.environ.get("SONGDA_TEST_DATA")
        gold = chosen.gold or (Path(given) / "address_spans_train.jsonl" if given else None)
        if gold:
            figures |= spans(gold)
        else:
            print(
                "Spans are skipped: name a file with --gold, or the folder of the data in SONGDA_TEST_DATA.",
                file=sys.stderr,
            )
    if chosen.json:
        print(json.dumps(figures, ensure_ascii=False, indent=2))
    else:
        show(figures)
    if chosen.out:
        chosen.out.write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
