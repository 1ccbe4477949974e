"""`songda press`, at the factory: what it gets, what its inserter says, what must not go, and its word that all is deleted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from songda.base import days
from songda.base.errors import SongdaError
from songda.cli.letters import write_private
from songda.cli.opening import JsonFlag, TenantName, open_house, print_json
from songda.cli.press import Run, press
from songda.cli.tables import print_table

if TYPE_CHECKING:
    from songda.flow.delivery import Sftp
    from songda.flow.inserter import Answer
    from songda.letters import Refused

_STATES_ZH = {
    "queued": "未报告",
    "printed": "已打印",
    "enveloped": "完好",
    "diverted": "已拦出待核对",
    "missing": "缺失",
    "spoiled": "损坏",
    "pulled": "已撤下",
    "handed_over": "已交寄",
}
_SHOWN = 20


class NoFile(SongdaError):
    zh = "读不了文件 {path}：{reason}"
    remedy = "请检查路径和权限"
    exit_code = 66


class NotBalanced(SongdaError):
    zh = "打印批次 {run} 尚未结平，差额 {difference} 件"
    remedy = "查明后提交装封机的结果文件（songda press accept）；确实找不到的，搜查后加 --write-off 核销重制"
    exit_code = 75


class NoPlace(SongdaError):
    zh = "没有说明文件交到哪里"
    remedy = "请加 --to 文件夹或 --to sftp://…，或在 factory.toml 的 [delivery] 中写明"
    exit_code = 64


class OneLockOnly(SongdaError):
    zh = "--age 和 --zip 只能选一个；都不选时须加 --clear，以明文输出"
    remedy = "送出本机构的文件请用 --age 或 --zip"
    exit_code = 64


def add_to(app: typer.Typer) -> None:
    """They stand among the commands of `songda press`."""
    for command in (preflight, handoff, accept, balance, divert, reprint, deleted, returned):
        press.command()(command)


def preflight(
    run: Run,
    overlay: Annotated[
        Path | None,
        typer.Option(
            help="Folder for pictures (PNG, 0600, they name persons): the pages with their zones, what offends in red."
        ),
    ] = None,
    piece: Annotated[
        list[str] | None, typer.Option(help="Piece to draw even where nothing is wrong with it; may be repeated.")
    ] = None,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Read every page of a locked run in full: zones, window, fonts, links, sheet codes. 65: not fit.

    A run is locked only when its letters have passed; this reads the files again as they lie there.

    Example: songda press preflight run_01m8… --overlay 预检
    """
    from songda.flow.preflight import draw_pieces, preflight_run
    from songda.flow.press import check_run
    from songda.letters import problem_zh

    with open_house(tenant) as house:
        check_run(house.engine, house.tenant, run)
        found = list(preflight_run(house.engine, house.tenant, run, home=house.home, workers=house.workers))
        drawn = []
        if overlay is not None:
            wanted = dict.fromkeys([*(piece or ()), *(each.piece_id for each in found if each.piece_id)])
            overlay.mkdir(parents=True, exist_ok=True, mode=0o700)
            for piece_id, png in draw_pieces(house.engine, house.tenant, run, list(wanted)[:_SHOWN], home=house.home):
                write_private(overlay / f"{piece_id}.png", png)
                drawn.append(piece_id)
    if as_json:
        print_json({"run": run, "problems": [each._asdict() for each in found], "drawn": drawn})
    elif found:
        print_table(
            "预检", ("封件", "代码", "问题"), [(each.piece_id, each.code, problem_zh(each.code)) for each in found]
        )
    else:
        typer.echo(f"打印批次 {run} 预检通过")
    if drawn and not as_json:
        typer.echo(f"已画出 {len(drawn)} 件的版面（含个人信息，用后删除）：{overlay}")
    if found:
        raise typer.Exit(65)


def handoff(
    run: Run,
    to: Annotated[
        str | None,
        typer.Option(
            help="Pick-up folder of the factory, or sftp://user@host:port/folder; the run gets a folder of its own in it."
            " factory.toml's when absent."
        ),
    ] = None,
    host_key: Annotated[
        str | None, typer.Option(help='Public key of the SFTP server, as in known_hosts: "ssh-ed25519 AAAA…".')
    ] = None,
    identity: Annotated[
        Path | None, typer.Option(help="File of our private key for the SFTP server, mode 0600.")
    ] = None,
    age: Annotated[
        str | None, typer.Option(help="Public key of the factory (age1…); factory.toml's when no lock is named.")
    ] = None,
    as_zip: Annotated[bool, typer.Option("--zip", help="ZIP with AES-256; prints the password, once.")] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Not encrypted: for an inserter of your own.")] = False,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Write a locked run for the factory: print files, the inserter's input, and the manifest as the last one.

    Over SFTP a broken line is taken up again by the same command. 76: the server shows another key than was agreed.

    Example: songda press handoff run_01m8… --to /srv/factory --age age1…
    """
    import secrets

    from songda.flow.handoff import hand_off, in_clear, to_age_key, to_zip
    from songda.flow.plant import read_plant
    from songda.flow.press import check_run

    if (age is not None) + as_zip + clear > 1:
        raise OneLockOnly
    password = secrets.token_urlsafe(18)
    with open_house(tenant) as house:
        check_run(house.engine, house.tenant, run)
        plant = read_plant(house.home)
        where = plant.delivery if to is None else _where(to, host_key, identity)
        key = age if age is not None or as_zip or clear else plant.age
        if where is None:
            raise NoPlace
        if key is None and not (as_zip or clear):
            raise OneLockOnly
        lock = to_age_key(key) if key is not None else to_zip(password) if as_zip else in_clear()
        names = hand_off(house.engine, house.tenant, run, home=house.home, to=where, lock=lock, at=days.now())
    if as_json:
        print_json({"run": run, "files": names, "password": password if as_zip else None})
        return
    shown = where / run if isinstance(where, Path) else f"{where.host}:{where.folder}/{run}"
    typer.echo(f"已写入 {shown}：{len(names)} 个文件")
    if as_zip:
        typer.echo(f"密码（只显示这一次，请经另一渠道告知印制方）：{password}")


def _where(to: str, host_key: str | None, identity: Path | None) -> Path | Sftp:
    from songda.flow.delivery import BadDelivery, parse_sftp

    if not to.startswith("sftp:"):
        return Path(to)
    if host_key is None or identity is None:
        raise BadDelivery(reason="须同时给出 --host-key 和 --identity")
    return parse_sftp(to, host_key=host_key, identity=identity)


def accept(
    file: Annotated[Path, typer.Argument(help="Output file of the inserter (CSV).")],
    to: Annotated[Path | None, typer.Option(help="File for the answer to each line; made new.")] = None,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Take in what the inserter says became of each piece; parts and repetitions are welcome. Each line is answered.

    Ends with 75 when lines need somebody: refused ones, pieces that must not go, weights that are off.

    Example: songda press accept shift-1.csv --to answers.csv
    """
    from songda.flow.inserter import OPEN, answers_csv, take_output

    data = _read(file)
    with open_house(tenant) as house:
        taken = take_output(house.engine, house.tenant, data, home=house.home, at=days.now())
    if to is not None:
        _write(to, answers_csv(taken))
    counts: dict[str, int] = {}
    for answer in taken.answers:
        counts[answer.code] = counts.get(answer.code, 0) + 1
    open_lines = [each for each in taken.answers if each.code in OPEN]
    if as_json:
        answers = [each._asdict() for each in open_lines]
        refused = [each._asdict() for each in taken.refused]
        figures: dict[str, object] = {
            "runs": taken.runs,
            "sha256": taken.sha256,
            "counts": counts,
            "open": answers,
            "refused": refused,
        }
        print_json(figures)
    else:
        _say_taken(counts, open_lines, taken.refused)
    if open_lines or taken.refused:
        raise typer.Exit(75)


def _say_taken(counts: dict[str, int], open_lines: list[Answer], refused: Sequence[Refused]) -> None:
    from songda.flow.inserter import ANSWERS_ZH

    settled = sum(counts.get(code, 0) for code in ("taken", "taken_out"))
    typer.echo(f"已登记 {settled} 行，重复 {counts.get('repeated', 0)} 行，待处理 {len(open_lines) + len(refused)} 行")
    for each in open_lines[:_SHOWN]:
        typer.echo(f"  第 {each.line} 行（作业 {each.job:06}，件号 {each.piece}）：{ANSWERS_ZH[each.code]}")
    for line in refused[:_SHOWN]:
        typer.echo(f"  第 {line.line} 行，{line.column}：{line.why}，本行未登记")
    if len(open_lines) > _SHOWN or len(refused) > _SHOWN:
        typer.echo("  …… 全部各行的处理用 --to 输出")


def balance(
    run: Run,
    write_off: Annotated[
        bool,
        typer.Option("--write-off", help="Give up what is missing or unreported after the search: it is made anew."),
    ] = False,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Count a run and close it at zero difference; else say what is open and end with 75.

    Example: songda press balance run_01m8…
    """
    from songda.flow.inserter import balance as count
    from songda.flow.press import check_run

    with open_house(tenant) as house:
        check_run(house.engine, house.tenant, run)
        counted = count(house.engine, house.tenant, run, at=days.now(), write_off=write_off)
    if as_json:
        figures: dict[str, object] = {
            "run": run,
            "state": counted.state,
            "difference": counted.difference,
            "pieces": dict(counted.pieces),
        }
        print_json(figures | {"in_the_pile": counted.in_the_pile, "reprint": counted.reprint})
    else:
        rows = [(_STATES_ZH[state], count) for state, count in sorted(counted.pieces.items())]
        rows += [("应取出、印制方未答复", counted.in_the_pile), ("差额", counted.difference)]
        print_table(f"打印批次 {run}", ("去向", "件"), rows)
        if counted.reprint:
            typer.echo(f"损坏和核销的封件在批次 {counted.reprint} 中重制：songda press reprint {run}")
    if counted.difference:
        raise NotBalanced(run=run, difference=counted.difference)


def divert(
    run: Run,
    to: Annotated[
        Path | None, typer.Option(help="Divert file for the inserter; made new. A table when absent.")
    ] = None,
    done: Annotated[
        bool, typer.Option("--done", help="Answer for the factory: all of them were taken out of the pile.")
    ] = False,
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """List the pieces of a run that must not go and that the factory has not taken out yet, stop orders among them.

    Its answer is their lines in the next output file (`diverted`), or --done. Until then the run is not handed over.

    Example: songda press divert run_01m8… --to divert.csv
    """
    from songda.dispatch import taken_out, unanswered
    from songda.flow.inserter import divert_csv
    from songda.flow.press import check_run

    with open_house(tenant) as house:
        check_run(house.engine, house.tenant, run)
        with house.engine.begin() as connection:
            lying = unanswered(connection, run)
            if done:
                taken_out(connection, [each.piece_id for each in lying], at=days.now(), actor="person")
    if to is not None:
        _write(to, divert_csv(lying))
    if as_json:
        print_json({"run": run, "pieces": [each._asdict() for each in lying], "answered": done})
    elif to is None:
        rows = [(f"{each.job:06}", each.seq, each.reason) for each in lying]
        print_table("已登记取出" if done else "应取出的封件", ("作业号", "件号", "原因"), rows)


def reprint(run: Run, tenant: TenantName = None, as_json: JsonFlag = False) -> None:
    """Show what of a run is made anew, piece by piece, and in which run. `songda run --resume` orders and locks it.

    Example: songda press reprint run_01m8…
    """
    from songda.flow.inserter import reprints
    from songda.flow.press import check_run

    with open_house(tenant) as house:
        check_run(house.engine, house.tenant, run)
        with house.engine.connect() as connection:
            rows = reprints(connection, run)
    if as_json:
        print_json({"run": run, "reprints": [each._asdict() for each in rows]})
        return
    cells = [
        (each.seq, each.reason, "" if each.job is None else f"{each.job:06}", each.state or "不再重制") for each in rows
    ]
    print_table("重制", ("件号", "原因", "新批次", "新件状态"), cells)


def deleted(
    run: Run,
    manifest_sha256: Annotated[str, typer.Argument(help="Hash of the manifest that the factory's receipt names.")],
    receipt: Annotated[Path | None, typer.Option(help="The receipt as it came; its hash is kept.")] = None,
    tenant: TenantName = None,
) -> None:
    """The factory has deleted the files of a posted run: the key of the run is destroyed and our print files go.

    Example: songda press deleted run_01m8… 6f1c… --receipt receipt.pdf
    """
    import hashlib

    from songda.flow.handoff import confirm_deletion
    from songda.flow.press import check_run

    digest = None if receipt is None else hashlib.sha256(_read(receipt)).hexdigest()
    with open_house(tenant) as house:
        check_run(house.engine, house.tenant, run)
        confirm_deletion(
            house.engine,
            run,
            manifest_sha256=manifest_sha256,
            receipt_sha256=digest,
            home=house.home,
            at=days.now(),
        )
    typer.echo(f"打印批次 {run} 的删除回执已登记，打印文件和密钥已销毁")


def returned(
    file: Annotated[Path, typer.Argument(help="Scanned returns: CSV with 邮件号, 退回原因, 退回日期.")],
    tenant: TenantName = None,
    as_json: JsonFlag = False,
) -> None:
    """Take in letters that came back closed; each line is answered with what it says about the address. 75: lines are open.

    Example: songda press returned returns.csv
    """
    from songda.flow.returned import ADDRESS_ZH, ANSWERS_ZH, SETTLED, take_returned

    data = _read(file)
    with open_house(tenant) as house:
        answers = take_returned(house.engine, house.tenant, data, at=days.now())
    if as_json:
        print_json({"lines": [each._asdict() for each in answers]})
    else:
        cells = [(each.line, each.waybill_no, ANSWERS_ZH[each.code], ADDRESS_ZH[each.address]) for each in answers]
        print_table("退件", ("行", "邮件号", "处理", "地址"), cells)
    if any(each.code not in SETTLED for each in answers):
        raise typer.Exit(75)


def _read(path: Path) -> bytes:
    from songda.intake import why_refused

    try:
        return path.read_bytes()
    except OSError as error:
        raise NoFile(path=str(path), reason=why_refused(error)) from error


def _write(path: Path, text: str) -> None:
    from songda.cli.letters import CannotWriteFile
    from songda.intake import why_refused

    try:
        with path.open("x", encoding="utf-8-sig", newline="") as file:
            file.write(text)
    except OSError as error:
        raise CannotWriteFile(path=str(path), reason=why_refused(error)) from error
