"""Commands that stay up: the web door, and the stand-in servers for exercises."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from songda.base import days
from songda.base.errors import SongdaError
from songda.cli import logs
from songda.cli.opening import open_base, open_one, tenant_names
from songda.cli.tables import print_table

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from songda.sim.carrier import Courier
    from songda.vault import MasterKey
    from songda.web import Tls

sim = typer.Typer(
    help="Stand-in servers for exercises and tests (loopback only, invented people only).", no_args_is_help=True
)


def add_to(app: typer.Typer) -> None:
    app.command()(serve)
    app.add_typer(sim, name="sim")


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    trusted_proxies: Annotated[
        str | None,
        typer.Option(
            help="Addresses of the proxy before this server, whose X-Forwarded-For is believed; none if absent."
        ),
    ] = None,
    show_push_urls: Annotated[
        bool,
        typer.Option("--show-push-urls", help="Print where each institution's carrier pushes its events, and end."),
    ] = False,
    base: Annotated[
        str, typer.Option(help="Address under which the carrier reaches this server (with --show-push-urls).")
    ] = "http://127.0.0.1:8000",
    webhooks: Annotated[
        bool, typer.Option(help="Send webhooks as well; --no-webhooks where `songda webhooks deliver --stay` does it.")
    ] = True,
    openapi: Annotated[bool, typer.Option("--openapi", help="Publish /openapi.json.")] = False,
    tls_certificate: Annotated[
        Path | None, typer.Option(help="Serve https: PEM of the certificate and its issuers. Needs --tls-key.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(help="PEM of the certificate's key, not encrypted, mode 0600.")
    ] = None,
    client_ca: Annotated[
        Path | None,
        typer.Option(help="Mutual TLS: only who shows a certificate that stems from this one (PEM) gets an answer."),
    ] = None,
) -> None:
    """Serve the page behind the letters' QR codes, links to print files, the carriers' pushes, the feed of
    events, the delivery offices' lists, permits to contact, and /healthz; and send webhooks.

    Example: songda serve --port 8000
    """
    import os

    from songda import web
    from songda.flow.webhooks import delivering

    tls = _tls(web.Tls, tls_certificate, tls_key, client_ca)
    with open_base() as (engine, master, settings):
        if show_push_urls:
            _show_push_urls(engine, master, base=base)
            return
        # A wrong master key is found now, not by the first visitor.
        for name in tenant_names(engine):
            open_one(engine, master, name)
        logs.to_stderr()
        doors = web.record_doors(engine, master, settings.home, environ=os.environ)
        with delivering(engine, master, clock=days.now) if webhooks else nullcontext():
            web.serve(settings, host=host, port=port, trusted_proxies=trusted_proxies, tls=tls, docs=openapi, **doors)


def _tls(
    make: Callable[[Path, Path, Path | None], Tls], certificate: Path | None, key: Path | None, client_ca: Path | None
) -> Tls | None:
    if (certificate is None) != (key is None) or (client_ca is not None and certificate is None):
        raise HalfTls
    return None if certificate is None or key is None else make(certificate, key, client_ca)


class HalfTls(SongdaError):
    zh = "--tls-certificate 与 --tls-key 须同时给出；--client-ca 须与它们一起给出"
    remedy = "例如 songda serve --tls-certificate 证书.pem --tls-key 私钥.pem --client-ca 机构根证书.pem"
    exit_code = 64


def _show_push_urls(engine: Engine, master: MasterKey, *, base: str) -> None:
    """The paths are secrets: whoever knows one and the contract's key can tell us events."""
    from songda.flow.shared_secrets import valid
    from songda.web import push_path

    for name in tenant_names(engine):
        for shared in valid(engine, open_one(engine, master, name), "push", at=days.now()):
            until = "" if shared.until is None else f"\t有效至 {shared.until.astimezone(days.SHANGHAI):%Y-%m-%d %H:%M}"
            typer.echo(f"{name}\t{base.rstrip('/')}{push_path(name, shared.text)}{until}")


class BadFault(SongdaError):
    zh = "故障的写法不对：{text}"
    remedy = "请写成 种类=比例，例如 --fault reset_after=0.05；种类见 songda sim carrier --numbers"
    exit_code = 64


def _share(text: str, kinds: Collection[str]) -> tuple[str, float]:
    kind, _, share = text.partition("=")
    try:
        value = float(share)
    except ValueError:
        raise BadFault(text=text) from None
    if kind not in kinds or not 0 < value <= 1:
        raise BadFault(text=text)
    return kind, value


@sim.command()
def carrier(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 8301,
    state: Annotated[
        Path | None, typer.Option(help="Folder in which orders survive a restart; in memory when absent.")
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(help="Folder of a simulated world's truth: letters then end as its couriers find its people."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the faults.")] = 0,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            help="KIND=SHARE of calls, e.g. reset_after=0.05; more than once for more. --numbers lists kinds."
        ),
    ] = None,
    numbers: Annotated[
        bool, typer.Option("--numbers", help="List faults and the mobiles that order an outcome or a fault, and end.")
    ] = False,
) -> None:
    """Run the stand-in for China Post / EMS, and for 快递100 and 快递鸟 beside it, until interrupted.

    Example: songda sim carrier --port 8301 --truth truth --fault html_before=0.01
    """
    from songda.sim.carrier import StandIn, fault_kinds, magic_numbers
    from songda.sim.carrier.chains import courier as mixed

    if numbers:
        print_table("故障（--fault 种类=比例）", ("种类",), [(kind,) for kind in fault_kinds()])
        print_table("收件人手机号 → 结果或故障", ("手机号", "结果或故障"), magic_numbers())
        return
    shares = [_share(text, fault_kinds()) for text in fault or ()]

    if truth is None:
        courier: Courier = mixed
    else:
        from songda.sim.world import load

        courier = load(truth).courier()
    with StandIn(courier=courier, port=port, state_dir=state, seed=seed) as post:
        for kind, share in shares:
            post.fault(kind, probability=share)
        typer.echo(f"{post.url}")
        post.wait()


@sim.command()
def sftp(
    folder: Annotated[Path, typer.Argument(help="Folder in which the files lie; made if it is missing.")],
    authorized: Annotated[Path, typer.Option(help="File of the one public key that is let in (ssh-ed25519 AAAA…).")],
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 8322,
) -> None:
    """Run a stand-in for the factory's SFTP server until interrupted. Its host key is new each time.

    Example: songda sim sftp in --authorized ~/.ssh/songda_press.pub
    """
    import threading

    from songda.sim.sftp import SftpServer, public_key

    folder.mkdir(parents=True, exist_ok=True)
    with SftpServer(folder, authorized=public_key(authorized.read_text("utf-8")), port=port) as server:
        typer.echo(f"--to {server.url} --host-key {server.host_key!r}")
        threading.Event().wait()


@sim.command()
def factory(
    folder: Annotated[Path, typer.Argument(help="Folder of a run as `songda press handoff --clear` wrote it.")],
    to: Annotated[Path, typer.Option(help="Folder for the output files and for what lies in each envelope.")],
    seed: Annotated[int, typer.Option(help="Seed of the mishaps.")] = 1,
    jam: Annotated[float, typer.Option(min=0, max=1, help="Share of pieces that the machine tears.")] = 0.0,
    spoil: Annotated[float, typer.Option(min=0, max=1, help="Share of pieces that are printed or folded badly.")] = 0.0,
    loss: Annotated[float, typer.Option(min=0, max=1, help="Share of pieces that cannot be found.")] = 0.0,
    double_feed: Annotated[
        float, typer.Option(min=0, max=1, help="Share of pieces that drag the next piece's first sheet along.")
    ] = 0.0,
    divert: Annotated[
        Path | None, typer.Option(help="Divert file of `songda press divert`: such pieces are taken aside.")
    ] = None,
) -> None:
    """Print, fold and insert a run on a machine that makes mistakes; write what its inserter would write.

    shift.csv comes first; inspected.csv is what people found afterwards; pile.csv is the truth about each envelope.

    Example: songda sim factory out/run_01m8… --to shift --jam 0.01 --loss 0.01
    """
    from songda.sim.factory import Factory, Faults, pile_csv

    machine = Factory(Faults(jam=jam, spoil=spoil, loss=loss, double_feed=double_feed), seed=seed)
    if divert is not None:
        machine.take_aside(divert.read_text("utf-8-sig"))
    shift = machine.make(folder)
    to.mkdir(parents=True, exist_ok=True)
    (to / "shift.csv").write_text(shift.output, "utf-8")
    (to / "inspected.csv").write_text(machine.inspect(), "utf-8")
    (to / "pile.csv").write_text(pile_csv(machine.pile, machine.waybills), "utf-8")
    typer.echo(f"清单哈希 {machine.manifest_sha256}")
    print_table("装封", ("项目", "件"), [(name, count) for name, count in shift.counts.items() if count])
