"""What has to agree before anything is released: versions, licences, what is promised and what is run."""

from __future__ import annotations

import importlib.util
import re
import shutil
import tomllib
from configparser import ConfigParser
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml
from packaging.requirements import Requirement

if TYPE_CHECKING:
    from types import ModuleType

ROOT: Final = Path(__file__).resolve().parents[1]


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "release" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


versions = _module("versions")

PROJECTS: Final[list[Path]] = versions.projects()

IDS: Final = [path.parent.name for path in PROJECTS]


def project(path: Path) -> dict[str, Any]:
    """The table `project` of a distribution."""
    table: dict[str, Any] = tomllib.loads(path.read_text())["project"]
    return table


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A repository with nothing but the projects of this one."""
    for path in PROJECTS:
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    return tmp_path


# Versions


def test_versions_are_in_step() -> None:
    """Of every distribution, and of what they require of one another."""
    assert len(PROJECTS) >= 8
    assert [] == versions.differences()


def test_the_whole_brings_every_part() -> None:
    """And nothing else: `pip install videossr`."""
    whole, *parts = PROJECTS
    now = versions.version(whole)
    assert sorted(f"{project(part)['name']}=={now}" for part in parts) == sorted(
        project(whole)["dependencies"]
    )


def test_a_version_is_set_everywhere(copied: Path) -> None:
    """And set back; nothing else of any file changes."""
    before = {path: path.read_text() for path in versions.projects(copied)}
    versions.write("7.8.9rc1", copied)
    assert [] == versions.differences(copied)
    assert {"7.8.9rc1"} == {versions.version(path) for path in before}
    versions.write(versions.version(PROJECTS[0]), copied)
    assert before == {path: path.read_text() for path in before}


@pytest.mark.parametrize("new", ["", "1", "v1.0.0", "1.0", "1.0.0.dev1", "1.0.0\n"])
def test_what_is_no_version_is_refused(copied: Path, new: str) -> None:
    """Before any file is touched."""
    with pytest.raises(ValueError, match="is no version"):
        versions.write(new, copied)
    assert [] == versions.differences(copied)


def test_a_part_out_of_step_is_told(copied: Path) -> None:
    """Its own version, and one that is required of another."""
    path = copied / "plugins" / "jigsaw" / "pyproject.toml"
    text = path.read_text()
    now = versions.version(path)
    path.write_text(text.replace(f'version = "{now}"', 'version = "9.9.9"'))
    expected = f"plugins/jigsaw/pyproject.toml: version 9.9.9, not {now}"
    assert [expected] == versions.differences(copied)
    path.write_text(text.replace(f"videossr-core=={now}", "videossr-core"))
    expected = f"plugins/jigsaw/pyproject.toml: requires videossr-core, not =={now}"
    assert [expected] == versions.differences(copied)


# What each says of itself


@pytest.mark.parametrize("path", PROJECTS, ids=IDS)
def test_a_distribution_has_what_an_index_shows(path: Path) -> None:
    """A licence that is the project's, a page, and the Pythons that it runs with."""
    said = project(path)
    assert (ROOT / "LICENSE").read_bytes() == (path.parent / "LICENSE").read_bytes()
    assert ["LICENSE"] == said["license-files"]
    assert (path.parent / said["readme"]).read_text().startswith(f"# {said['name']}\n")
    assert project(PROJECTS[0])["classifiers"] == said["classifiers"]
    assert project(PROJECTS[0])["requires-python"] == said["requires-python"]


@pytest.mark.parametrize("path", PROJECTS, ids=IDS)
def test_every_requirement_has_a_lower_bound(path: Path) -> None:
    """Which `tox -e lowest` tests."""
    assert [] == [one for one in versions.requirements(path) if not re.search("[>=]=", one)]


def test_what_several_require_has_one_bound() -> None:
    """Only the highest would be tested."""
    bounds = {Requirement(one) for path in PROJECTS for one in versions.requirements(path)}
    names = [one.name for one in bounds]
    assert sorted(set(names)) == sorted(names)


def test_a_bound_that_nothing_tests_is_found() -> None:
    """Where another version than the oldest one is installed."""
    bounds = _module("bounds")
    oldest = {
        one.name: str(next(iter(one.specifier)).version)
        for one in map(Requirement, bounds.wanted())
    }
    assert [] == bounds.untested(oldest)
    (told,) = bounds.untested({**oldest, "pluggy": "99"})
    assert re.fullmatch("pluggy>=.*: 99 is what is installed, so nothing tests the bound", told)


def test_extras_that_are_not_here_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their bounds are not tested, and they are in nobody's way."""
    bounds = _module("bounds")
    pinned = f"pytest=={version('pytest')}"
    monkeypatch.setattr(bounds, "wanted", lambda: [pinned, "no-such-package>=1"])
    bounds.main()
    first, second = capsys.readouterr().out.splitlines()
    assert "1 packages are installed in the oldest version asked for" == first
    assert "of extras, not installed, and their bounds not tested: no-such-package" == second


@pytest.mark.parametrize("path", PROJECTS[1:], ids=IDS[1:])
def test_a_distribution_is_typed(path: Path) -> None:
    """Its package says so."""
    (package,) = [one for one in (path.parent / "src").iterdir() if (one / "__init__.py").exists()]
    assert (package / "py.typed").exists()


def test_the_pythons_that_are_promised_are_run() -> None:
    """By tox, and by CI."""
    said = project(PROJECTS[0])
    promised = re.findall(r":: (3\.\d+)$", "\n".join(said["classifiers"]), re.MULTILINE)
    assert f">={promised[0]}" == said["requires-python"]
    tox = ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    (named,) = re.findall(r"testenv:py3\{([\d,]+)\}", "\n".join(tox.sections()))
    assert promised == [f"3.{minor}" for minor in named.split(",")]
    ci = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    run = ci["jobs"]["environments"]["strategy"]["matrix"]["include"]
    assert {f"py{one.replace('.', '')}": one for one in promised}.items() <= {
        one["environment"]: one["python"] for one in run
    }.items()
    assert {"lowest", "packages"} <= {one["environment"] for one in run}


# Tools


def test_the_versions_of_hooks_are_those_of_the_project() -> None:
    """Of what pre-commit and tox both run."""
    tested = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]
    pinned = set(tested["constraint-dependencies"])
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    wanted = {
        one for hook in repository["hooks"] for one in hook.get("additional_dependencies", ())
    }
    assert any(one.startswith("ruff==") for one in wanted)
    assert set() == wanted - pinned


def test_nothing_holds_the_address_of_a_registry() -> None:
    """No lock file is kept, and no other place to take packages from is named."""
    assert "uv.lock" in (ROOT / ".gitignore").read_text().splitlines()
    settings = [*PROJECTS, ROOT / "tox.ini", ROOT / ".pre-commit-config.yaml"]
    settings += (ROOT / ".github" / "workflows").iterdir()
    said = [
        path for path in settings if re.search(r"index-url|index_url|/simple", path.read_text())
    ]
    assert [] == said


def test_fragments_of_the_changelog_are_named_as_one() -> None:
    """By what pre-commit and towncrier both take."""
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["towncrier"]
    kinds = "|".join(one["directory"] for one in tool["type"])
    fragment = re.compile(rf"(\d+|\+[a-z0-9-]+)\.({kinds})\.md")
    found = [path.name for path in (ROOT / tool["directory"]).iterdir()]
    assert [] == [name for name in found if name != "README.md" and not fragment.fullmatch(name)]
    assert tool["start_string"] in (ROOT / "CHANGELOG.md").read_text()
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    (hook,) = [one for one in repository["hooks"] if one["id"] == "fragments"]
    assert kinds in hook["exclude"]


def test_a_release_is_what_its_tag_says() -> None:
    """Compared before anything is built, and what is published is what was checked."""
    flow = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())
    first, *_ = [step["run"] for step in flow["jobs"]["build"]["steps"] if "run" in step]
    assert 'test "$TAG" = "v$(python release/versions.py)"' == first
    assert "build" == flow["jobs"]["publish"]["needs"]
    assert {"id-token": "write"} == flow["jobs"]["publish"]["permissions"]
    assert {"contents": "read"} == flow["permissions"]
