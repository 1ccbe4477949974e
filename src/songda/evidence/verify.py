"""Checks an evidence bundle on any machine, without network and without the database it came from.

    python -m songda.evidence.verify BUNDLE.zip [--trust FILE.pem]...

--trust names PEM files with the public key of the institution that exported the bundle, the certificate of the
time-stamping authority, and certificates of lawyers, firms or their authorities, which the reader has from elsewhere. Without
them the bundle only says itself who it is from (自称).
Needs Python, `cryptography`, `rfc3161-client` and `orjson`; nothing else of songda is started. SM2 signatures also need
`gmssl-pyx`, signatures inside PDFs `pyhanko`: without them it says that it could not look.

Exit codes: 0 everything fits and stems from whom you trust · 2 everything fits, with reservations that are named ·
64 usage · 65 the bundle is not what was exported, or not a bundle · 66 a file cannot be read.
"""

from __future__ import annotations

import argparse
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from songda.base.errors import SongdaError
from songda.evidence.archive import MAX_ARCHIVE_BYTES, read_archive
from songda.evidence.checked import SHAPE_ERRORS, CheckedLetter, Signatory
from songda.evidence.errors import BadBundle
from songda.evidence.links import Link, grade_word, instant
from songda.evidence.manifest import Seal, check_seal
from songda.evidence.report import Examined, examine
from songda.evidence.trust import Trust, read_trust

PROVEN, RESERVED = 0, 2
#: How far the institution's clock and the authority's may lie apart, an authority slow to answer included.
_CLOCKS = timedelta(hours=1)


class UnreadableFile(SongdaError):
    zh = "文件 {file} 读不了"
    remedy = "请检查路径和权限"
    exit_code = 66


@dataclass(frozen=True, slots=True)
class Verdict:
    seal: Seal
    examined: Examined
    #: Chinese sentences: why the bundle proves less than it could.
    reservations: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        return RESERVED if self.reservations else PROVEN

    def to_json(self) -> dict[str, object]:
        stamped = self.seal.stamped
        return {
            "institution": self.seal.header["institution"],
            "exported_at": self.seal.header["exported_at"],
            "origin_trusted": self.seal.origin.trusted,
            "key_id": self.seal.origin.key_id,
            "stamped_at": None if stamped is None else stamped.stamp.at.isoformat(),
            "stamp_trusted": stamped is not None and stamped.trusted,
            "reservations": list(self.reservations),
            "letters": [
                {
                    "letter_no": _name(letter),
                    "grade": letter.grade,
                    "computed": letter.computed,
                    "final": letter.final,
                    "agrees": letter.agrees,
                    "signatures": [
                        {
                            "scheme": each.scheme,
                            "key_id": each.key_id,
                            "certificate": each.certificate and each.certificate.fingerprint,
                            "trusted": each.trusted,
                            "checked": each.unchecked is None,
                        }
                        for each in signatories(letter)
                    ],
                    "links": [asdict(link) for link in links],
                }
                for letter, links in self.examined.letters
            ],
        }


def verify_bundle(data: bytes, trust: Trust) -> Verdict:
    """What the bundle `data` proves to a reader who trusts `trust`. Raises BadBundle."""
    files = read_archive(data)
    seal = check_seal(files, trust)
    examined = examine(files, seal.header, trust)
    if seal.header["kind"] == "letter" and len(examined.letters) != 1:
        raise BadBundle(reason="应当有且只有一封函件")
    try:
        return Verdict(seal, examined, tuple(_reservations(seal, examined)))
    except SHAPE_ERRORS:
        raise BadBundle(reason="清单的记载不完整") from None


def _reservations(seal: Seal, examined: Examined) -> Iterator[str]:
    if seal.header["drill"]:
        yield "这是演练，函件从未真正寄出，不能作为证据"
    if not seal.origin.trusted:
        yield "出具机构的公钥为包内自称：请向机构索取公钥，用 --trust 给出后再核验"
    if seal.stamped is None:
        yield "证据包整体未加盖时间戳：出证之后内容是否改动，只靠出具机构的签名"
    elif not seal.stamped.trusted:
        yield "时间戳机构的证书为包内自称：请从该机构取得根证书，用 --trust 给出后再核验"
    if seal.stamped is not None and not seal.header["drill"]:
        exported = datetime.fromisoformat(seal.header["exported_at"])
        if abs(seal.stamped.stamp.at - exported) > _CLOCKS:
            yield f"记载的出证时间（{instant(exported)}）与整包时间戳（{instant(seal.stamped.stamp.at)}）不符"
    for letter, _ in examined.letters:
        name = _name(letter)
        if not letter.agrees:
            yield f"{name}：出具机构记载的结果与按原始轨迹重算的不一致"
        if any(each.unchecked is not None for each in signatories(letter)):
            yield f"{name}：有签名在本机未能核对（缺少算法库，见下），不等于签名成立"
        posted = [p for a in letter.attempts for p in a["pieces"] if p["handed_over_at"]]
        if any(piece["id"] not in letter.stamps for piece in posted):
            yield f"{name}：有已交寄的封件未加盖时间戳"


def sentences(verdict: Verdict, *, timeline: bool = False) -> Iterator[str]:
    """The verdict, line by line, in plain Chinese; nothing in a bundle can draw on the reader's terminal or begin a line."""
    for line in _sentences(verdict, timeline=timeline):
        yield "".join("�" if unicodedata.category(character) in _DRAWING else character for character in line)


#: Control characters, marks that turn the direction of writing, line separators.
_DRAWING = frozenset({"Cc", "Cf", "Zl", "Zp"})


def _sentences(verdict: Verdict, *, timeline: bool) -> Iterator[str]:
    seal, header = verdict.seal, verdict.seal.header
    yield "结论：内容完整，未发现改动。" if not verdict.reservations else "结论：内容自洽，未发现改动，但有以下保留："
    yield from (f"  ! {reservation}" for reservation in verdict.reservations)
    who = "公钥由你提供" if seal.origin.trusted else "自称"
    yield f"出具机构：{header['institution'] or '未写明'}（{who}；公钥指纹 {seal.origin.key_id}）"
    yield f"出证时间：{instant(header['exported_at'])}（出具机构的时钟）"
    if seal.stamped is not None:
        yield f"整包时间戳：不晚于 {instant(seal.stamped.stamp.at)}（{seal.stamped.stamp.authority}）"
    for letter, links in verdict.examined.letters:
        yield from _letter(letter, links)
    if not verdict.examined.letters:
        yield "没有给这个人的函件，也没有发函决定。"
    if header["kind"] == "person":
        yield ""
        yield "电话、短信等只有申请过联系许可的有记录（person.json）：证明当时准与不准和申报的结果，不证明通话内容；上门等没有记录。"
    if timeline:
        yield ""
        yield "经过："
        yield from (f"  {entry.when}  {entry.letter_no}  {entry.text}" for entry in verdict.examined.entries)
    yield ""
    yield "本工具只核对数据是否自洽、由谁签名、何时存在；送达是否有效、能否中断时效，由法院和律师判断。"


def _letter(letter: CheckedLetter, links: Sequence[Link]) -> Iterator[str]:
    yield ""
    yield f"函件 {_name(letter)}　证明等级：{grade_text(letter)}"
    for link in links:
        yield f"  {f'{link.no}. ' if link.no else ''}{link.title}"
        yield from (f"     √ {text}" for text in link.proven)
        yield from (f"     缺 {text}" for text in link.missing)


def grade_text(letter: CheckedLetter) -> str:
    if not letter.agrees:
        return f"{letter.computed or '尚无'}（按原始轨迹重算；出具机构记载为 {letter.grade or '尚无'}，不一致）"
    if letter.grade is None:
        return "尚无"
    return f"{letter.grade}（{grade_word(letter.grade)}）{'' if letter.final else '，暂定'}"


def _name(letter: CheckedLetter) -> str:
    head = letter.record["letter"]
    return str(head["no"] or head["id"])


def signatories(letter: CheckedLetter) -> list[Signatory]:
    """Who signed the approval, and the PDFs of record."""
    return [*([letter.lawyer] if letter.lawyer else []), *(each.signatory for each in letter.signed.values())]


def read_bundle(path: Path) -> bytes:
    """The bytes of a bundle's file. Raises UnreadableFile, and BadBundle for one that is too large to be read."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_ARCHIVE_BYTES + 1)
    except OSError:
        raise UnreadableFile(file=path.name) from None
    if len(data) > MAX_ARCHIVE_BYTES:
        raise BadBundle(reason="文件过大")
    return data


def trust_of(paths: Sequence[Path]) -> Trust:
    """What the PEM files name. Raises UnreadableFile, BadTrust."""
    pems = []
    for path in paths:
        try:
            pems.append((path.name, path.read_bytes()))
        except OSError:
            raise UnreadableFile(file=path.name) from None
    return read_trust(pems)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(64, f"用法：{self.format_usage().removeprefix('usage: ')}")


def main(words: Sequence[str] | None = None) -> int:
    parser = _Parser(prog="python -m songda.evidence.verify", description=__doc__.partition("\n")[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--trust", type=Path, action="append", default=[], metavar="PEM")
    parser.add_argument("--timeline", action="store_true")
    asked = parser.parse_args(words)
    try:
        verdict = verify_bundle(read_bundle(asked.bundle), trust_of(asked.trust))
    except SongdaError as error:
        sys.stderr.write(f"核验不通过：{error.message_zh}\n")
        return error.exit_code
    sys.stdout.write("\n".join(sentences(verdict, timeline=asked.timeline)) + "\n")
    return verdict.exit_code


if __name__ == "__main__":
    sys.exit(main())
