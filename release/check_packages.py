"""Build every distribution, look into it, install it where nothing else is, and work there.

    python release/check_packages.py               # builds in a folder of its own
    python release/check_packages.py --built DIST  # looks at what was built into DIST

What an editable install hides comes to light here: a file that no wheel has, a requirement that is nowhere
named, an order of installation that does not work, a light package that has become heavy.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path, PurePosixPath
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "release"))

from versions import projects, version  # noqa: E402 - beside this file

#: What a distribution holds: code, and what the code reads.
_KINDS: Final = frozenset({".py", ".typed", ".jinja", ".css", ".js", ".yaml", ".tmpl", ".txt"})

#: What a source distribution has at its top beside the code.
_BESIDE: Final = frozenset({"LICENSE", "PKG-INFO", "README.md", "pyproject.toml", ".gitignore"})
_BESIDE_THE_WHOLE: Final = _BESIDE | {"CHANGELOG.md", "SECURITY.md"}

#: What the core alone must not bring.
_HEAVY: Final = frozenset({"accelerate", "datasets", "matplotlib", "peft", "transformers", "trl"})

#: What must not be imported by those who only import the core, or ask for help.
_SLOW: Final = ("torch", "numpy", "pyarrow", "av", "pydantic", "omegaconf", "rich")

_CONFIG: Final = """
extends: tiny
build: {size: 6}
video: {num_frames: 8, min_frames: 8, max_pixels: 4096, min_pixels: 1024}
"""


def main() -> None:
    """Run all checks; the first that fails ends with an error."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--built", type=Path, metavar="DIST", help="where they are, if built")
    built = parser.parse_args().built
    with tempfile.TemporaryDirectory() as scratch:
        folder = built.resolve() if built else Path(scratch) / "dist"
        if not built:
            run("uv", "build", "--quiet", "--all-packages", "--out-dir", folder)
        look_into(folder)
        run(sys.executable, "-m", "twine", "check", "--strict", *sorted(folder.glob("videossr*")))
        check_core(folder, Path(scratch))
        check_whole(folder, Path(scratch))


# What is in the files


def look_into(folder: Path) -> None:
    """Each distribution has its two files, and these hold what they need and nothing else."""
    names = [re.sub("-", "_", project_name(project)) for project in projects()]
    now = version(projects()[0])
    expected = {f"{name}-{now}{end}" for name in names for end in ("-py3-none-any.whl", ".tar.gz")}
    found = {path.name for path in folder.glob("videossr*")}
    assert expected == found, f"built {sorted(found ^ expected)} too many or too few"
    for name in names:
        wheel = zipfile.ZipFile(folder / f"{name}-{now}-py3-none-any.whl").namelist()
        about = f"{name}-{now}.dist-info/"
        assert f"{about}licenses/LICENSE" in wheel, f"{name}: the wheel has no licence"
        modules = [path for path in wheel if not path.startswith(about)]
        with tarfile.open(folder / f"{name}-{now}.tar.gz") as archive:
            sources = [
                PurePosixPath(path).relative_to(f"{name}-{now}") for path in archive.getnames()
            ]
        beside = {str(path) for path in sources if len(path.parts) == 1}
        below = [str(path.relative_to("src")) for path in sources if len(path.parts) > 1]
        if name == "videossr":
            assert not modules + below, f"{name} has modules of its own"
            assert beside <= _BESIDE_THE_WHOLE, f"{name}: the sdist has {beside}"
            continue
        assert beside <= _BESIDE, f"{name}: the sdist has {beside}"
        assert sorted(modules) == sorted(below), f"{name}: wheel and sdist hold other files"
        package = {"videossr_core": "videossr"}.get(name, name)
        assert f"{package}/py.typed" in modules, f"{name}: the wheel is not typed"
        odd = [
            path
            for path in modules
            if not path.startswith(f"{package}/") or PurePosixPath(path).suffix not in _KINDS
        ]
        assert not odd, f"{name}: the wheel has {odd}"


def project_name(project: Path) -> str:
    """The name of a distribution."""
    found = re.search(r'^name = "(.*)"$', project.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return found[1]


# What they do


def check_core(folder: Path, scratch: Path) -> None:
    """The core alone is light, and says what would bring the rest."""
    python = environment(scratch / "core")
    install(python, folder, "videossr-core")
    brought = {one["name"]: one["version"] for one in listed(python)}
    assert not _HEAVY & brought.keys(), f"videossr-core brings {_HEAVY & brought.keys()}"
    print(f"videossr-core brings {len(brought) - 1} packages")
    code = f"import sys, videossr; print(*{{*{_SLOW}}} & {{*sys.modules}})"
    slow = run(python, "-c", code, cwd=scratch).split()
    assert not slow, f"`import videossr` imports {slow}"
    run(command(python), "--help", cwd=scratch)
    assert json.loads(run(command(python), "plugins", "list", "--json", cwd=scratch)) == []
    told = run(command(python), "train", cwd=scratch, expect=2)
    assert "comes with videossr-trainers, which is not installed" in told, told


def check_whole(folder: Path, scratch: Path) -> None:
    """Everything, one after the other in an order that nobody would choose, and at last by one name."""
    python = environment(scratch / "whole")
    names = [project_name(project) for project in projects()]
    backwards = sorted(set(names) - {"videossr", "videossr-core"}, reverse=True)
    for name in (*backwards, "videossr-core", "videossr"):
        install(python, folder, name)
    assert set(names) <= {one["name"] for one in listed(python)}
    run("uv", "pip", "check", "--quiet", "--python", python, cwd=scratch)
    plugins = json.loads(run(command(python), "plugins", "list", "--json", "--strict", cwd=scratch))
    assert {"enabled"} == {one["state"] for one in plugins}
    print(f"{len(plugins)} plugins are enabled: {' '.join(one['name'] for one in plugins)}")
    draw = "from pathlib import Path\nfrom videossr.procedural import write_videos\n"
    draw += "write_videos(Path('videos'), 4, seed=0, seconds=6, fps=8, height=64, width=64)"
    run(python, "-c", draw, cwd=scratch)
    (scratch / "mine.yaml").write_text(_CONFIG)
    for words in (
        "scan videos -o videos.parquet",
        "build mine.yaml --videos videos.parquet -o dataset",
        "gallery dataset -o gallery.html",
        "ablate list",
        "launch-file zero2",
        "plugins new mine --kind task",
    ):
        run(command(python), *words.split(), cwd=scratch)
    # What a report is drawn with comes along too, though nothing above has drawn one.
    pages = "from importlib.resources import files\n"
    pages += "from videossr_trainers.pages import page\n"
    pages += "assert files('videossr_trainers.report').joinpath('report.html.jinja').is_file()"
    run(python, "-c", pages, cwd=scratch)
    print("scanned, built and shown without the source tree")


def environment(folder: Path) -> Path:
    """An empty environment of this Python; its interpreter."""
    run("uv", "venv", "--quiet", "--python", sys.executable, folder, cwd=folder.parent)
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def install(python: Path, folder: Path, name: str) -> None:
    """Install a distribution of ours from the folder, and what it needs from the index.

    In the versions that the repository is tested with.
    """
    tested = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"]
    constraints = python.parents[1] / "constraints.txt"
    constraints.write_text("\n".join(tested["constraint-dependencies"]))
    words = ["--quiet", "--python", python, "--find-links", folder, "--constraints", constraints]
    ours = f"{name}=={version(projects()[0])}"  # and nobody else's of that name
    run("uv", "pip", "install", *words, ours, cwd=python.parent)


def listed(python: Path) -> list[dict[str, str]]:
    """The packages of an environment."""
    words = ("uv", "pip", "list", "--quiet", "--format", "json", "--python", python)
    found: list[dict[str, str]] = json.loads(run(*words, cwd=python.parent))
    return found


def command(python: Path) -> Path:
    """The command `videossr` of an environment."""
    return python.with_name("videossr" + python.suffix)


def run(*words: object, cwd: Path = ROOT, expect: int = 0) -> str:
    """Run a command away from the source tree; what it has printed."""
    kept = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != expect:
        said = f"{done.stdout}{done.stderr}"
        raise SystemExit(f"{' '.join(map(str, words))}: exit code {done.returncode}\n{said}")
    return done.stdout + (done.stderr if expect else "")


if __name__ == "__main__":
    main()
