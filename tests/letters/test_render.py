import hashlib
import io
import re
from dataclasses import replace
from pathlib import Path

import pikepdf
import pytest
from sample_letters import INSTITUTION, codes_on, letter, members, page_image, text_of

from songda.letters import BadContent, Content, Kind, Rendered, Renderer, house_template, render_many
from songda.letters.codes import png, qr
from songda.letters.zones import LEFT_EDGE, WAYBILL, Zone

MARKUP = [
    "{{7*7}}",
    '#read("/etc/passwd")',
    "$x$",
    "*b* _i_",
    "@ref <label>",
    "a\\b\\n\\u{41}",
    "#pagebreak()",
    "= h // c /* d */",
    "`raw` [x] --- ~",
    "{% for %}</w:t>",
    "'\"&<>%s",
]


@pytest.mark.parametrize("markup", MARKUP)
def test_template_syntax_in_a_name_is_printed_as_it_stands(lawyer_letters: Renderer, markup: str) -> None:
    pdf = lawyer_letters.render(letter(name=markup, address=(markup,))).pdf
    # Name in the window and after 致, and the address.
    assert text_of(pdf).count("".join(markup.split())) >= 3


@pytest.mark.parametrize("character", ["\n", "\0", "\u202e", "\u200d"])
def test_an_unseen_character_holds_the_letter_and_the_error_names_no_person(
    lawyer_letters: Renderer, character: str
) -> None:
    with pytest.raises(BadContent) as held:
        lawyer_letters.render(letter(name=f"柳{character}如烟"))
    assert held.value.data == {"codes": ("addressee.name.control_character",)}
    assert "柳" not in str(held.value) + held.value.message_zh


def test_38_equal_contents_give_equal_bytes_in_every_process(lawyer_letters: Renderer) -> None:
    contents = [(str(number), letter(number)) for number in range(1, 4)]
    # This process has set other letters before, which must not matter; two fresh ones set the same again.
    lawyer_letters.render(letter(9, lines=3))
    here = [lawyer_letters.render(content) for _, content in contents]
    elsewhere = [result for _, result in render_many(contents, workers=2)]
    assert here == elsewhere
    for rendered in here:
        assert hashlib.sha256(rendered.pdf).hexdigest() == rendered.sha256
    assert len({rendered.sha256 for rendered in here}) == 3


def test_a_record_is_tagged_pdf_a_2a(records: list[Rendered]) -> None:
    for rendered in records:
        with pikepdf.open(io.BytesIO(rendered.pdf)) as pdf:
            metadata = pdf.open_metadata()
            assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("2", "A")
            assert pdf.Root.MarkInfo.Marked
            assert "/StructTreeRoot" in pdf.Root
            assert str(pdf.Root.Lang).lower() == "zh-cn"
            assert len(pdf.pages) == rendered.pages
            assert not pdf.is_encrypted


def test_metadata_names_the_kind_of_letter_and_nobody(lawyer_letters: Renderer) -> None:
    content = letter()
    pdf = lawyer_letters.render(content).pdf
    with pikepdf.open(io.BytesIO(pdf)) as document:
        metadata = document.open_metadata()
        assert metadata["dc:title"] == "律师函"
        assert set(document.docinfo.keys()) <= {"/Title", "/Creator", "/Producer", "/CreationDate", "/ModDate"}
        assert "/Outlines" not in document.Root
    parts = members(pdf)
    said = parts["strings"] + "".join(text for name, text in parts.items() if "<x:xmpmeta" in text)
    token = content.check_url.rsplit("-", 1)[1]
    private = [content.addressee.name, *content.addressee.address_lines, content.letter_no, token, INSTITUTION.name]
    assert not [text for text in private if text in said]


def test_only_our_faces_are_embedded_and_all_of_them_are(records: list[Rendered]) -> None:
    for rendered in records:
        with pikepdf.open(io.BytesIO(rendered.pdf)) as pdf:
            descriptors = [item for item in pdf.objects if isinstance(item, pikepdf.Dictionary) and "/FontName" in item]
            assert len(descriptors) >= 4
            for descriptor in descriptors:
                assert re.fullmatch(
                    r"/[A-Z]{6}\+Songda(Serif|Sans|Figures|Rare|Rest)-(Regular|Bold)", str(descriptor.FontName)
                )
                assert "/FontFile3" in descriptor


@pytest.mark.parametrize("kind", ["lawyer_letter", "reminder"])
@pytest.mark.parametrize("by_model", [True, False])
def test_a_letter_about_one_contract_is_one_sheet(kind: Kind, by_model: bool) -> None:
    content = letter(kind=kind, address=("新疆维吾尔自治区克孜勒苏柯尔克孜自治州阿图什市",) * 3)
    assert Renderer(house_template(kind)).render(replace(content, decided_by_model=by_model)).pages == 2


@pytest.mark.parametrize("lines", [*range(1, 13), 20, 40])
def test_seal_and_signature_never_stand_on_a_page_without_text(lawyer_letters: Renderer, lines: int) -> None:
    pdf = lawyer_letters.render(letter(lines=lines)).pdf
    with pikepdf.open(io.BytesIO(pdf)) as document:
        texts = []
        for page in document.pages:
            single = pikepdf.new()
            single.pages.append(page)
            out = io.BytesIO()
            single.save(out)
            texts.append(text_of(out.getvalue()))
    (close,) = [text for text in texts if "承办律师" in text]
    assert "电子签章" in close
    assert "核验本函真伪" in close
    assert "特此函告" in close


def test_amounts_and_days_are_printed_as_the_content_says(lawyer_letters: Renderer) -> None:
    content = letter(lines=3)
    text = text_of(lawyer_letters.render(content).pdf)
    for expected in ("请您自收到本函之日起", "15日", "截至2026年11月24日", "第1页/共2页", *amounts(content)):
        assert expected in text


def amounts(content: Content) -> list[str]:
    return [
        f"{fen // 100:,}.{fen % 100:02}" for fen in (content.total_fen, *(line.total_fen for line in content.lines))
    ]


@pytest.mark.parametrize(
    ("changes", "said", "not_said"),
    [
        ({}, ["电子签章"], ["样稿", "演练"]),
        ({"seal": None}, ["样稿", "未经律师审批"], ["电子签章", "演练"]),
        ({"drill": True}, ["演练", "不产生任何效力", "电子签章"], ["样稿"]),
        ({"drill": True, "seal": None}, ["演练", "不产生任何效力"], ["样稿"]),
    ],
)
def test_a_sample_and_a_drill_say_so_on_every_page(
    lawyer_letters: Renderer, changes: dict[str, object], said: list[str], not_said: list[str]
) -> None:
    rendered = lawyer_letters.render(replace(letter(), **changes))
    text = text_of(rendered.pdf)
    assert [word for word in said if word not in text] == []
    assert [word for word in not_said if word in text] == []
    if "不产生任何效力" in said:
        assert text.count("不产生任何效力") == rendered.pages


def test_a_renderer_takes_its_own_kind_only(lawyer_letters: Renderer) -> None:
    with pytest.raises(ValueError, match="reminder"):
        lawyer_letters.render(letter(kind="reminder"))


def test_the_page_of_the_recipient_reads_back_from_the_paper(lawyer_letters: Renderer, tmp_path: Path) -> None:
    content = letter()
    pdf = lawyer_letters.render(content).pdf
    image = page_image(pdf, tmp_path, page=2, dpi=150)
    assert codes_on(image) == {"QRCode": content.check_url}
    assert len(png(qr(content.check_url), scale=3, quiet=2)) < 1000


@pytest.mark.parametrize("changes", [{}, {"drill": True}, {"seal": None}, {"kind": "reminder"}])
def test_the_zones_of_the_machines_stay_white(tmp_path: Path, changes: dict[str, object]) -> None:
    content = letter(lines=6, name="柳" * 26, address=("宽" * 29,) * 4, **changes)
    rendered = Renderer(house_template(content.kind)).render(content)
    for page in range(1, rendered.pages + 1):
        image = page_image(rendered.pdf, tmp_path, page=page, dpi=72)
        zones: list[Zone] = [LEFT_EDGE, WAYBILL] if page == 1 else [LEFT_EDGE]
        for zone in zones:
            scale = image.width / 210
            box = (zone.x, zone.y, zone.x + zone.width, zone.y + zone.height)
            assert image.crop(tuple(int(side * scale) for side in box)).getextrema() == (255, 255)


def test_the_window_shows_the_address_and_nothing_else(lawyer_letters: Renderer, tmp_path: Path) -> None:
    """Between letterhead and title nothing but the window is printed; it lies within 24-112 x 44-80 mm."""
    content = letter(name="柳" * 26, address=("宽" * 29,) * 4)
    image = page_image(lawyer_letters.render(content).pdf, tmp_path, dpi=72)
    scale = image.width / 210
    white = image.point(lambda value: 255 - value)
    band = white.crop((0, int(34 * scale), image.width, int(82 * scale))).getbbox()
    assert band is not None
    left, top, right, bottom = (side / scale for side in band)
    assert left >= 24
    assert top + 34 >= 44
    assert right <= 112
    assert bottom + 34 <= 81
