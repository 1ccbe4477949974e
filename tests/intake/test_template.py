"""The published format: the example explains every column and can be read back."""

from __future__ import annotations

import stat
import subprocess
import sys
import zipfile

import pytest
import python_calamine

from songda.base.schemas import CASES
from songda.intake import sniff, write_template
from songda.intake.fields import declared, group_fields, single_fields
from songda.intake.template import template_fields


@pytest.fixture
def template(tmp_path):
    path = tmp_path / "cases.xlsx"
    write_template(path)
    return path


def test_the_example_is_read_back_without_a_refused_row(template, read_all):
    everything = read_all(template)
    assert everything.rejected == []
    assert len(everything.cases) == 6
    assert everything.warnings == []
    assert len({case["id_number"] for case in everything.cases}) == 6


def test_the_example_states_every_column_of_the_schema_at_least_once(template, read_all):
    cases = read_all(template).cases
    silent = {name for name in CASES if all(case[name] is None for case in cases)}
    # The columns of own values are named by the firm's own templates.
    assert silent == {"own_values"}


def test_every_header_of_the_example_is_recognised(template):
    sheet = sniff(template)
    assert sheet.unknown == sheet.missing == sheet.other_sheets == ()
    assert list(sheet.mapping.values()) == [each.key for each in template_fields()]


def test_the_explaining_sheet_has_a_line_for_every_field(template):
    rows = python_calamine.load_workbook(str(template)).get_sheet_by_name("说明").to_python()
    titles = [row[0] for row in rows]
    wanted = [each.label for each in single_fields()]
    wanted += [
        f"{f.label}（可有 1 到 {g['limit']} 组）"
        for name, g in declared()["groups"].items()
        for f in group_fields(name, 1)
    ]
    assert [title for title in wanted if title not in titles] == []
    for row in rows:
        if row[0] in wanted:
            assert row[1] in ("必填", "规则需要", "选填")
            assert row[2]
            assert row[5]


def test_words_are_offered_in_lists_but_forbidden_origins_are_not(template):
    with zipfile.ZipFile(template) as archive:
        page = archive.read("xl/worksheets/sheet1.xml").decode()
    assert page.count("<dataValidation ") >= 15
    assert "合同,身份证" in page
    assert "购买" not in page
    assert 'ySplit="1"' in page


def test_the_example_is_private_to_its_owner(template):
    assert stat.S_IMODE(template.stat().st_mode) == 0o600


def test_the_face_loads_no_heavy_library_by_itself():
    heavy = "{'polars', 'pydantic', 'xlsxwriter', 'python_calamine', 'rapidfuzz'}"
    code = f"import sys, songda.intake; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_face_offers_what_it_says():
    import songda.intake as face

    for name in face.__all__:
        assert getattr(getattr(face, name), "__name__", "MAX_ROWS") == name
    with pytest.raises(AttributeError):
        _ = face.nothing
