"""The option that says where work is done."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from videossr.cli.options import worker_count

if TYPE_CHECKING:
    from videossr.engine import Engine


class EngineName(StrEnum):
    """The engines that there are."""

    LOCAL = "local"
    RAY = "ray"


EngineOption = Annotated[
    EngineName,
    typer.Option(
        "--engine",
        help="local: threads of this process. ray: processes on the cluster that RAY_ADDRESS names, or on "
        "this machine; the same bytes come out.",
    ),
]


def engine_of(name: EngineName, workers: int | None, *, models: bool = False) -> Engine:
    """The engine of a name.

    Args:
        name: of the engine.
        workers: threads or processes; None for one on each core.
        models: whether there is to be a model in each; None is then for one on each GPU, if there are any.

    Raises:
        ConfigError: its package is not installed.
    """
    from videossr.engine import Local  # noqa: PLC0415 - not needed for help

    if name is EngineName.RAY:
        from videossr.engine.ray import Ray  # noqa: PLC0415 - as above

        return Ray(workers, models=models)
    return Local(worker_count(workers))
