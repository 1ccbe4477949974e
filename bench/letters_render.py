"""How fast letters become records, print files and proof, what they weigh, and what other engines need for the same letter.

    .venv/bin/python bench/letters_render.py [--letters 1000] [--workers 2] [--peers ~/.cache/songda-peers] [--out letters_render.json]
    .venv/bin/python bench/letters_render.py --install ~/.cache/songda-peers

The way of a letter, all of it the product's own code: checked and set (PDF/A-2a, tagged), hashed, packed, sealed and on the disk; read
back, hashed again, merged into files of 500, stamped with sheet codes and waybill, hashed, sealed and on the disk. Two sheets in three
are 律师函, the others 催告函, two pages each; every sixth letter is about two or three contracts, three names in a hundred are rare.
The last print file is held against its records, page by page.

Seconds by the clock depend on who else works on the machine. `cpu_ms_per_letter` counts the processor time of the whole process tree;
`per_s_of_two_cores` is what two cores that do nothing else can make of it. Memory is that of all processes together, looked at every
half second. People and addresses are invented.

The peers (`--install FOLDER`, outside the repository) get the words, the table and the QR code of the same letters, and set them the way
their own guides show; they are measured one after the other in one process. Their pages are no copies of ours: no tags, no seal, no PDF/A.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.memory import Memory, cpu_s
from songda.letters import (
    Addressee,
    Content,
    DebtLine,
    Firm,
    Institution,
    Kind,
    Lawyer,
    Mandate,
    Manifest,
    Packing,
    Piece,
    Rendered,
    RepayAccount,
    Seal,
    build_run,
    house_template,
    load_products,
    render_many,
    verify_print,
)
from songda.letters.codes import png, qr
from songda.letters.outlines import FONTS, RARE
from songda.letters.printed import passages
from songda.letters.template import PACKAGES, typst_of
from songda.letters.view import view
from songda.vault import (
    DataKey,
    LocalMasterKey,
    SegmentWriter,
    Slot,
    new_data_key,
    open_data_key,
    read_segment,
    write_sealed,
)

ADAPTER = Path(__file__).parent / "peers" / "letter_peers.py"
#: Letters a segment, as songda.flow.produce keeps them.
CHUNK = 250

DAY = date(2026, 11, 25)
FIRM = Firm("青石律师事务所", "上海市黄浦区测试路1号青石大厦18层", "200001", "021-55550000", "23101202600000001")
LAWYER = Lawyer("刘正言", "13101202600000002", "021-55550018")
CREDITOR = "云杉消费金融有限公司"
INSTITUTION = Institution(
    name=CREDITOR,
    address="上海市浦东新区样例路9号",
    phone="400-000-1234",
    complaint_phone="400-000-5678",
    query_channel="“云杉金融”应用“我的合同”页面",
    dispute_channel="“云杉金融”应用“异议申请”页面或者电话 400-000-1234",
    hardship_channel="“云杉金融”应用“还款协商”页面或者电话 400-000-1234",
    data_protection_contact="privacy@yunshan.example",
    repay_accounts=(RepayAccount(CREDITOR, "样例银行上海分行营业部", "31010000000000001234"),),
    official_app="云杉金融",
)
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
GIVEN = "伟芳娜敏静秀丽强磊军洋勇艳杰娟涛明超兰霞平刚桂英文华玉萍红建国春梅海燕志雪"
#: Given names that only the rare faces draw, or hardly any font.
RARE_NAMES = ("㛃", "䶮", "𬎆", "𡋾", "㙍", "𠮷", "彧", "翀", "赟", "犇", "玥瑾", "𣲗", "堃", "淏")
TOWNS = (
    ("浙江省杭州市西湖区文新街道", "310012"),
    ("江苏省苏州市工业园区唯亭街道", "215121"),
    ("广东省深圳市龙岗区坂田街道", "518129"),
    ("四川省成都市武侯区桂溪街道", "610041"),
    ("河南省郑州市金水区经八路街道", "450003"),
    ("新疆维吾尔自治区乌鲁木齐市天山区团结路街道", "830002"),
    ("黑龙江省哈尔滨市道里区群力街道", "150070"),
    ("广西壮族自治区南宁市青秀区新竹街道", "530022"),
)
ROADS = (
    "文一路",
    "星湖街",
    "雪岗北路",
    "天府大道",
    "黄河路",
    "解放南路",
    "上江街",
    "民族大道",
    "延安东路",
    "建设三马路",
)
ESTATES = ("翠苑小区", "金鸡湖花园", "万科第五园", "锦绣天府", "阳光新城", "书香雅居", "丽江苑", "怡和名都")
PRODUCTS = ("云享贷", "现金分期", "装修分期贷款（第二期）")


def debt_line(number: int) -> DebtLine:
    principal, interest = 500_000 + number * 7_919 % 4_000_000, 10_000 + number * 31 % 90_000
    penalty, fees, paid = number * 17 % 20_000, number % 3 * 1_000, 250_000
    return DebtLine(
        contract_no_masked=f"尾号{number * 7_919 % 10**6:06}",
        product_name=PRODUCTS[number % len(PRODUCTS)],
        disbursed_on=date(2024, number % 12 + 1, number % 28 + 1),
        loan_amount_fen=principal + paid,
        due_on=date(2025, number % 12 + 1, number % 28 + 1),
        overdue_since=date(2025, number % 12 + 1, number % 28 + 1),
        principal_fen=principal,
        interest_fen=interest,
        penalty_fen=penalty,
        fees_fen=fees,
        paid_fen=paid,
        total_fen=principal + interest + penalty + fees,
    )


def letter(number: int) -> Content:
    """A letter about one contract; every sixth is about two or three, every third is a reminder."""
    kind: Kind = "reminder" if number % 3 == 0 else "lawyer_letter"
    lines = tuple(debt_line(number * 3 + place) for place in range(1 if number % 6 else 2 + number % 2))
    # Numbers in a row must not be people in a row: the order is that of chance, the same every time.
    chance = random.Random(number)
    given = chance.choice(RARE_NAMES) if number % 33 == 0 else "".join(chance.choices(GIVEN, k=chance.randint(1, 2)))
    name = chance.choice(SURNAMES) + given
    (town, postcode), road, estate = chance.choice(TOWNS), chance.choice(ROADS), chance.choice(ESTATES)
    door = f"{chance.randint(1, 30)}幢{chance.randint(1, 4)}单元{chance.randint(1, 20)}0{chance.randint(1, 4)}室"
    street = f"{road}{chance.randint(1, 900)}号{estate}{door}"
    return Content(
        kind=kind,
        letter_no=f"（2026）青石函字第{number:06}号",
        date=DAY,
        firm=FIRM,
        lawyer=LAWYER,
        institution=INSTITUTION,
        addressee=Addressee(name, (town, street), postcode),
        mandate=Mandate("YS-WT-2026-0017", date(2026, 10, 8)),
        lines=lines,
        total_fen=sum(line.total_fen for line in lines),
        amounts_on=date(2026, 11, 24),
        pay_within_days=15,
        check_url=f"https://check.qingshi.example/l/{number * 2_654_435_761 % 2**32:08x}-bm90IGEgdG9rZW4",
        decided_by_model=True,
        drill=False,
        seal=Seal("ab12cd34ef" * 6 + "abcd", DAY),
    )


def letters(first: int, count: int) -> Iterator[tuple[str, Content]]:
    for number in range(first, first + count):
        yield f"ltr_{number}", letter(number)


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the record of a letter lies, and what is known of it."""

    segment: Path
    model: Slot
    slot: Slot
    sha256: str
    pages: int


@dataclass(frozen=True, slots=True)
class Timed:
    seconds: float
    cpu_s: float


def keep_all(folder: Path, key: DataKey, *, count: int, workers: int) -> tuple[list[Kept], Timed]:
    """Sets, packs and seals `count` letters, segment by segment, as songda.flow.produce does."""
    kept = list[Kept]()
    wall, cpu = time.perf_counter(), cpu_s()
    results = render_many(letters(1, count), workers=workers)
    while part := list(islice(results, CHUNK)):
        path = folder / f"{len(kept):07}.bin"
        records = [(letter_id, result) for letter_id, result in part if isinstance(result, Rendered)]
        assert len(records) == len(part), "a letter was held"
        like = b"".join(
            {letter(number).kind: result.pdf for number, (_, result) in enumerate(records, len(kept) + 1)}.values()
        )
        packing = Packing(like)
        with SegmentWriter(path) as segment:
            model = segment.append(key.seal(like, context=f"model:{path.name}"))
            for letter_id, record in records:
                slot = segment.append(key.seal(packing.pack(record.pdf), context=letter_id))
                kept.append(Kept(path, model, slot, record.sha256, record.pages))
    return kept, Timed(time.perf_counter() - wall, cpu_s() - cpu)


def reader(kept: list[Kept], key: DataKey) -> Any:
    """A function from the number of a letter to its record, which keeps the model of the last segment at hand."""
    last: dict[Path, Packing] = {}

    def read(number: int) -> bytes:
        place = kept[number - 1]
        if place.segment not in last:
            last.clear()
            model = read_segment(place.segment, place.model.offset, place.model.length)
            last[place.segment] = Packing(key.unseal(model, context=f"model:{place.segment.name}"))
        sealed = read_segment(place.segment, place.slot.offset, place.slot.length)
        return last[place.segment].unpack(key.unseal(sealed, context=f"ltr_{number}"))

    return read


def print_all(folder: Path, key: DataKey, kept: list[Kept], *, workers: int) -> tuple[Manifest, bytes, Timed]:
    """Merges, stamps and seals the print files of all letters; the manifest, and the last file as it was before sealing."""
    read, last = reader(kept, key), [b""]

    def write(name: str, data: bytes) -> None:
        write_sealed(folder / name, BytesIO(data), key=key, context=name)
        last[0] = data

    pieces = (
        Piece(
            f"pc_{seq}",
            seq,
            f"（2026）青石函字第{seq:06}号",
            f"{12 * 10**11 + seq}",
            partial(read, seq),
            each.sha256,
            each.pages,
        )
        for seq, each in enumerate(kept, 1)
    )
    wall, cpu = time.perf_counter(), cpu_s()
    manifest = build_run(pieces, run_id="run_1", job=1, day=DAY, products=load_products(), write=write, workers=workers)
    return manifest, last[0], Timed(time.perf_counter() - wall, cpu_s() - cpu)


def measure(*, count: int, workers: int, peers: Path | None) -> dict[str, Any]:
    master = LocalMasterKey(bytes(range(32)))
    key, folder = open_data_key(master, new_data_key(master)), Path(tempfile.mkdtemp(prefix="songda-bench-"))
    try:
        with Memory() as memory:
            kept, setting = keep_all(folder, key, count=count, workers=workers)
            at_rest = size(folder, "*.bin")
            manifest, last, printing = print_all(folder, key, kept, workers=workers)
        printed = size(folder, "*.pdf")
        read = reader(kept, key)
        wall, name = time.perf_counter(), manifest.files[-1].name
        problems = verify_print(last, name, manifest, lambda piece: read(int(piece.removeprefix("pc_"))))
        checking = time.perf_counter() - wall
        assert not problems, problems
    finally:
        shutil.rmtree(folder)
    cpu_ms = (setting.cpu_s + printing.cpu_s) / count * 1000
    figures = {
        "letters": count,
        "workers": workers,
        "pages_per_letter": round(sum(each.pages for each in kept) / count, 3),
        "letters_per_s": round(count / (setting.seconds + printing.seconds), 1),
        "cpu_ms_per_letter": round(cpu_ms, 2),
        "per_s_of_two_cores": round(2000 / cpu_ms, 1),
        "set_per_s": round(count / setting.seconds, 1),
        "set_cpu_ms": round(setting.cpu_s / count * 1000, 2),
        "print_per_s": round(count / printing.seconds, 1),
        "print_cpu_ms": round(printing.cpu_s / count * 1000, 2),
        "verify_per_s": round(manifest.files[-1].pieces / checking, 1),
        "peak_memory_mb": round(memory.peak_mb),
        "record_at_rest_bytes": round(at_rest / count),
        "print_file_at_rest_bytes": round(printed / count),
        "load": round(os.getloadavg()[0], 2),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    return figures | {"engines": [ours(), *side_by_side(peers)]}


def size(folder: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in folder.glob(pattern))


#: Letters that each engine sets, after a few to warm up.
_WARM, _ROUNDS = 5, 60


def ours() -> dict[str, Any]:
    from songda.letters import Renderer

    renderers = {kind: Renderer(house_template(kind)) for kind in ("lawyer_letter", "reminder")}
    return row("songda", (renderers[letter(n).kind].render(letter(n)).pdf for n in range(1, _WARM + _ROUNDS + 1)))


def row(name: str, pdfs: Iterator[bytes]) -> dict[str, Any]:
    for _ in islice(pdfs, _WARM):
        pass
    started, total, done = time.process_time(), 0, 0
    for pdf in pdfs:
        total, done = total + len(pdf), done + 1
    cpu = time.process_time() - started
    return {"engine": name, "cpu_ms": round(cpu / done * 1000, 1), "bytes": round(total / done)}


def typst_alone() -> Iterator[bytes]:
    """The same source and data, compiled letter by letter with whole faces: the engine without what is ours."""
    import typst

    with tempfile.TemporaryDirectory() as folder:
        for path in (*FONTS.glob("*.otf"), *RARE.glob("*.otf")):
            shutil.copy(path, folder)
        fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[folder])
        compiler = typst.Compiler(root=PACKAGES, font_paths=fonts, package_path=PACKAGES, package_cache_path=PACKAGES)
        for number in range(1, _WARM + _ROUNDS + 1):
            template = house_template(letter(number).kind)
            files: Any = {"main": typst_of(template), "data.json": view(letter(number), template.types)}
            pdf = compiler.compile(files, format="pdf", pdf_standards="a-2a", timestamp=1_795_564_800)
            assert isinstance(pdf, bytes)
            yield pdf


PEERS = {"reportlab": "reportlab==5.1.0", "weasyprint": "weasyprint==70.0", "fpdf2": "fpdf2==2.8.9"}


def side_by_side(folder: Path | None) -> Iterator[dict[str, Any]]:
    """A row for each engine that is installed in `folder`; the bare engine of ours always."""
    yield row("typst alone", typst_alone())
    if folder is None:
        return
    orders = "".join(json.dumps(plain(number), ensure_ascii=False) + "\n" for number in range(1, _WARM + _ROUNDS + 1))
    for name in PEERS:
        command = [
            str(folder / "python" / "bin" / "python"),
            "-W",
            "ignore",
            str(ADAPTER),
            name,
            str(folder / "letter-faces"),
        ]
        done = subprocess.run(command, input=orders, capture_output=True, encoding="utf-8", check=False)
        if done.returncode:
            print(f"{name}: {done.stderr.strip()[-300:]}", file=sys.stderr)
            continue
        yield {"engine": name} | json.loads(done.stdout)


def plain(number: int) -> dict[str, Any]:
    """What a letter says, for engines that know nothing of our templates."""
    content = letter(number)
    said = passages(house_template(content.kind), content)
    return {
        "title": next(each.text for each in said if each.place == "opening"),
        "tables": [
            [each.text.split("\t") for each in said if each.place == place]
            for place in ("amounts", "accounts", "annex")
        ],
        "paragraphs": [each.text for each in said if each.place not in {"amounts", "accounts", "annex", "seal"}],
        "qr": base64.b64encode(png(qr(content.check_url), scale=3, quiet=2)).decode(),
        "warm": number <= _WARM,
    }


def install(folder: Path) -> None:
    """The peers, and our faces in the form that two of them ask for."""
    if folder.is_relative_to(Path(__file__).resolve().parents[1]):
        sys.exit(f"{folder} lies in the repository. Name a folder outside it, such as ~/.cache/songda-peers.")
    folder.mkdir(parents=True, exist_ok=True)
    python = folder / "python" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder / "python")], check=True)
    pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    for name, package in {**PEERS, "fonttools": "fonttools>=4.60"}.items():
        done = subprocess.run([*pip, package], check=False)
        print(f"{name}: {'installed' if done.returncode == 0 else 'could not be installed'}")
    faces = folder / "letter-faces"
    faces.mkdir(exist_ok=True)
    subprocess.run([str(python), str(ADAPTER), "faces", str(faces), str(FONTS)], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--letters", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--peers", type=Path, metavar="FOLDER", help="where the other engines are installed")
    parser.add_argument("--install", type=Path, metavar="FOLDER", help="install the other engines there and end")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if arguments.install:
        install(arguments.install.expanduser().resolve())
        return
    peers = arguments.peers.expanduser().resolve() if arguments.peers else None
    figures = measure(count=arguments.letters, workers=arguments.workers, peers=peers)
    for name, value in figures.items():
        if name != "engines":
            print(f"{name:26} {value:>12}")
    for each in figures["engines"]:
        print(f"{each['engine']:26} {each['cpu_ms']:>9} ms {each['bytes']:>9} bytes")
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
