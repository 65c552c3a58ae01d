"""`videossr plugins` and what the other commands let one say about plugins."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
import yaml
from command_line import Ran
from jsonschema import Draft202012Validator
from toy_plugins import distribution, extended_by

from videossr import API_VERSION, hookimpl
from videossr.config import load_config
from videossr.installing import install_command
from videossr.origin import STATES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LOOSE = """
from pydantic import BaseModel, Field
from videossr import Perturbations, Ramp, Sample, hookimpl
from videossr.sample import question_prompt

class Guess:
    class Config(BaseModel, extra="forbid"):
        sides: Ramp = Field(Ramp.between(2, 6), description="of the die")
        name: str = Field(min_length=1, description="what it is called")
        altered: Perturbations = Field(description="what may happen")

    summary = "Guess a die"
    version = "1"
    example = {"name": "die"}

    @hookimpl
    def make_sample(self, clip, config, rng):
        return Sample(question_prompt(None, config.name), (clip,), "1")

    @hookimpl
    def reward(self, completion, answer):
        return float(completion == answer)

plugin = Guess()
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Packages with a plugin for each state, and no extension."""
    folder = tmp_path / "site"
    toys = {"toy_pick": "toy_plugins:PICK", "toy_off": "toy_unimported:plugin"}
    distribution(folder, "toy-tasks", "1.2", toys)
    distribution(folder, "bad-toys", "0.3", {"toy_bad": "toy_bad_plugin:plugin"})
    (folder / "toy_bad_plugin.py").write_text("raise ImportError('no such wheel')")
    for name in ("first", "second"):
        distribution(folder, f"{name}-toys", "1", {"toy_twice": f"toy_unimported:{name}"})
    distribution(folder, "strange-toys", "9", {"toy_strange": "toy_unimported:plugin"})
    monkeypatch.syspath_prepend(folder)
    with extended_by(monkeypatch):
        yield folder


@pytest.fixture
def loose(tmp_path: Path) -> Path:
    """A folder with a loose plugin."""
    folder = tmp_path / "loose"
    folder.mkdir()
    (folder / "guess.py").write_text(LOOSE)
    return folder


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration that leaves a plugin out, asks for a broken one, and bars a stranger."""
    path = tmp_path / "run.yaml"
    tree = {
        "plugins": {"allow": ["toy-tasks", "bad-toys", "toy_twice"]},
        "tasks": {"toy_pick": {}, "toy_off": {"enabled": False}, "toy_bad": {}, "toy_twice": {}},
    }
    path.write_text(yaml.safe_dump(tree))
    return path


# list


@pytest.mark.usefixtures("site")
def test_a_plugin_of_each_state_is_listed(run: Callable[..., Ran], config: Path) -> None:
    """Enabled, disabled, broken, conflict, barred; what is off or barred is not imported."""
    ran = run("plugins", "list", "--config", config, "--json")
    assert 0 == ran.code
    states = {row["name"]: row["state"] for row in json.loads(ran.out)}
    expected = {
        "toy_pick": "enabled",
        "toy_off": "disabled",
        "toy_bad": "broken",
        "toy_twice": "conflict",
        "toy_strange": "barred",
    }
    assert expected == {name: states[name] for name in expected}
    assert set(STATES) == set(expected.values())
    assert "toy_unimported" not in sys.modules


@pytest.mark.usefixtures("site")
def test_strict_fails_on_a_fault(run: Callable[..., Ran]) -> None:
    """After the list, with each fault; what is allowed alone may be without one."""
    ran = run("plugins", "list", "--strict")
    assert 1 == ran.code
    assert "NAME" in ran.out
    assert "plugin 'toy_bad' (bad-toys 0.3) is broken: importing toy_bad_plugin:plugin" in ran.err
    assert (
        "plugin 'toy_twice' (first-toys 1) is in conflict: first-toys 1 and second-toys 1"
        in ran.err
    )
    assert 0 == run("plugins", "list", "--strict", "--allow", "toy_pick").code


@pytest.mark.filterwarnings("always")
@pytest.mark.usefixtures("site")
def test_strict_counts_extensions(run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    """A package whose commands had to be left out is a fault too."""

    class Bad:
        @hookimpl
        def register_commands(self) -> None:
            raise KeyError("no commands")

    with extended_by(monkeypatch, bad=Bad()):
        assert 0 == run("plugins", "list", "--allow", "toy_pick").code
    with extended_by(monkeypatch, bad=Bad()):
        ran = run("plugins", "list", "--allow", "toy_pick", "--strict")
    assert 1 == ran.code
    assert "error: commands of unknown left out: its hook 'register_commands' raised" in ran.err


@pytest.mark.usefixtures("site")
def test_requirements_pin_what_works(run: Callable[..., Ran], loose: Path) -> None:
    """As pip reads them; a loose file is a remark."""
    ran = run("plugins", "list", "--requirements", "--plugins-dir", loose)
    assert 0 == ran.code
    *pins, remark = [line for line in ran.out.splitlines() if not line.startswith("videossr-")]
    assert ["toy-tasks==1.2"] == pins
    assert remark.startswith(f"# {loose / 'guess.py'} (sha256 ")


def test_folders_and_allow_list_may_come_from_the_environment(
    run: Callable[..., Ran], loose: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For all commands at once, those of launched processes included."""
    monkeypatch.setenv("VIDEOSSR_PLUGINS_DIR", str(loose))
    monkeypatch.setenv("VIDEOSSR_PLUGINS_ALLOW", "guess")
    rows = {row["name"]: row["state"] for row in json.loads(run("plugins", "list", "--json").out)}
    assert "enabled" == rows.pop("guess")
    assert {"barred"} >= set(rows.values())


# show


def test_a_plugin_is_shown_in_full(run: Callable[..., Ran], loose: Path) -> None:
    """Summary, origin, settings with type, bounds and default, levels, and an example that works."""
    ran = run("plugins", "show", "guess", "--plugins-dir", loose)
    assert 0 == ran.code
    text = ran.out
    assert text.startswith("guess: Guess a die\n")
    assert "state    enabled" in text
    assert f"hooks    make_sample, reward (hook API {API_VERSION})" in text
    assert "  sides: number, or levels; default 2 / 4 / 6\n      of the die\n" in text
    assert "  name: string, at least 1 characters; default required\n" in text
    assert "  weight: number, more than 0; default 1.0\n" in text
    assert ["sides", "2", "4", "6"] in [line.split() for line in text.splitlines()]
    example = yaml.safe_load(text.split("EXAMPLE\n")[1])
    assert "die" == example["tasks"]["guess"]["name"]


def test_an_example_is_a_configuration(
    run: Callable[..., Ran], loose: Path, tmp_path: Path
) -> None:
    """It passes all checks as it is, with the perturbations that are installed."""
    ran = run("plugins", "show", "guess", "--plugins-dir", loose, "--json")
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(json.loads(ran.out)["example"]))
    config = load_config(path, folders=[loose])
    assert "die" == config.tasks["guess"].task.config.name  # type: ignore[attr-defined]


@pytest.mark.usefixtures("site")
def test_a_broken_plugin_is_shown_with_its_problem(run: Callable[..., Ran]) -> None:
    """And no more than is known."""
    ran = run("plugins", "show", "toy_bad")
    assert (0, True) == (ran.code, "problem  importing toy_bad_plugin:plugin raised" in ran.out)
    assert "SETTINGS" not in ran.out


def test_what_cannot_be_printed_is_spelt_out(run: Callable[..., Ran], tmp_path: Path) -> None:
    """A plugin's message may quote half a surrogate, which the kit itself hands to rewards."""
    (tmp_path / "odd.py").write_text(
        "from videossr import hookimpl\n"
        "from videossr.testing.toys import Fading\n"
        "class Odd(Fading):\n"
        "    @hookimpl\n"
        "    def perturb(self, clip, config, rng):\n"
        "        raise ValueError('bad \\ud800')\n"
        "plugin = Odd()\n"
    )
    ran = run("plugins", "check", "odd", "--plugins-dir", tmp_path)
    assert 1 == ran.code
    assert "raised ValueError: bad \\ud800" in ran.out


@pytest.mark.parametrize("command", ["show", "schema", "check"])
def test_an_unknown_plugin_is_told(run: Callable[..., Ran], loose: Path, command: str) -> None:
    """With the name that is most like it."""
    ran = run("plugins", command, "gues", "--plugins-dir", loose)
    assert 2 == ran.code
    assert ran.err.startswith(
        "error: gues: no installed plugin has the name 'gues'; did you mean 'guess'?"
    )


# schema


def test_a_schema_fits_an_entry(run: Callable[..., Ran], loose: Path) -> None:
    """The core's fields and the plugin's own; levels and shorthands are accepted, mistakes are not."""
    schema = json.loads(run("plugins", "schema", "guess", "--plugins-dir", loose).out)
    judge = Draft202012Validator(schema)
    Draft202012Validator.check_schema(schema)
    right = [
        {},
        {"weight": 2, "difficulty": "hard", "sides": 3},
        {"difficulty": {"kind": "linear"}, "sides": {"easy": 2, "hard": 5}, "name": "x"},
        {"altered": {"anything": {}}},
    ]
    wrong = [
        {"sides": "many"},
        {"weight": 0},
        {"difficulty": "harder"},
        {"difficulty": 2},
        {"sides": {"easy": 2}},
        {"side": 3},
        {"name": ""},
    ]
    assert [True] * len(right) == [judge.is_valid(entry) for entry in right]
    assert [False] * len(wrong) == [judge.is_valid(entry) for entry in wrong]


def test_a_schema_of_everything_fits_a_configuration(run: Callable[..., Ran], loose: Path) -> None:
    """Sections, tasks by name, perturbations by name, and nothing else."""
    schema = json.loads(run("plugins", "schema", "--plugins-dir", loose).out)
    Draft202012Validator.check_schema(schema)
    judge = Draft202012Validator(schema)
    tree = {
        "extends": "tiny",
        "seed": 3,
        "requires": ["videossr-core>=0.1"],
        "plugins": {"allow": None, "folders": ["mine"], "time_limit_s": 5},
        "video": {"spacing": 0.5, "num_frames": 8},
        "tasks": {"guess": {"name": "die"}},
    }
    assert judge.is_valid(tree)
    for place, value in (("sed", 1), ("seed", -1), ("video", {"num_frame": 3})):
        assert not judge.is_valid({**tree, place: value})
    assert not judge.is_valid({**tree, "tasks": {"guess": {"nam": "die"}}})
    assert not judge.is_valid({**tree, "tasks": {"gess": {}}})


# In a run


def test_a_loose_plugin_makes_a_dataset(
    run: Callable[..., Ran], loose: Path, drawn_videos: Path, tmp_path: Path
) -> None:
    """Its folder goes into the dataset, which says where the plugin came from."""
    path = tmp_path / "run.yaml"
    tree = {
        "video": {"num_frames": 8, "min_frames": 8, "max_pixels": 2304, "min_pixels": 256},
        "build": {"size": 4},
        "tasks": {"guess": {"name": "die", "altered": {"negative": {}}}},
    }
    path.write_text(yaml.safe_dump(tree))
    (loose / "negative.py").write_text(
        "from pydantic import BaseModel\n"
        "from videossr import hookimpl\n"
        "class Negative:\n"
        "    class Config(BaseModel, extra='forbid'):\n"
        "        pass\n"
        "    summary, version = 'Take from 255', '1'\n"
        "    @hookimpl\n"
        "    def perturb(self, clip):\n"
        "        return 255 - clip.frames\n"
        "plugin = Negative()\n"
    )
    arguments = ("build", path, "--videos", drawn_videos, "--plugins-dir", loose, "-q")
    assert Ran(0, "", "") == run(*arguments, "-o", tmp_path / "d")
    facts = json.loads((tmp_path / "d" / "dataset.json").read_text())
    assert [str(loose)] == facts["config"]["plugins"]["folders"]
    assert {"guess", "negative"} == set(facts["plugins"])
    assert str(loose / "guess.py") == facts["plugins"]["guess"]["distribution"]


@pytest.mark.usefixtures("site")
def test_a_strict_build_stops_at_any_fault(
    run: Callable[..., Ran], drawn_videos: Path, tmp_path: Path
) -> None:
    """Even of a plugin that it would not use, unless the configuration switches that off."""
    path = tmp_path / "run.yaml"
    path.write_text("tasks: {toy_pick: {}, toy_bad: {enabled: false}}")
    arguments = ("build", path, "--videos", drawn_videos, "-o", tmp_path / "d", "--strict")
    ran = run(*arguments)
    assert 1 == ran.code
    assert "toy_bad" not in ran.err
    assert "error: plugin 'toy_off'" in ran.err
    assert "plugin 'toy_twice'" in ran.err
    assert not (tmp_path / "d").exists()


@pytest.mark.usefixtures("site")
def test_what_is_barred_cannot_be_used(run: Callable[..., Ran], tmp_path: Path) -> None:
    """It is a mistake in the configuration."""
    path = tmp_path / "run.yaml"
    path.write_text("tasks: {toy_pick: {}}")
    ran = run("build", path, "--videos", tmp_path, "-o", tmp_path / "d", "--allow", "toy_bad")
    assert 2 == ran.code
    expected = "tasks.toy_pick: plugin of toy-tasks is barred; is not on the allow-list"
    assert expected in ran.err


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        ("videossr-core>=99", "requires.0: videossr-core 0.1.0 is installed, videossr-core>=99 is"),
        (
            "no-such-toys>1",
            f"requires.0: no-such-toys is not installed; {install_command('no-such-toys>1')}",
        ),
        ("jigsaw >> 2", "requires.0: 'jigsaw >> 2' is no requirement: "),
        ("videossr-core>=0.1", "tasks: None is no table"),
        ("no-such-toys ; python_version < '3'", "tasks: None is no table"),
    ],
)
def test_a_configuration_may_pin_packages(
    run: Callable[..., Ran], tmp_path: Path, requirement: str, expected: str
) -> None:
    """What is not there, or too old, is told with what to do; a pin that is met says nothing."""
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump({"requires": [requirement]}))
    ran = run("build", path, "--videos", tmp_path, "-o", tmp_path / "d")
    assert 2 == ran.code
    lines = [line.strip().removeprefix("error: ") for line in ran.err.splitlines()]
    first = next(line for line in lines if not line.endswith("mistakes:"))
    assert first.startswith(expected)
