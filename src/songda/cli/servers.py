"""Commands that stay up: the web door, and the stand-in servers for exercises."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from songda.base import settings
from songda.cli import logs

if TYPE_CHECKING:
    from songda.sim.carrier import Courier

sim = typer.Typer(
    help="Stand-in servers for exercises and tests (loopback only, invented people only).", no_args_is_help=True
)


def add_to(app: typer.Typer) -> None:
    app.command()(serve)
    app.add_typer(sim, name="sim")


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
) -> None:
    """Serve /healthz and the pages that signed links lead to.

    Example: songda serve --port 8000
    """
    from songda import web

    logs.to_stderr()
    web.serve(settings.load(), host=host, port=port)


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
) -> None:
    """Run the stand-in for China Post / EMS until interrupted.

    Example: songda sim carrier --port 8301 --truth truth
    """
    from songda.sim.carrier import StandIn
    from songda.sim.carrier.chains import courier as mixed

    if truth is None:
        courier: Courier = mixed
    else:
        from songda.sim.world import load

        courier = load(truth).courier()
    with StandIn(courier=courier, port=port, state_dir=state, seed=seed) as post:
        typer.echo(f"{post.url}")
        post.wait()
