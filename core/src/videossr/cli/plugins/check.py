"""`videossr plugins check`: does a plugin keep the rules?"""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from dataclasses import asdict
from typing import Annotated

import typer

from videossr.cli.options import AsJson, PluginsDir
from videossr.registry import Registry


def check(
    name: Annotated[str, typer.Argument(help="The plugin's name.")],
    expect: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CHECK=REASON", help="A check that is known to fail, and why; may be repeated."
        ),
    ] = None,
    as_json: AsJson = False,
    plugins_dir: PluginsDir = None,
) -> None:
    """Check that a plugin keeps the rules: determinism, rewards, formats, light import and more.

    Exits with 1 if a check fails, or passes although a failure was expected.

    Example: videossr plugins check jigsaw
    """
    from videossr.cli.plugins.show import known  # noqa: PLC0415 - beside this module
    from videossr.errors import ConfigError, Mistake  # noqa: PLC0415 - nothing heavy, but late
    from videossr.testing import check_plugin  # noqa: PLC0415 - needs torch

    expected = {}
    for text in expect or ():
        rule, equals, reason = text.partition("=")
        if not equals or not reason.strip():
            right = "write CHECK=REASON, so that the next reader knows why"
            raise ConfigError(Mistake(f"--expect {text}", "gives no reason", right))
        expected[rule] = reason.strip()
    with redirect_stdout(sys.stderr):
        registry = Registry(folders=plugins_dir or ())
        known(registry, name)
        results = check_plugin(name, registry=registry, expected_failures=expected)
    bad = [result for result in results if result.outcome in ("failed", "unexpected")]
    if as_json:
        typer.echo(json.dumps([asdict(result) for result in results], indent=2))
    else:
        width = max(len(result.check) for result in results)
        for result in results:
            detail = f"  {result.detail}" if result.detail else ""
            line = f"{result.outcome:10}  {result.check:{width}}{detail}".rstrip()
            # A plugin's error may repeat a hostile text, and not all of them can be printed.
            typer.echo(line.encode("utf-8", "backslashreplace").decode())
        typer.echo(f"{name}: {len(results) - len(bad)} of {len(results)} checks hold")
    if bad:
        raise typer.Exit(1)
