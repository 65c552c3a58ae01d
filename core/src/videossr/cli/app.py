"""The command's frame: arguments in, errors out, and the exit codes that scripts rely on.

0 done, 1 the work failed, 2 wrong use or configuration, 130 interrupted.
"""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Final

import typer

from videossr.cli.terminal import shown_not_obeyed
from videossr.errors import ConfigError, VideossrError
from videossr.extensions import extensions
from videossr.installing import install_command
from videossr.visible import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

_INTERRUPTED: Final = 130

#: Commands of packages that may not be installed.
_PROVIDERS: Final = dict.fromkeys(
    (
        "ablate",
        "bench",
        "demo",
        "diagnose",
        "eval",
        "launch-file",
        "model-card",
        "preflight",
        "reverify",
        "train",
    ),
    "videossr-trainers",
)


def make_app() -> typer.Typer:
    """The command line with every command that is installed."""
    from videossr.cli.build import build  # noqa: PLC0415 - after the module itself, no circle
    from videossr.cli.disjoint import disjoint  # noqa: PLC0415
    from videossr.cli.doctor import doctor  # noqa: PLC0415
    from videossr.cli.export import export  # noqa: PLC0415
    from videossr.cli.gallery import gallery  # noqa: PLC0415
    from videossr.cli.plugins import app as plugins  # noqa: PLC0415
    from videossr.cli.scan import scan  # noqa: PLC0415
    from videossr.cli.store import store  # noqa: PLC0415

    app = typer.Typer(
        name="videossr",
        help="Verifiable questions from raw video, and GRPO on them for video language models.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.command()(scan)
    app.command()(build)
    app.command()(store)
    app.command()(disjoint)
    app.command()(gallery)
    app.command()(export)
    app.command()(doctor)
    app.add_typer(plugins, name="plugins")
    extensions().register_commands(app)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit with its code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    warnings.showwarning = _show_warning
    try:
        app = make_app()
        _refuse_missing(app, arguments)
        with shown_not_obeyed():
            code = app(args=arguments, prog_name="videossr", standalone_mode=True)
    except ConfigError as error:
        code = _fail(error, 2)
    except (VideossrError, OSError) as error:
        code = _fail(error, 1)
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except SystemExit as stop:
        code = stop.code  # usage errors, and what typer makes of Ctrl-C inside of a command
    if code == _INTERRUPTED:
        typer.echo("interrupted", err=True)
    sys.exit(code)


def _fail(error: Exception, code: int) -> int:
    lines = str(error).splitlines() or [type(error).__name__]
    if isinstance(error, ConfigError) and len(error.mistakes) > 1:
        typer.echo(f"{len(error.mistakes)} mistakes:", err=True)
        lines = [f"  {line}" for line in lines]
    else:
        lines[0] = f"error: {lines[0]}"
    typer.echo(visible("\n".join(lines)), err=True)
    return code


def _refuse_missing(app: typer.Typer, arguments: Sequence[str]) -> None:
    wanted = next((word for word in arguments if not word.startswith("-")), "")
    provider = _PROVIDERS.get(wanted)
    commands = [c.name or getattr(c.callback, "__name__", "") for c in app.registered_commands]
    groups = [group.name or "" for group in app.registered_groups]
    present = {name.replace("_", "-") for name in (*commands, *groups)}
    if provider and wanted not in present:
        typer.echo(
            f"error: `videossr {wanted}` comes with {provider}, which is not installed; "
            f"{install_command(provider)}",
            err=True,
        )
        sys.exit(2)


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    typer.echo(visible(f"warning: {message}"), err=True)
