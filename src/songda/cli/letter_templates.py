"""`songda letters template` and `songda letters preview`: a law firm's own templates, and what letters look like."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from songda.base import days
from songda.base.errors import SongdaError
from songda.cli.letters import LawyerName, letters, write_private
from songda.cli.opening import JsonFlag, TenantName, open_base, open_house, print_json, tenant_names
from songda.cli.tables import print_table
from songda.flow.errors import UnknownLetter

if TYPE_CHECKING:
    from songda.letters import Finding, Template

template = typer.Typer(help="Templates: list, show, check, import.", no_args_is_help=True)

_SEVERITY_ZH = {"error": "错误", "block": "禁止", "review": "须复核"}
_NOTES_ZH = {
    ("lost", "picture"): "图片（信头、印章、签名都不放进模板，由系统在批准后加盖）",
    ("lost", "header"): "页眉（由统一版式代替）",
    ("lost", "footer"): "页脚（由统一版式代替）",
    ("lost", "title"): "标题（由函件种类决定）",
    ("lost", "table"): "表格（内容未知；金额、账户、附件请用 {{表 …}}、{{附件 …}}）",
    ("lost", "field"): "域（页码、日期、条件等，或名称不能用作变量）",
    ("lost", "numbering"): "自动编号（请把序号写成文字）",
    ("lost", "link"): "超链接（文字保留）",
    ("lost", "tracked_deletion"): "修订中删除的文字",
    ("lost", "footnote"): "脚注、尾注",
    ("lost", "comment"): "批注",
    ("lost", "comment_part"): "批注",
    ("lost", "macro"): "宏和控件（从不运行）",
    ("lost", "embedded"): "嵌入对象",
    ("lost", "embedded_part"): "嵌入文件",
    ("lost", "text_box"): "文本框",
    ("lost", "formula"): "公式",
    ("lost", "symbol"): "符号字体的字符",
    ("lost", "unseen_character"): "看不见的字符",
    ("changed", "layout"): "字体、字号、颜色、对齐、页边距：改用统一版式",
    ("changed", "table"): "表格：改为系统的表",
    ("added", "variable"): "新变量，请补充说明和示例",
    ("added", "block"): "缺少的必须部分，已加在文末",
}
_WHAT_ZH = {"lost": "未保留", "changed": "已改变", "added": "已增加"}


class NoSuchTemplate(SongdaError):
    zh = "没有名为“{name}”的模板或文件"
    remedy = "种类和已导入的模板可用 songda letters template list 查看；文件须为 .txt 或 .docx"
    exit_code = 65


class TemplateNotTaken(SongdaError):
    zh = "模板没有导入：有 {count} 处错误或禁止用语"
    remedy = "请按上面的列表改正后重新导入"
    exit_code = 65


class KindNeeded(SongdaError):
    zh = "导入 Word 文件须说明函件种类"
    remedy = "请加 --kind，例如 --kind reminder"
    exit_code = 64


def add_to(app: typer.Typer) -> None:
    letters.add_typer(template, name="template")


@template.command("list")
def list_(tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """List kinds of letters, the tenant's own templates with their hashes, and all variables and blocks.

    Example: songda letters template list --tenant firm
    """
    from songda.letters import TITLES, house_template, template_hash, versions
    from songda.letters.wording import blocks, house_variables

    own = []
    with open_base() as (engine, _, settings):
        has_tenant = tenant is not None or len(tenant_names(engine)) == 1
    if has_tenant:
        with open_house(tenant) as house:
            own = versions(settings.home, house.tenant.id)
    highest = {each.kind: each.number for each in own}
    if as_json:
        print_json(
            {
                "kinds": [
                    {"kind": kind, "title": title, "template_sha256": template_hash(house_template(kind))}
                    for kind, title in TITLES.items()
                ],
                "own": [
                    {
                        "kind": each.kind,
                        "version": each.number,
                        "text_sha256": each.sha256,
                        "in_force": highest[each.kind] == each.number,
                    }
                    for each in own
                ],
                "variables": [
                    {
                        "name": each.name,
                        "type": each.type,
                        "meaning": each.meaning,
                        "example": each.example,
                        "required": each.required,
                    }
                    for each in house_variables().values()
                ],
                "blocks": [{"name": name, "meaning": meaning} for name, (_, meaning) in blocks().items()],
            }
        )
        return
    print_table(
        "函件种类（通用模板）",
        ("种类", "标题", "在用", "模板哈希"),
        [
            (
                kind,
                title,
                f"本所第 {highest[kind]} 版" if kind in highest else "通用",
                template_hash(house_template(kind))[:16],
            )
            for kind, title in TITLES.items()
        ],
    )
    if own:
        print_table(
            "本机构的模板",
            ("种类", "版本", "文本哈希"),
            [(each.kind, each.number, each.sha256[:16]) for each in own],
        )
    print_table(
        "变量",
        ("名称", "类型", "含义", "示例"),
        [(v.name, v.type, v.meaning, v.example) for v in house_variables().values()],
    )
    print_table("块", ("名称", "含义"), [(name, meaning) for name, (_, meaning) in blocks().items()])


Target = Annotated[str, typer.Argument(help="Kind of letter (e.g. reminder), or a template file.")]


@template.command()
def show(
    target: Target,
    tenant: TenantName = None,
    house_only: Annotated[bool, typer.Option("--house", help="The house's template, not the tenant's own.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Print a template: the tenant's own in force, else the house's. Its text is a good start for one of your own.

    Example: songda letters template show reminder > 催告函.txt
    """
    from songda.letters import template_hash

    found = _find(target, tenant, house_only=house_only)
    if as_json:
        print_json({"kind": found.kind, "name": found.wording.name, "sha256": template_hash(found), "text": found.text})
        return
    typer.echo(found.text, nl=False)


@template.command()
def check(target: Target, tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """Check a template: form, wording as written and as printed, sums. Ends with 65 when it must not be sent.

    Example: songda letters template check 催告函.txt
    """
    text = template_source(target) if Path(target).is_file() else _find(target, tenant).text
    found = _checked(text)
    if as_json:
        print_json({"ok": not _stopping(found), "findings": [_as_json(text, each) for each in found]})
    else:
        _print_findings(text, found)
    if _stopping(found):
        raise typer.Exit(65)


@template.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="Template (.txt), or a letter from Word (.docx) to be made into one.")],
    kind: Annotated[str | None, typer.Option(help="Kind of letter; needed for .docx.")] = None,
    to: Annotated[Path | None, typer.Option(help="Where the template made of a .docx is written (made new).")] = None,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Take a template (.txt) into force for the tenant, or make a template of a Word file (.docx) and say what was lost.

    A template of a Word file is written beside it, to be read and checked before it is taken in its turn.

    Example: songda letters template import 催告函.docx --kind reminder
    """
    if file.suffix.lower() == ".docx":
        _from_word(file, kind, to or file.with_suffix(".txt"), as_json=as_json)
        return
    from songda.flow.audit import write_audit
    from songda.letters import parse, take, template_hash

    text = template_source(str(file))
    found = _checked(text)
    if not as_json:
        _print_findings(text, found)
    if _stopping(found):
        if as_json:
            print_json({"taken": False, "findings": [_as_json(text, each) for each in found]})
        raise TemplateNotTaken(count=_stopping(found))
    with open_house(tenant) as house:
        version = take(house.home, house.tenant.id, parse(text))
        digest = template_hash(parse(text))
        with house.engine.begin() as connection:
            write_audit(
                connection,
                at=days.now(),
                actor="operator",
                action="template.import",
                object_id=house.tenant.id,
                details={"kind": version.kind, "version": version.number, "template_sha256": digest},
            )
    if as_json:
        taken = {"taken": True, "kind": version.kind, "version": version.number, "template_sha256": digest}
        print_json(taken | {"findings": [_as_json(text, each) for each in found]})
        return
    typer.echo(
        f"已导入：{version.kind} 第 {version.number} 版，模板哈希 {digest[:16]}。此前的审批不包括它，须由律师重新批准。"
    )


@letters.command()
def preview(
    target: Annotated[str, typer.Argument(help="Kind of letter, template file, or letter number.")],
    to: Annotated[Path, typer.Option(help="PDF or PNG file to write (made new, mode 0600).")],
    tenant: TenantName = None,
    lawyer: LawyerName = None,
    dpi: Annotated[int, typer.Option(min=30, max=300, help="Sharpness of a PNG.")] = 110,
    open_: Annotated[bool, typer.Option("--open", help="Show the file with the program for it.")] = False,
) -> None:
    """Write what a letter looks like: of a template, to an invented person; of a letter number, the letter itself.

    Example: songda letters preview reminder --to reminder.png
    """
    from songda.letters import TITLES, Renderer, invented, picture

    if to.suffix.lower() not in {".pdf", ".png"}:
        raise typer.BadParameter("--to 须以 .pdf 或 .png 结尾")
    if target in TITLES or Path(target).is_file():
        found = _find(target, tenant)
        pdf = Renderer(found).render(invented(found)).pdf
    else:
        pdf = _letter(target, tenant, lawyer)
    write_private(to, picture(pdf, dpi=dpi) if to.suffix.lower() == ".png" else pdf)
    typer.echo(f"已写出 {to}")
    if open_:
        typer.launch(str(to))


def _letter(letter_no: str, tenant: str | None, lawyer: str | None) -> bytes:
    """A real letter; that it was shown is kept in the audit log."""
    from songda.flow.audit import write_audit
    from songda.flow.samples import letter_pdf

    with open_house(tenant) as house:
        found = letter_pdf(house.engine, house.tenant, letter_no, home=house.home, lawyer_name=lawyer)
        if found is None:
            raise UnknownLetter(letter_no=letter_no)
        with house.engine.begin() as connection:
            write_audit(
                connection,
                at=days.now(),
                actor="operator",
                action="letter.shown",
                object_id=found[0],
                details={"letter_no": letter_no},
            )
        return found[1]


def _find(target: str, tenant: str | None, *, house_only: bool = False) -> Template:
    """The template of a file, or of a kind: the tenant's own when there is a tenant and it has one."""
    from songda.letters import TITLES, house_template, parse

    if Path(target).is_file():
        return parse(template_source(target))
    if target not in TITLES:
        raise NoSuchTemplate(name=target)
    kind: Any = target
    if not house_only:
        with open_base() as (engine, _, _):
            known = tenant_names(engine)
        if tenant is not None or len(known) == 1:
            with open_house(tenant) as house:
                return house.tenant.template(kind)
    return house_template(kind)


def template_source(path: str) -> str:
    """Text of a template file. Raises NoSuchTemplate."""
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NoSuchTemplate(name=path) from error


def _from_word(file: Path, kind: str | None, to: Path, *, as_json: bool) -> None:
    from songda.letters import TITLES, import_word

    if kind not in TITLES:
        raise KindNeeded
    chosen: Any = kind
    try:
        imported = import_word(file.read_bytes(), kind=chosen, name=file.stem)
    except OSError as error:
        raise NoSuchTemplate(name=str(file)) from error
    write_private(to, imported.text.encode())
    found = _checked(imported.text)
    if as_json:
        notes = [{"what": each.what, "code": each.code, "detail": each.detail} for each in imported.notes]
        print_json({"template": str(to), "notes": notes, "findings": [_as_json(imported.text, each) for each in found]})
        return
    print_table(
        f"从 Word 导入：{file.name}",
        ("结果", "内容", "数量或名称"),
        [(_WHAT_ZH[each.what], _NOTES_ZH[each.what, each.code], each.detail) for each in imported.notes],
    )
    _print_findings(imported.text, found)
    typer.echo(f"模板已写入 {to}。请核对、改正，再运行 songda letters template import {to}")


def _checked(text: str) -> tuple[Finding, ...]:
    from songda.letters import check

    return check(text)


def _stopping(found: tuple[Finding, ...]) -> int:
    return sum(each.severity != "review" for each in found)


def _print_findings(text: str, found: tuple[Finding, ...]) -> None:
    from songda.letters import finding_zh, place_of

    if not found:
        typer.echo("模板检查通过：没有错误，没有禁止用语")
        return
    print_table(
        "模板检查",
        ("行", "列", "程度", "问题"),
        [(*place_of(text, each.start), _SEVERITY_ZH[each.severity], finding_zh(each)) for each in found],
    )


def _as_json(text: str, finding: Finding) -> dict[str, object]:
    from songda.letters import finding_zh, place_of

    line, column = place_of(text, finding.start)
    return {
        "severity": finding.severity,
        "code": finding.code,
        "line": line,
        "column": column,
        "start": finding.start,
        "end": finding.end,
        "text": finding.text,
        "zh": finding_zh(finding),
    }
