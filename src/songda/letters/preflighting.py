"""The last look at a PDF before paper: what an envelope factory would trip over, as codes with the page.

    found = preflight(pdf, pages=3, products=load_products())
    found.problems                     # ("page2.left_edge", "page1.window_crossed"); empty: fit to print
    found.sheets, found.weight_g, found.envelope

The record may carry no sheet code: the run stamps exactly one a sheet. A print file is checked against its manifest by
`preflight_print`: a code that is missing, doubled or of another piece refuses it. Zones: zones.py. Somebody else's document,
which is printed as it is, is looked at by `preflight_document`: it need not be PDF/A and knows no zones.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from songda.letters.codes import BadSheetCode, parse_sheet_code
from songda.letters.manifest import Manifest
from songda.letters.marks import Mark, marks
from songda.letters.postage import Products, TooHeavy, sheets_of, weigh
from songda.letters.stamp import TAG, sheet_codes
from songda.letters.zones import A4_MM, ADDRESS_WINDOW, EDGES, LEFT_EDGE, PT_PER_MM, SLACK_MM, WAYBILL

if TYPE_CHECKING:
    import pikepdf

_A4_SLACK_PT = 1.0
_FOUNDRY = "Songda"
#: Actions that reach beyond the page; a link that nobody follows on paper does not count.
_ACTIVE = re.compile(rb"/S\s*/(JavaScript|Launch|SubmitForm|GoToR|GoToE|ImportData|Rendition)\b")
_ACTIONS = re.compile(rb"/S\s*/(JavaScript|Launch|URI|SubmitForm|GoToR|ImportData|Rendition)\b")

#: Code → what a person reads.
PROBLEMS_ZH = {
    "unreadable": "不是可读的 PDF",
    "encrypted": "文件已加密",
    "pages": "页数与台账不符",
    "too_heavy": "没有可以装下的信封",
    "script": "含有脚本或动作",
    "attachment": "含有附件",
    "form": "含有表单",
    "size": "页面不是 A4 竖版",
    "annotation": "含有链接或批注",
    "font": "字体未嵌入，或不是本系统的字体",
    "contents": "页面内容无法解析",
    "left_edge": "左侧 20 毫米（张码和装订）内有内容",
    "edge": "页边 5 毫米内有内容",
    "waybill_zone": "运单条码区内有内容",
    "window_empty": "信封窗口内没有收件地址",
    "window_crossed": "有内容越过信封窗口的边界",
    "sheet_code": "页面上已有张码",
    "picture": "含有无法读取的图片，不能确认其中没有张码",
    "code_missing": "纸张正面没有张码",
    "code_doubled": "纸张上有不止一个张码",
    "code_foreign": "张码属于另一封件或另一张",
    "no_pages": "没有页面",
    "annex_changed": "所附文书与登记的哈希不符",
}


@dataclass(frozen=True, slots=True)
class Preflight:
    #: `<code>` of the file, or `page<n>.<code>`; keys of PROBLEMS_ZH.
    problems: tuple[str, ...]
    pages: int
    sheets: int
    #: Envelope and sheets, grams.
    weight_g: int
    envelope: str


def preflight(pdf: bytes, *, pages: int, products: Products) -> Preflight:
    """What is wrong with a PDF of record of which the ledger says that it has `pages` pages. Raises nothing."""
    import pikepdf

    sheets = sheets_of(pages=pages, duplex=products.duplex)
    problems: list[str] = []
    weight_g, envelope = 0, ""
    try:
        found, weight_g = weigh(sheets=sheets, products=products)
        envelope = found.code
    except TooHeavy:
        problems.append("too_heavy")
    try:
        with pikepdf.open(io.BytesIO(pdf)) as document:
            problems += _of_document(document, pages)
            for number, page in enumerate(document.pages, 1):
                problems += [f"page{number}.{code}" for code in dict.fromkeys(_of_page(page, first=number == 1))]
    except pikepdf.PasswordError:
        problems.append("encrypted")
    except pikepdf.PdfError:
        problems.append("unreadable")
    return Preflight(tuple(problems), pages, sheets, weight_g, envelope)


def preflight_print(data: bytes, name: str, manifest: Manifest) -> list[str]:
    """What is wrong with the sheet codes of print file `name`: each front must carry its own, once, and no back any.

    Problems read `<piece_id>:page<n>.<code>`, pages counted in the file. The rest of a page is `verify_print`'s.
    """
    import pikepdf

    problems: list[str] = []
    with pikepdf.open(io.BytesIO(data)) as document:
        pages = list(document.pages)
        for row in (row for row in manifest.pieces if row.file == name):
            for index in range(row.pages):
                number = row.first_page + index
                if number > len(pages):
                    problems.append(f"{row.piece_id}:page{number}.pages")
                    continue
                front = index % 2 == 0 or not manifest.duplex
                sheet = (index // 2 if manifest.duplex else index) + 1
                wanted = (manifest.job, row.seq, sheet, row.sheets) if front else None
                problems += [f"{row.piece_id}:page{number}.{code}" for code in _of_codes(pages[number - 1], wanted)]
    return problems


def preflight_document(pdf: bytes) -> tuple[int, tuple[str, ...]]:
    """Pages of a document that is to be printed as it is, and what keeps it from being printed. Raises nothing.

    Its signatures may stand in a form: they are the only fields that it may have.
    """
    import pikepdf

    try:
        # What a reader has to mend may look otherwise in the factory's.
        with pikepdf.open(io.BytesIO(pdf), attempt_recovery=False) as document:
            problems = [*_of_foreign(document)]
            for number, page in enumerate(document.pages, 1):
                problems += [f"page{number}.{code}" for code in _of_foreign_page(page)]
            return len(document.pages), tuple(dict.fromkeys(problems))
    except pikepdf.PasswordError:
        return 0, ("encrypted",)
    except (pikepdf.PikepdfError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        return 0, ("unreadable",)


def _of_foreign(document: pikepdf.Pdf) -> Iterator[str]:
    root = document.Root
    names: Any = root.get("/Names", {})
    if document.is_encrypted:
        yield "encrypted"
    if not len(document.pages):
        yield "no_pages"
    if "/AA" in root or "/JavaScript" in names or _has_actions(document, _ACTIVE):
        yield "script"
    if "/EmbeddedFiles" in names or "/AF" in root:
        yield "attachment"
    if "/AcroForm" in root and not _only_signatures(root["/AcroForm"]):
        yield "form"


def _only_signatures(form: Any) -> bool:
    """Whether a form holds signatures alone; one drawn by its reader (XFA) shows what nobody has seen."""
    return "/XFA" not in form and all(field.get("/FT") == "/Sig" for field in form.get("/Fields", []))


def _of_foreign_page(page: pikepdf.Page) -> Iterator[str]:
    if not _is_a4(page):
        yield "size"
    if "/AA" in page.obj:
        yield "script"
    if _is_stamped(page) or _shows_code(page):
        yield "sheet_code"


def _shows_code(page: pikepdf.Page) -> bool:
    """Whether a picture shows a sheet code. One that cannot be read is let pass: no camera looks at an annex."""
    try:
        return any(True for _ in _pictured(page))
    except _UnreadablePicture:
        return False


def _of_codes(page: pikepdf.Page, wanted: tuple[int, int, int, int] | None) -> Iterator[str]:
    try:
        codes = [*_stamped(page), *_pictured(page)]
    except _UnreadablePicture:
        yield "picture"
        return
    if len(codes) > 1:
        yield "code_doubled"
    elif not codes and wanted is not None:
        yield "code_missing"
    elif codes and codes[0] != wanted:
        yield "code_foreign"


def _of_document(document: pikepdf.Pdf, pages: int) -> Iterator[str]:
    root = document.Root
    names: Any = root.get("/Names", {})
    if document.is_encrypted:
        yield "encrypted"
    if len(document.pages) != pages:
        yield "pages"
    if "/OpenAction" in root or "/AA" in root or "/JavaScript" in names or _has_actions(document, _ACTIONS):
        yield "script"
    if "/EmbeddedFiles" in names or "/AF" in root:
        yield "attachment"
    if "/AcroForm" in root:
        yield "form"


def _has_actions(document: pikepdf.Pdf, kinds: re.Pattern[bytes]) -> bool:
    # As text, so that what lies directly in another object is seen too; strings of our letters hold no such words.
    return any(kinds.search(item.unparse(resolved=True)) for item in _dictionaries(document))


def _dictionaries(document: pikepdf.Pdf) -> Iterator[Any]:
    import pikepdf

    for item in cast(Any, document.objects):
        if isinstance(item, pikepdf.Stream):
            yield item.stream_dict
        elif isinstance(item, pikepdf.Dictionary | pikepdf.Array):
            yield item


def _of_page(page: pikepdf.Page, *, first: bool) -> Iterator[str]:
    if not _is_a4(page):
        yield "size"
    if len(page.obj.get("/Annots", [])) or "/AA" in page.obj:
        yield "annotation"
    if not all(is_ours(font) for font in _fonts(page)):
        yield "font"
    try:
        if _is_stamped(page) or list(_pictured(page)):
            yield "sheet_code"
    except _UnreadablePicture:
        yield "picture"
    try:
        found = marks(page)
    except (ValueError, KeyError, TypeError, IndexError):
        yield "contents"
        return
    yield from _of_zones(found, first=first)


def _of_zones(found: list[Mark], *, first: bool) -> Iterator[str]:
    if any(mark.touches(LEFT_EDGE, slack=SLACK_MM) for mark in found):
        yield "left_edge"
    if any(mark.touches(edge, slack=SLACK_MM) for mark in found for edge in EDGES):
        yield "edge"
    if not first:
        return
    if any(mark.touches(WAYBILL, slack=SLACK_MM) for mark in found):
        yield "waybill_zone"
    shown = [mark for mark in found if mark.touches(ADDRESS_WINDOW, slack=SLACK_MM)]
    if not any(mark.kind == "text" for mark in shown):
        yield "window_empty"
    if not all(mark.within(ADDRESS_WINDOW, slack=SLACK_MM) for mark in shown):
        yield "window_crossed"


def offences(pdf: bytes) -> list[list[Mark]]:
    """For each page what lies where paper must stay white, or crosses the border of the window: for a person's eyes.

    Pages whose contents cannot be followed have none.
    """
    import pikepdf

    found = []
    with pikepdf.open(io.BytesIO(pdf)) as document:
        for number, page in enumerate(document.pages):
            try:
                drawn = marks(page)
            except (ValueError, KeyError, TypeError, IndexError):
                drawn = []
            found.append([mark for mark in drawn if any(_of_zones([mark, *_ADDRESSED], first=number == 0))])
    return found


#: What keeps a single mark from being told that the window is empty.
_ADDRESSED = (Mark("text", 30, 60, 40, 64),)


def _is_a4(page: pikepdf.Page) -> bool:
    left, bottom, right, top = (float(number) for number in page.mediabox)
    size = (right - left, top - bottom)
    wanted = (A4_MM[0] * PT_PER_MM, A4_MM[1] * PT_PER_MM)
    even = all(abs(have - want) <= _A4_SLACK_PT for have, want in zip(size, wanted, strict=True))
    return even and (left, bottom) == (0, 0) and int(page.obj.get("/Rotate", 0)) % 360 == 0


def _fonts(page: pikepdf.Page) -> list[Any]:
    resources: Any = page.obj.get("/Resources", {})
    return [font for _, font in resources.get("/Font", {}).items()]


def is_ours(font: Any) -> bool:
    """Whether it lies in the file whole enough to be printed anywhere, and is one of ours."""
    inner = font["/DescendantFonts"][0] if font.get("/Subtype") == "/Type0" else font
    descriptor = inner.get("/FontDescriptor", {})
    name = str(inner.get("/BaseFont", "")).partition("+")[2]
    return name.startswith(_FOUNDRY) and any(key in descriptor for key in ("/FontFile", "/FontFile2", "/FontFile3"))


def _streams(page: pikepdf.Page) -> list[bytes]:
    import pikepdf

    contents: Any = page.obj.get("/Contents")
    if contents is None:
        return []
    return [part.read_bytes() for part in (contents if isinstance(contents, pikepdf.Array) else [contents])]


def _is_stamped(page: pikepdf.Page) -> bool:
    return any(TAG in stream for stream in _streams(page))


def _stamped(page: pikepdf.Page) -> Iterator[tuple[int, int, int, int]]:
    """Sheet codes that are drawn on the page by a stamp."""
    for stream in _streams(page):
        if TAG in stream:
            yield from (code for text in sheet_codes(stream) if (code := _numbers(text)) is not None)


class _UnreadablePicture(Exception):
    """Nobody can say what it shows."""


def _pictured(page: pikepdf.Page) -> Iterator[tuple[int, int, int, int]]:
    """Sheet codes in the pictures of the page. Raises _UnreadablePicture."""
    import pikepdf
    import zxingcpp

    for _, picture in page.get_images().items():
        try:
            image = pikepdf.PdfImage(cast(pikepdf.Stream, picture)).as_pil_image().convert("L")
        except (pikepdf.PikepdfError, OSError, ValueError, LookupError, AttributeError, NotImplementedError):
            # What the two libraries raise about pictures that are damaged, or coded in a way that they cannot decode.
            raise _UnreadablePicture from None
        for barcode in zxingcpp.read_barcodes(image):
            if (code := _numbers(barcode.text)) is not None:
                yield code


def _numbers(text: str) -> tuple[int, int, int, int] | None:
    try:
        code = parse_sheet_code(text)
    except BadSheetCode:
        return None
    return code.job, code.piece, code.sheet, code.sheets


def problem_zh(code: str) -> str:
    """A problem in Chinese, with its page where it has one; codes of `verify_print` too."""
    page, _, name = code.rpartition(".")
    words = PROBLEMS_ZH.get(name, "打印文件与存档件或清单不符")
    return f"第 {page.removeprefix('page')} 页：{words}" if page else words
