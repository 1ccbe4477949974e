import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songda.letters import NotAWordFile, check, house_template, import_word
from songda.letters.word import LARGEST

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
STYLES = f'<w:styles {W}><w:style w:styleId="a1"><w:name w:val="heading 1"/></w:style></w:styles>'


def docx(body: str, *, parts: dict[str, str] | None = None, head: str = "") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("word/document.xml", f"{head}<w:document {W}><w:body>{body}</w:body></w:document>")
        file.writestr("word/styles.xml", STYLES)
        for name, text in (parts or {}).items():
            file.writestr(name, text)
    return out.getvalue()


def paragraph(*runs: str, style: str = "") -> str:
    named = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{named}{''.join(runs)}</w:p>"


def run(text: str, properties: str = "") -> str:
    return f'<w:r>{properties}<w:t xml:space="preserve">{text}</w:t></w:r>'


def field(instruction: str, result: str = "旧值") -> str:
    return (
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r>'
        f"<w:r><w:instrText> {instruction} </w:instrText></w:r>"
        f'<w:r><w:fldChar w:fldCharType="separate"/></w:r>{run(result)}<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )


def words(body: str) -> str:
    return import_word(docx(body), kind="reminder", name="试").text.split("+++\n", 2)[2]


def notes(body: str, **more: dict[str, str]) -> set[tuple[str, str]]:
    return {(each.what, each.code) for each in import_word(docx(body, **more), kind="reminder", name="试").notes}


def test_fields_of_all_three_ways_become_variables() -> None:
    control = '<w:sdt><w:sdtPr><w:tag w:val="律师姓名"/></w:sdtPr><w:sdtContent><w:r><w:t>旧</w:t></w:r></w:sdtContent></w:sdt>'
    simple = '<w:fldSimple w:instr="MERGEFIELD 委托书编号"><w:r><w:t>旧</w:t></w:r></w:fldSimple>'
    body = paragraph(
        run("由"), field("MERGEFIELD 律所名称 \\* MERGEFORMAT"), simple, control, run("{{应付"), run("合计}}")
    )
    assert words(body).startswith("由{{律所名称}}{{委托书编号}}{{律师姓名}}{{应付合计}}\n")


def test_headings_and_bold_are_kept_and_the_rest_of_the_look_is_told() -> None:
    body = paragraph(run("一、事实"), style="a1") + paragraph(run("合计"), run("{{应付合计}}", "<w:rPr><w:b/></w:rPr>"))
    assert words(body).startswith("# 一、事实\n\n合计**{{应付合计}}**\n")
    assert ("changed", "layout") in notes(body)


def test_a_table_of_amounts_becomes_ours_and_another_is_lost() -> None:
    table = "<w:tbl><w:tr><w:tc>{}</w:tc></w:tr></w:tbl>"
    body = table.format(paragraph(run("本金"))) + table.format(paragraph(run("别的")))
    assert words(body).startswith("{{表 金额}}\n")
    assert "别的" not in words(body)
    assert {("changed", "table"), ("lost", "table")} <= notes(body)


@pytest.mark.parametrize(
    ("inside", "code"),
    [
        ("<w:r><w:drawing/></w:r>", "picture"),
        ("<w:r><w:footnoteReference/></w:r>", "footnote"),
        ("<w:del><w:r><w:delText>旧</w:delText></w:r></w:del>", "tracked_deletion"),
        (field("PAGE"), "field"),
        (field('INCLUDETEXT "c:\\\\secret.docx"'), "field"),
        (field("DDEAUTO c:\\\\cmd.exe"), "field"),
        (field("MERGEFIELD a-b;c"), "field"),
        ("<w:hyperlink><w:r><w:t>网址</w:t></w:r></w:hyperlink>", "link"),
        (run("甲&#x202e;乙"), "unseen_character"),
    ],
)
def test_what_cannot_be_kept_is_told(inside: str, code: str) -> None:
    body = paragraph(run("甲"), inside)
    assert ("lost", code) in notes(body)
    assert "旧" not in words(body)


def test_macros_headers_and_embedded_files_are_left_behind() -> None:
    parts = {"word/vbaProject.bin": "x", "word/header1.xml": "x", "word/embeddings/a.xlsx": "x"}
    found = notes(paragraph(run("甲")), parts=parts)
    assert {("lost", "macro"), ("lost", "header"), ("lost", "embedded_part")} <= found


def test_an_unknown_field_is_declared_and_missing_blocks_are_added() -> None:
    imported = import_word(docx(paragraph(field("MERGEFIELD 分机号"))), kind="reminder", name="试")
    added = {each.detail for each in imported.notes if each.what == "added"}
    assert {"分机号", "块 落款", "表 金额"} <= added
    missing = {each.text for each in check(imported.text) if each.code == "variable.missing"}
    assert "应付合计" in missing


def test_a_whole_letter_passes_the_check() -> None:
    text = house_template("reminder").text.split("+++\n", 2)[2]
    body = "".join(paragraph(run(each)) for each in text.split("\n\n") if each.strip() and not each.startswith("# "))
    assert check(import_word(docx(body), kind="reminder", name="试").text) == ()


BOMB = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04",
        docx("<w:p>")[:-30],
        docx(paragraph(run("&b;")), head=BOMB),
        docx("<w:p"),
        docx(paragraph(run("长" * LARGEST))),
        b"x" * (LARGEST + 1),
    ],
    ids=["empty", "cut", "torn", "entities", "xml", "unpacked", "large"],
)
def test_what_is_no_word_file_is_refused(data: bytes) -> None:
    with pytest.raises(NotAWordFile):
        import_word(data, kind="reminder", name="试")


@given(
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="<&\ufffe\uffff"), max_size=60
    )
)
def test_any_words_make_a_text_that_is_read_or_refused(text: str) -> None:
    check(import_word(docx(paragraph(run(text))), kind="reminder", name=text).text)
