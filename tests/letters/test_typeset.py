import re

from sample_letters import letter, text_of

from songda.letters import Renderer, house_template, parse
from songda.letters.typeset import typst_source

#: What a typst author would write to read a file, run code, leave a string or start markup.
CODE = [
    '#read("/etc/passwd")',
    '"; read("frame/1.0.0/frame.typ"); "',
    '\\" + sys.version + \\"',
    '#eval("1+1")',
    "#d.firm.name",
    "*b* _i_ $x$ @ref <label> `raw`",
    "\\u{41} \\n \\\\",
    "] #pagebreak() [",
    "}} #{ panic() }",
    "// comment /* c */ = heading ~ --- ...",
]


def test_no_word_of_a_template_leaves_its_string() -> None:
    for code in CODE:
        template = parse(house_template("reminder").text.replace("感谢您的配合。", f"感谢{code}配合。"))
        source = typst_source(template.wording)
        outside = re.sub(r'"(?:\\.|[^"\\])*"', "", source)
        assert not re.search(r"read|eval|sys|panic|pagebreak|[\\`$@]", outside.replace("json", ""))


def test_code_in_a_template_is_printed_as_it_stands() -> None:
    text = house_template("reminder").text.replace("感谢您的配合。", "感谢" + "甲".join(CODE) + "配合。")
    pdf = Renderer(parse(text)).render(letter(kind="reminder")).pdf
    printed = text_of(pdf)
    for code in CODE:
        assert "".join(code.split()) in printed


def test_a_choice_between_paragraphs_prints_one_side() -> None:
    choice = "{{如果 算法决定}}\n\n由算法决定的一段。\n\n{{否则}}\n\n由人决定的一段。\n\n{{结束}}\n\n# 四、您的权利"
    template = parse(house_template("reminder").text.replace("# 四、您的权利", choice))
    printed = text_of(Renderer(template).render(letter(kind="reminder")).pdf)
    assert "由算法决定的一段" in printed
    assert "由人决定的一段" not in printed
