"""The command `videossr`: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
from copy import copy
from typing import TYPE_CHECKING, Any

import pytest
from command_line import Ran, fresh
from toy_plugins import distribution, extended_by

from videossr import ConfigError, hookimpl
from videossr.errors import Mistake, Mistakes
from videossr.installing import install_command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import typer

# Help


def test_help_lists_the_commands(run: Callable[..., Ran]) -> None:
    """Exit code 0, on stdout."""
    ran = run("--help")
    assert (0, "") == (ran.code, ran.err)
    listed = ran.out.partition("Commands:")[2].splitlines()
    names = {line.split()[0] for line in listed if line.startswith("  ") and line.split()}
    assert {"scan", "build", "plugins"} <= names


@pytest.mark.parametrize("command", [["scan"], ["build"], ["plugins", "list"]])
def test_every_command_shows_an_example(run: Callable[..., Ran], command: list[str]) -> None:
    """Its help says how it is called."""
    ran = run(*command, "--help")
    assert 0 == ran.code
    assert f"Example: videossr {' '.join(command)} " in ran.out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["frob"],
        ["scan"],
        ["scan", "x"],
        ["plugins", "list", "--frob"],
        ["scan", "x", "-o", "y", "--workers", "0"],
    ],
)
def test_wrong_use_is_2(run: Callable[..., Ran], arguments: list[str]) -> None:
    """No command, unknown ones, missing arguments, unknown options, values out of range."""
    ran = run(*arguments)
    assert 2 == ran.code
    assert "Usage: videossr" in ran.out + ran.err


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [(["--help"], {"torch", "pydantic", "omegaconf", "pyarrow"}), (["plugins", "list"], {"torch"})],
)
def test_light_commands_import_nothing_heavy(arguments: list[str], absent: set[str]) -> None:
    """They are to answer at once."""
    code = (
        "import sys\nfrom videossr.cli import main\n"
        f"try:\n    main({arguments})\nfinally:\n    print(*sys.modules, file=sys.stderr)"
    )
    ran = fresh("-c", code)
    assert 0 == ran.returncode
    assert set() == absent & set(ran.stderr.split())
    assert "videossr.registry" in ran.stderr.split()


def test_the_module_is_the_command() -> None:
    """`python -m videossr`, which launchers of several processes need."""
    ran = fresh("-m", "videossr", "--help")
    assert (0, "") == (ran.returncode, ran.stderr)
    assert ran.stdout.startswith("Usage: ")


# Plugins


def toy_rows(listed: str) -> dict[str, dict[str, Any]]:
    """The toys of a list in JSON, by name."""
    return {row["name"]: row for row in json.loads(listed) if row["name"].startswith("toy_")}


@pytest.mark.usefixtures("installed")
def test_plugins_are_listed_for_scripts(run: Callable[..., Ran]) -> None:
    """JSON on stdout and nothing else, whatever the modules print; broken ones are no failure."""
    ran = run("plugins", "list", "--json")
    assert 0 == ran.code
    rows = toy_rows(ran.out)
    assert {
        "name": "toy_pick",
        "kind": "task",
        "state": "enabled",
        "distribution": "toy-tasks",
        "version": "1.2",
        "module": "toy_plugins:PICK",
        "plugin_version": "1",
        "hooks": ["make_sample", "reward"],
        "summary": "Guess a digit",
        "problem": "",
    } == rows["toy_pick"]
    assert ("broken", "bad-toys") == (rows["toy_bad"]["state"], rows["toy_bad"]["distribution"])
    assert "conflict" == rows["toy_twice"]["state"]
    assert "first-toys 1 and second-toys 1 both bring" in rows["toy_twice"]["problem"]


@pytest.mark.usefixtures("installed")
def test_plugins_are_listed_for_people(run: Callable[..., Ran]) -> None:
    """A line for each, with its state and the reason of a fault."""
    ran = run("plugins", "list")
    assert 0 == ran.code
    lines = {line.split()[0]: " ".join(line.split()) for line in ran.out.splitlines()}
    assert "NAME KIND STATE FROM SUMMARY" == lines["NAME"]
    assert "toy_pick task enabled toy-tasks 1.2 Guess a digit" == lines["toy_pick"]
    assert (
        "toy_bad unknown broken bad-toys 0.3 "
        "importing toy_bad_plugin:plugin raised ImportError: no such wheel"
    ) == lines["toy_bad"]


def test_a_process_lists_what_is_installed(installed: Path) -> None:
    """By way of the installers' own metadata."""
    ran = fresh("-m", "videossr", "plugins", "list", "--json", path=installed)
    assert (0, "loading") == (ran.returncode, ran.stderr.strip())
    assert {"toy_bad", "toy_pick", "toy_twice"} == set(toy_rows(ran.stdout))


# Extensions


class _Odd:
    """Brings a command that fails in a way of its own."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    @hookimpl
    def register_commands(self, app: typer.Typer) -> None:
        app.command("odd")(self.odd)

    def odd(self) -> None:
        """Fail."""
        raise self.error


def test_mistakes_are_counted_and_not_their_lines(
    run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One may take two lines, and what to do about all of them is none."""
    mistakes = Mistakes()
    for error in (
        ConfigError(
            [Mistake("a", "is wrong\nin two lines"), Mistake("b", "is wrong")], "mend both"
        ),
        ConfigError(Mistake("b", "is wrong"), "mend both"),
        ConfigError(Mistake("c", "is wrong")),
    ):
        with mistakes.noted():
            raise error
    with pytest.raises(ConfigError) as raised:
        mistakes.tell()
    with extended_by(monkeypatch, odd=_Odd(copy(raised.value))):
        ran = run("odd")
    lines = ("a: is wrong", "in two lines", "b: is wrong", "c: is wrong", "mend both")
    assert ran == Ran(2, "", "3 mistakes:\n" + "".join(f"  {line}\n" for line in lines))
    Mistakes().tell()


@pytest.mark.parametrize("command", ["train", "demo"])
def test_commands_of_the_trainers_say_what_to_install(
    run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Where the trainers are not installed."""
    with extended_by(monkeypatch):
        ran = run(command, "tiny", "--dataset", "d")
    expected = (
        f"error: `videossr {command}` comes with videossr-trainers, which is not installed; "
        f"{install_command('videossr-trainers')}\n"
    )
    assert Ran(2, "", expected) == ran


def test_an_extension_that_cannot_be_imported_is_left_out(tmp_path: Path) -> None:
    """With a warning that names it; the rest works."""
    points = {"odd": "no_such_extension:plugin"}
    distribution(tmp_path, "odd-commands", "1", points, group="videossr.commands")
    ran = fresh("-m", "videossr", "--help", path=tmp_path)
    assert 0 == ran.returncode
    assert (
        "warning: commands of odd-commands left out: importing no_such_extension:plugin raised "
        "ModuleNotFoundError: No module named 'no_such_extension'\n"
    ) == ran.stderr
    assert "Commands:" in ran.stdout
