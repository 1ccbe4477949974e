"""`songda imprint`: a firm's scanned seal and its lawyers' handwritten signatures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from songda.base import days
from songda.cli.opening import JsonFlag, TenantName, open_house, print_json
from songda.cli.tables import print_table
from songda.letters import ImprintUse

imprint = typer.Typer(help="Scanned seals and handwritten signatures: add, list, remove.", no_args_is_help=True)

_FIELDS = {"seal": "[firm] 的 seal_imprint", "signature": "该律师 [[lawyers]] 的 signature_imprint"}


def add_to(app: typer.Typer) -> None:
    app.add_typer(imprint, name="imprint")


@imprint.command()
def add(
    scan: Annotated[Path, typer.Argument(help="Scan on white paper: PNG, JPEG, TIFF or BMP, 300 dpi or more.")],
    use: Annotated[ImprintUse, typer.Option("--for", help="seal: the firm's; signature: a lawyer's own hand.")],
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Seal a scan into the vault, without its paper. Letters bear it once the profile names it and a lawyer approved them.

    Example: songda imprint add 公章.png --for seal
    """
    from songda.flow.imprints import keep_imprint
    from songda.letters import BOXES, NotAnImprint, size_of

    try:
        data = scan.read_bytes()
    except OSError:
        raise NotAnImprint(reason="unreadable") from None
    with open_house(tenant) as house:
        name, kept = keep_imprint(house.engine, house.tenant, data, use=use, home=house.home, at=days.now())
    width, height = size_of(kept)
    if as_json:
        print_json({"imprint": name, "for": use, "pixels": [width, height]})
        return
    across, down = BOXES[use]
    typer.echo(
        f"已封存印迹（{width}×{height} 点，函件上不超过 {across:g}×{down:g} 毫米）。原扫描件请移出本机妥善保管。"
    )
    typer.echo(f"请填入机构档案 {_FIELDS[use]}，重新导入后，律师此后审批的函件才会使用：")
    typer.echo(name)


@imprint.command("list")
def list_(tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """Imprints that are kept, and which of them the profile names.

    Example: songda imprint list
    """
    from songda.flow.imprints import named
    from songda.letters import size_of

    with open_house(tenant) as house:
        used = named(house.tenant)
        rows = [(name, size_of(each), name in used) for name, each in house.tenant.imprints.items()]
    if as_json:
        kept = [{"imprint": name, "pixels": list(size), "in_profile": in_use} for name, size, in_use in rows]
        print_json({"imprints": kept})
    elif not rows:
        typer.echo("还没有印章或签名图样。songda imprint add 图片 --for seal 导入。")
    else:
        print_table(
            "印章和签名图样",
            ("指纹", "点数", "机构档案"),
            [(name, f"{width}×{height}", "使用中" if used else "未使用") for name, (width, height), used in rows],
        )


@imprint.command()
def remove(
    name: Annotated[str, typer.Argument(help="SHA-256 as `songda imprint list` shows it.")],
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Destroy an imprint that the profile names no more. Approved letters that still need it will be held.

    Example: songda imprint remove 3f0c…
    """
    from songda.flow.imprints import remove_imprint

    with open_house(tenant) as house:
        remove_imprint(house.engine, house.tenant, name, home=house.home, at=days.now())
    if as_json:
        print_json({"removed": name})
    else:
        typer.echo(f"已销毁印迹 {name}。")
