"""The documentation says what the code does: generated pages are current, examples run."""

from __future__ import annotations

import importlib.util
import random
import re
import shlex
import sys
import types
from dataclasses import fields
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
import typer

from videossr import API_VERSION, Clip
from videossr.cli.app import main, make_app
from videossr.config import load_config, resolve
from videossr.config.describe import ENTRIES, PLACES
from videossr.config.presets import presets
from videossr.config.schema import BuildConfig, PluginsConfig, StoreConfig, VideoConfig
from videossr.dataset import Dataset, Recipe
from videossr.extensions import extensions
from videossr.origin import SECTIONS, STATES
from videossr.procedural import write_videos
from videossr.registry import Registry
from videossr.vetting import specified, vet
from videossr.video_table import VideoRow

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PARTS = [*ROOT.glob("*/README.md"), *sorted(ROOT.glob("plugins/*/README.md"))]
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md")), *PARTS]


def generator() -> ModuleType:
    """The script that writes the generated pages."""
    spec = importlib.util.spec_from_file_location("generate_docs", DOCS / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def examples(language: str) -> list[Any]:
    """Every code block of all pages, one test id each.

    The files of the tutorial only make sense together; test_tutorial.py runs them.
    """
    return [
        pytest.param(block, id=f"{page.stem}-{number}")
        for page in PAGES
        if language == "sh" or page.stem != "tutorial"
        for number, block in enumerate(blocks(page, language))
    ]


@pytest.mark.parametrize("page", ["configuration.md", "commands.md"])
def test_generated_pages_are_current(page: str) -> None:
    """The page is what `python docs/generate.py` writes now."""
    assert (DOCS / page).read_text(encoding="utf-8") == generator().PAGES[page]()


def test_every_cost_is_in_its_results() -> None:
    """Every number of the table stands in the file that its row names, and every such file has a row."""
    text = (DOCS / "costs.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| .* \| (.*) \| \[\w+\]\(\.\./(\S+)\) \|$", text, re.MULTILINE)
    assert {*(ROOT / "benchmarks" / "results").glob("*.md")} == {ROOT / path for _, path in rows}
    for cost, path in rows:
        results = (ROOT / path).read_text(encoding="utf-8")
        for number in re.findall(r"\d(?:[\d.,]*\d)?", cost):
            alone = rf"(?<![\d.,]){re.escape(number)}(?![\d]|[.,]\d)"
            assert re.search(alone, results), (number, path)


@pytest.mark.parametrize("name", specified())
def test_every_hook_has_a_page(name: str) -> None:
    """With its signature, when it is called, each argument with its version, and an example."""
    text = (DOCS / "hooks" / f"{name}.md").read_text(encoding="utf-8")
    arguments = specified()[name]
    first, signature, *_ = text.split("\n\n")
    assert first == f"# `{name}`"
    hook = re.match(
        rf"`{name}\({', '.join(arguments)}\) -> .*` · since version (\d+) · ", signature
    )
    assert hook
    assert "**Called** " in text
    table = re.findall(r"^\| `(\w+)` \| (\d+) \| \S", text, re.MULTILINE)
    assert [argument for argument, _ in table] == list(arguments)
    # An argument is as old as its hook or younger, and never younger than the installed hook API.
    assert {int(since) for _, since in table} <= {*range(int(hook[1]), API_VERSION + 1)}
    assert f"def {name}(" in text
    assert f"hooks/{name}.md" in (DOCS / "hooks.md").read_text(encoding="utf-8")


def test_no_page_is_about_a_hook_that_is_not_there() -> None:
    """A hook that is renamed takes its page along."""
    assert sorted(specified()) == sorted(page.stem for page in (DOCS / "hooks").iterdir())


def test_every_state_is_documented() -> None:
    """In the words that the code has for it."""
    text = (DOCS / "plugins.md").read_text(encoding="utf-8")
    assert dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", text, re.MULTILINE)) == STATES


def test_every_command_is_documented() -> None:
    """Each has a section of its own."""
    headings = re.findall(
        r"^## `videossr (.*)`$", (DOCS / "commands.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(headings) == sorted(commands_of(typer.main.get_command(make_app())))


def commands_of(group: Any, path: str = "") -> list[str]:  # noqa: ANN401 - click or typer's copy of it
    """Every command below a group, with the groups before it."""
    found = []
    for name, command in group.commands.items():
        here = f"{path} {name}".strip()
        found += commands_of(command, here) if hasattr(command, "commands") else [here]
    return found


def test_every_field_is_documented() -> None:
    """Each section of the configuration, each kind of schedule, each plugin, and every field of them."""
    text = (DOCS / "configuration.md").read_text(encoding="utf-8")
    registry = Registry()
    schemas = dict(extensions().sections())
    schemas |= {"plugins": PluginsConfig, "video": VideoConfig}
    schemas |= {"store": StoreConfig, "build": BuildConfig}
    for origin in registry.origins():
        schemas[f"{PLACES[origin.kind].replace('TASK', 'NAME')}.{origin.name}"] = registry.schema(
            origin.name
        )
    for kind, entry in ENTRIES.items():
        schemas[f"{PLACES[kind].replace('TASK', 'NAME')}.NAME"] = entry
    for place, schema in schemas.items():
        (section,) = re.findall(
            rf"^## `{re.escape(place)}`.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL
        )
        fields = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
        assert fields == [*schema.model_fields]
    for name in SECTIONS:
        assert f"`{name}`" in text or f"`{name}." in text


@pytest.mark.parametrize("block", [b for b in examples("python") if "\nplugin = " in b.values[0]])
def test_every_plugin_of_the_documentation_works(block: str) -> None:
    """What is complete on a page would be listed as enabled."""
    module = types.ModuleType("example")
    exec(compile(block, "example", "exec"), vars(module))  # noqa: S102
    vetted = vet(module.plugin, "example")
    assert (vetted.problem, vetted.kind == "unknown") == ("", False)


@pytest.mark.parametrize("block", examples("python"))
def test_python_examples_run(block: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every Python block of the documentation runs on its own, without a word."""
    exec(compile(block, "example", "exec"), {"__name__": "example"})  # noqa: S102
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("block", examples("yaml"))
def test_yaml_examples_are_valid(block: str, tmp_path: Path) -> None:
    """Every YAML block of the documentation is a configuration that passes all checks."""
    path = tmp_path / "example.yaml"
    path.write_text(block)
    assert load_config(path).tasks


@pytest.mark.parametrize("block", examples("sh"))
def test_shell_examples_are_accepted(block: str) -> None:
    """Every `videossr` line of the documentation is one that the command line accepts."""
    app = typer.main.get_command(make_app())
    for line in block.replace("\\\n", " ").splitlines():
        words = shlex.split(line.replace("[", "").replace("]", ""), comments=True)
        if "videossr" not in words:
            continue
        words = words[: words.index(">")] if ">" in words else words
        command, rest = app, words[words.index("videossr") + 1 :]
        context = command.make_context("videossr", list(rest), resilient_parsing=False)
        while hasattr(command, "commands"):
            name = rest[0]
            assert name in command.commands, line
            command, rest = command.commands[name], rest[1:]
            context = command.make_context(name, list(rest), parent=context)


@pytest.mark.parametrize("page", ["README.md", "docs/hooks/reward.md"])
def test_the_example_task_is_a_task(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The task on the page, found as any plugin is, makes samples whose answers score 1.0."""
    (block,) = [b for b in blocks(ROOT / page, "python") if "class Direction" in b]
    module = types.ModuleType("example_task")
    exec(compile(block, "example", "exec"), vars(module))  # noqa: S102
    monkeypatch.setitem(sys.modules, "example_task", module)
    registry = Registry([EntryPoint("direction", "example_task:plugin", "videossr")])
    config = resolve({"tasks": {"direction": {}}}, registry)
    task = config.tasks["direction"].task
    frames = torch.arange(4, dtype=torch.uint8)[:, None, None, None].expand(4, 3, 8, 8).clone()
    clip = Clip(frames, torch.arange(4, dtype=torch.float64))
    answers = set()
    for seed in range(8):
        sample = task.make_sample(clip, difficulty=0.5, rng=random.Random(seed))
        answers.add(sample.answer)
        assert task.score(sample.answer, sample.answer, sample.target).value == 1.0
        assert not task.score("sideways", sample.answer, sample.target).parsed
        assert bool(sample.clips[0].frames[0].any()) == (sample.answer == "backwards")
    assert answers == {"forwards", "backwards"}


def test_the_example_perturbation_is_a_perturbation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The perturbation on the page, found as any plugin is, turns frames upside down."""
    (block,) = [
        b for b in blocks(DOCS / "hooks" / "perturb.md", "python") if "class UpsideDown" in b
    ]
    module = types.ModuleType("example_perturbation")
    exec(compile(block, "example", "exec"), vars(module))  # noqa: S102
    monkeypatch.setitem(sys.modules, "example_perturbation", module)
    registry = Registry([EntryPoint("upside_down", "example_perturbation:plugin", "videossr")])
    bound = registry.perturbation("upside_down", registry.schema("upside_down")())
    frames = torch.arange(8, dtype=torch.uint8)[None, None, :, None].expand(2, 3, 8, 8).clone()
    altered = bound.apply(Clip(frames, torch.tensor([0.0, 1.0]).double()), rng=random.Random(0))
    assert altered[0, 0, :, 0].tolist() == [7, 6, 5, 4, 3, 2, 1, 0]


def test_every_column_and_reason_is_explained() -> None:
    """The table that a scan writes holds nothing that its page does not name."""
    page = (DOCS / "videos.md").read_text()
    named = set(re.findall(r"`(\w+)`", page))
    assert set() == {field.name for field in fields(VideoRow)} - named
    source = ROOT / "core" / "src" / "videossr"
    code = "".join(
        path.read_text() for folder in ("video", "scan") for path in (source / folder).glob("*.py")
    )
    raised = re.findall(r'VideoError\(\s*\w+,\s*"(\w+)"', code)
    noted = re.findall(r'(?:_quarantined\(|"?reason"?[=:] ?)"(\w+)"', code)
    assert {"truncated", "too_slow"} <= {*raised, *noted}
    assert set() == {*raised, *noted} - named


def test_every_column_of_a_dataset_is_explained() -> None:
    """The page names every column of the table of recipes, and every preset that there is."""
    named = set(re.findall(r"`(\w+)`", (DOCS / "datasets.md").read_text()))
    assert set() == {field.name for field in fields(Recipe)} - named
    assert set() == presets().keys() - named


def test_the_page_on_datasets_can_be_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of its commands, one after the other, on videos drawn by code."""
    monkeypatch.chdir(tmp_path)
    write_videos(tmp_path / "my_videos", 12, seed=0, seconds=6, fps=8, height=64, width=64)
    lines = "".join(blocks(DOCS / "datasets.md", "sh")).splitlines()
    assert 8 == len(lines)
    for line in lines:
        with pytest.raises(SystemExit) as stop:
            main([*shlex.split(line, comments=True)[1:]])
        assert 0 == stop.value.code, line
    train, held_out = (Dataset.load(tmp_path / f"{side}_set") for side in ("train", "test"))
    assert set() == {r.video for r in train.recipes} & {r.video for r in held_out.recipes}
    assert "<video" in (tmp_path / "gallery.html").read_text()
    assert not any(recipe.checked for recipe in Dataset.load(tmp_path / "planned").recipes)
