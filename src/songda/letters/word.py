"""A letter that was written in Word, as a template of ours: its words, headings, bold and named fields; and what could not be kept.

    imported = import_word(data, kind="reminder", name="催告函")
    imported.text                   # a template; `check` says what it still lacks
    imported.notes                  # (lost | changed | added, code, how often or what)

Named fields are merge fields, content controls with a tag or title, and `{{名称}}` typed as text. A field that the house does
not know becomes a variable of the firm's own. A file is read as data: macros, links, pictures and other fields are never
followed, and nothing outside the words themselves reaches the template.
"""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree as XmlTree

from songda.letters.content import UNSEEN, Kind
from songda.letters.errors import NotAWordFile
from songda.letters.reading import ELSE, END, IF
from songda.letters.wording import blocks, house_variables, kinds

#: Largest file and largest part of it once unpacked, bytes.
LARGEST: Final = 20_000_000

_W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FIELD = re.compile(r'\s*MERGEFIELD\s+(?:"([^"]+)"|(\S+))', re.IGNORECASE)
_NAME = re.compile(r"[^\W\d_]\w{0,29}")
_TYPED = re.compile(r"\{\{([^{}]*)\}\}")
#: What stands in the head of a table, and the block that prints such a table.
_TABLES: Final = (("放款", "附件 还款情况"), ("账号", "表 还款账户"), ("本金", "表 金额"))
#: Elements whose content is not part of the letter's words, and what they are called in the report.
_LOST: Final = {
    "drawing": "picture",
    "pict": "picture",
    "object": "embedded",
    "footnoteReference": "footnote",
    "endnoteReference": "footnote",
    "commentReference": "comment",
    "del": "tracked_deletion",
    "moveFrom": "tracked_deletion",
    "sym": "symbol",
    "txbxContent": "text_box",
    "AlternateContent": "picture",
    "oMath": "formula",
}
#: Parts of the file that are left behind.
_PARTS: Final = {
    "word/header": "header",
    "word/footer": "footer",
    "word/comments": "comment_part",
    "word/vbaProject": "macro",
    "word/embeddings": "embedded_part",
    "word/activeX": "macro",
}


@dataclass(frozen=True, slots=True)
class Note:
    #: lost: not in the template; changed: stands for something else there; added: was not in the file.
    what: str
    #: e.g. `picture`, `header`, `field`, `table`, `variable`, `block`.
    code: str
    #: How often, or which.
    detail: str


@dataclass(frozen=True, slots=True)
class Imported:
    text: str
    notes: tuple[Note, ...]


def import_word(data: bytes, *, kind: Kind, name: str) -> Imported:
    """The template in a .docx. Raises NotAWordFile (no zip, no document, too large, XML with a DTD)."""
    parts, document, styles = _open(data)
    reader = _Reader(styles)
    paragraphs = [text for each in document.iter(f"{_W}body") for text in reader.body(each)]
    for prefix, code in _PARTS.items():
        if any(part.startswith(prefix) for part in parts):
            reader.lost[code] += 1
    reader.changed["layout"] += 1
    tags = {_clean(tag).removeprefix(IF).strip() for text in paragraphs for tag in _TYPED.findall(text)}
    used = tags - {ELSE, END}
    added = [block for block in kinds()[kind].blocks if block not in used]
    own = sorted(
        each for each in used if each not in house_variables() and each not in blocks() and _NAME.fullmatch(each)
    )
    text = _head(kind, name, own) + "\n\n".join([*paragraphs, *(f"{{{{{block}}}}}" for block in added)]) + "\n"
    notes = (
        *(Note("lost", code, str(count)) for code, count in sorted(reader.lost.items())),
        *(Note("changed", code, str(count)) for code, count in sorted(reader.changed.items())),
        *(Note("added", "variable", each) for each in own),
        *(Note("added", "block", each) for each in added),
    )
    return Imported(text, notes)


def _open(data: bytes) -> tuple[list[str], XmlTree.Element, dict[str, str]]:
    """Names of the parts, the document, and the name of each style by its id."""
    if len(data) > LARGEST:
        raise NotAWordFile(reason="size")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            document = _xml(file, "word/document.xml")
            styles = _xml(file, "word/styles.xml") if "word/styles.xml" in file.namelist() else XmlTree.Element("none")
            names = file.namelist()
    except (
        zipfile.BadZipFile,
        KeyError,
        NotImplementedError,
        RuntimeError,
        EOFError,
        XmlTree.ParseError,
        OSError,
    ) as error:
        raise NotAWordFile(reason="format") from error
    named = dict[str, str]()
    for style in styles.iter(f"{_W}style"):
        stated = style.find(f"{_W}name")
        if stated is not None:
            named[style.get(f"{_W}styleId", "")] = stated.get(f"{_W}val", "")
    return names, document, named


def _xml(file: zipfile.ZipFile, part: str) -> XmlTree.Element:
    if file.getinfo(part).file_size > LARGEST:
        raise NotAWordFile(reason="size")
    with file.open(part) as stream:
        data = stream.read(LARGEST + 1)
    # Word writes UTF-8 without a document type; with one, entities could grow without end.
    if len(data) > LARGEST or b"<!DOCTYPE" in data or b"\0" in data:
        raise NotAWordFile(reason="format")
    return XmlTree.fromstring(data)  # noqa: S314 - no document type, no entity of its own


class _Reader:
    def __init__(self, styles: dict[str, str]) -> None:
        self._styles = styles
        self.lost: Counter[str] = Counter()
        self.changed: Counter[str] = Counter()
        #: Instructions of the fields that are open, the innermost last; and how many of them are past theirs.
        self._fields: list[str] = []
        self._results = 0

    def body(self, element: XmlTree.Element) -> Iterator[str]:
        """Paragraphs of the body in our notation."""
        for child in element:
            match child.tag.removeprefix(_W):
                case "p":
                    yield from self._paragraph(child)
                case "tbl":
                    yield from self._table(child)
                case "sdt":
                    yield from self._control(child)
                case "customXml" | "ins" | "sdtContent":
                    yield from self.body(child)
                case _:
                    pass

    def _control(self, control: XmlTree.Element) -> Iterator[str]:
        name = _control_name(control)
        if name:
            yield f"{{{{{name}}}}}"
        else:
            for content in control.findall(f"{_W}sdtContent"):
                yield from self.body(content)

    def _paragraph(self, paragraph: XmlTree.Element) -> Iterator[str]:
        properties = paragraph.find(f"{_W}pPr")
        style = ""
        if properties is not None:
            stated = properties.find(f"{_W}pStyle")
            style = self._styles.get(stated.get(f"{_W}val", ""), "") if stated is not None else ""
            if properties.find(f"{_W}numPr") is not None:
                self.lost["numbering"] += 1
        heading = bool(re.match(r"(heading|标题)\s*\d", style, re.IGNORECASE))
        for line in "".join(self._runs(paragraph, bold_off=heading)).replace("****", "").split("\n"):
            text = line.strip(" \t\u3000")
            if not text:
                continue
            if style.lower() in {"title", "标题"}:
                # What stands above the letter follows from its kind.
                self.lost["title"] += 1
                continue
            alone = _TYPED.fullmatch(text.removeprefix("**").removesuffix("**"))
            if alone and _clean(alone[1]) in blocks():
                yield f"{{{{{_clean(alone[1])}}}}}"
            else:
                yield f"# {text}" if heading else text.removeprefix("# ")

    def _runs(self, element: XmlTree.Element, *, bold_off: bool) -> Iterator[str]:
        for child in element:
            tag = child.tag.rsplit("}", 1)[-1]
            if tag in _LOST:
                self.lost[_LOST[tag]] += 1
            elif tag == "r":
                text = "".join(self._run(child))
                yield f"**{text}**" if text.strip() and not bold_off and _is_bold(child) and "\n" not in text else text
            elif tag == "fldSimple":
                name = self._merge_name(child.get(f"{_W}instr", ""))
                yield f"{{{{{name}}}}}" if name else ""
            elif tag == "sdt":
                name = _control_name(child)
                yield f"{{{{{name}}}}}" if name else "".join(self._runs(child, bold_off=bold_off))
            elif tag in {"hyperlink", "ins", "smartTag", "sdtContent", "customXml", "moveTo"}:
                if tag == "hyperlink":
                    self.lost["link"] += 1
                yield from self._runs(child, bold_off=bold_off)

    def _run(self, run: XmlTree.Element) -> Iterator[str]:
        for child in run:
            tag = child.tag.rsplit("}", 1)[-1]
            if tag == "fldChar":
                yield self._field(child.get(f"{_W}fldCharType", ""))
            elif tag == "instrText" and self._fields:
                self._fields[-1] += child.text or ""
            elif self._results:
                continue  # what Word last put in the place of the field
            elif tag == "t":
                yield self._plain(child.text or "")
            elif tag in {"br", "cr"}:
                yield "\n"
            elif tag == "tab":
                yield " "
            elif tag in _LOST:
                self.lost[_LOST[tag]] += 1

    def _field(self, step: str) -> str:
        if step == "begin":
            self._fields.append("")
        elif step == "separate":
            self._results += 1
        elif step == "end" and self._fields:
            instruction = self._fields.pop()
            self._results = min(self._results, len(self._fields))
            # A field within another is part of a condition or a sum of Word's, which is lost with it.
            if not self._fields:
                name = self._merge_name(instruction)
                return f"{{{{{name}}}}}" if name else ""
        return ""

    def _merge_name(self, instruction: str) -> str:
        found = _FIELD.match(instruction)
        name = _clean(found[1] or found[2]) if found else ""
        if name in house_variables() or name in blocks() or _NAME.fullmatch(name):
            return name
        self.lost["field"] += 1
        return ""

    def _plain(self, text: str) -> str:
        kept = "".join(each for each in text if unicodedata.category(each) not in UNSEEN)
        if kept != text:
            self.lost["unseen_character"] += len(text) - len(kept)
        return kept.replace("\u00a0", " ")

    def _table(self, table: XmlTree.Element) -> Iterator[str]:
        words = "".join(each.text or "" for each in table.iter(f"{_W}t"))
        for word, block in _TABLES:
            if word in words:
                self.changed["table"] += 1
                yield f"{{{{{block}}}}}"
                return
        self.lost["table"] += 1


def _control_name(control: XmlTree.Element) -> str:
    for tag in ("tag", "alias"):
        stated = control.find(f"{_W}sdtPr/{_W}{tag}")
        name = _clean(stated.get(f"{_W}val", "")) if stated is not None else ""
        if name in house_variables() or name in blocks() or _NAME.fullmatch(name):
            return name
    return ""


def _clean(name: str) -> str:
    """A name as we write it: Word takes no blank in a field, so `表_金额` is `表 金额`."""
    bare = " ".join(name.split())
    spaced = bare.replace("_", " ")
    return spaced if spaced in blocks() else bare


def _is_bold(run: XmlTree.Element) -> bool:
    bold = run.find(f"{_W}rPr/{_W}b")
    return bold is not None and bold.get(f"{_W}val", "true") not in {"0", "false", "off"}


def _head(kind: Kind, name: str, own: list[str]) -> str:
    bare = re.sub(r'["\\\n\r]', "", name)[:60] or "导入的模板"
    lines = ["+++", f'kind = "{kind}"', f'name = "{bare}"']
    for each in own:
        lines += ["", "[[variables]]", f'name = "{each}"', 'type = "text"', 'meaning = "由 Word 文件导入，请补充说明"']
        lines += [f'example = "{each}示例"', "required = true"]
    return "\n".join([*lines, "+++"]) + "\n"
