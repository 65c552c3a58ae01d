"""The command `videossr`: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from command_line import Ran
from toy_plugins import Pick, distribution, extended_by

from videossr import Sample, hookimpl
from videossr.clip_store import ClipStore
from videossr.clips import fill
from videossr.config import VideoConfig, load_config
from videossr.dataset import Dataset
from videossr.render import Renderer
from videossr.video_table import read_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONFIG = """
seed: 1
video: {num_frames: 8, min_frames: 8, max_pixels: 2304, min_pixels: 256, size_multiple: 16}
build: {size: 6}
tasks: {toy_pick: {}}
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages: a good one, one that is broken, and two in conflict.

    No package that adds commands is installed.
    """
    site = tmp_path / "site"
    distribution(site, "toy-tasks", "1.2", {"toy_pick": "toy_plugins:PICK"})
    distribution(site, "bad-toys", "0.3", {"toy_bad": "toy_bad_plugin:plugin"})
    (site / "toy_bad_plugin.py").write_text(
        "print('loading')\nraise ImportError('no such\\nwheel')"
    )
    for name in ("first", "second"):
        distribution(site, f"{name}-toys", "1", {"toy_twice": f"toy_{name}:plugin"})
    monkeypatch.syspath_prepend(site)
    with extended_by(monkeypatch):
        yield site


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration that fits the drawn videos."""
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    return path


def fresh(*arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python with arguments, as a process of its own."""
    known = os.environ.get("PYTHONPATH", "")
    more = {"PYTHONPATH": os.pathsep.join([str(path), known])} if path else {}
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "100", **more},
    )


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


# Scan


def test_scan_writes_a_table(run: Callable[..., Ran], drawn_videos: Path, tmp_path: Path) -> None:
    """And says how many videos are usable; five of 1.5 s are an eighth of a minute."""
    table = tmp_path / "deep" / "videos.parquet"
    ran = run("scan", drawn_videos, "-o", table, "--workers", 1)
    assert (0, f"{table}: 5 videos, 5 usable, 0.1 minutes\n") == (ran.code, ran.out)
    rows, root = read_table(table)
    assert (5, drawn_videos.resolve()) == (len(rows), root)


@pytest.fixture
def with_a_bad_one(drawn_videos: Path, tmp_path: Path) -> Path:
    """A folder of a good video and half of another."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    good, other = sorted(drawn_videos.iterdir())[:2]
    (folder / "a.mp4").write_bytes(good.read_bytes())
    (folder / "b.mp4").write_bytes(other.read_bytes()[:500])
    return folder


def test_scan_tells_what_it_quarantined(
    run: Callable[..., Ran], with_a_bad_one: Path, tmp_path: Path
) -> None:
    """A bad video is no failure; its reason is told, also to scripts."""
    ran = run("scan", with_a_bad_one, "-o", tmp_path / "t.parquet")
    assert 0 == ran.code
    assert "2 videos, 1 usable" in ran.out
    assert "\nquarantined: 1 unreadable\n  b.mp4: unreadable: " in ran.out
    ran = run("scan", with_a_bad_one, "-o", tmp_path / "t.parquet", "--json")
    expected = {
        "videos": 2,
        "usable": 1,
        "seconds": 1.5,
        "reasons": {"unreadable": 1},
        "quarantined": {"b.mp4": "unreadable"},
    }
    assert (expected, "") == (json.loads(ran.out), ran.err)


def test_scan_names_twenty_and_counts_the_rest(run: Callable[..., Ran], tmp_path: Path) -> None:
    """A folder of rubbish does not flood the terminal; the table has them all."""
    (tmp_path / "rubbish").mkdir()
    for number in range(23):
        (tmp_path / "rubbish" / f"{number:02d}.mp4").write_text("no video")
    ran = run("scan", tmp_path / "rubbish", "-o", tmp_path / "t.parquet", "--check", "ends")
    lines = ran.out.splitlines()
    assert "quarantined: 23 unreadable" == lines[1]
    assert 20 == sum(".mp4: unreadable: " in line for line in lines)
    assert "  and 3 more, which the table has" == lines[-1]
    assert 23 == len(read_table(tmp_path / "t.parquet")[0])


def test_quiet_prints_nothing(run: Callable[..., Ran], drawn_videos: Path, tmp_path: Path) -> None:
    """Neither result nor progress."""
    assert Ran(0, "", "") == run("scan", drawn_videos, "-o", tmp_path / "t.parquet", "-q")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("missing", "no such file or folder"), ("empty", "no video file in this folder or below it")],
)
def test_nothing_to_scan_is_wrong_use(
    run: Callable[..., Ran], tmp_path: Path, name: str, expected: str
) -> None:
    """One line on stderr, without a progress bar, and no table."""
    (tmp_path / "empty").mkdir()
    ran = run("scan", tmp_path / name, "-o", tmp_path / "t.parquet")
    assert (2, "") == (ran.code, ran.out)
    (line,) = ran.err.splitlines()
    assert line.startswith(f"error: {tmp_path / name}: {expected}")
    assert not (tmp_path / "t.parquet").exists()


def test_a_file_that_cannot_be_written_is_told(
    run: Callable[..., Ran], drawn_videos: Path, tmp_path: Path
) -> None:
    """The work failed: exit code 1, and a line with the path rather than a traceback."""
    (tmp_path / "file").write_text("")
    ran = run("scan", drawn_videos, "-o", tmp_path / "file" / "t.parquet", "-q")
    assert (1, "") == (ran.code, ran.out)
    (line,) = ran.err.strip().splitlines()
    assert line.startswith("error: ")
    assert str(tmp_path / "file") in line


def test_ctrl_c_ends_with_a_word(
    run: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 130, one word on stderr, no traceback."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("videossr.scan.scan_to_table", interrupted)
    ran = run("scan", tmp_path, "-o", tmp_path / "t.parquet")
    assert Ran(130, "", "interrupted\n") == ran


def test_ctrl_c_before_the_command_ends_with_a_word(
    run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While extensions are imported, say."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("videossr.cli.app.extensions", interrupted)
    assert Ran(130, "", "interrupted\n") == run("--help")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no signals and pipes as on POSIX")
def test_ctrl_c_ends_a_real_process(drawn_videos: Path, config: Path, tmp_path: Path) -> None:
    """A build that is interrupted at work leaves no half a dataset behind."""
    site = tmp_path / "site"
    distribution(site, "toy-tasks", "1.2", {"toy_pick": "toy_stop:plugin"})
    (site / "toy_stop.py").write_text(
        "import os, signal\n"
        "from toy_plugins import Pick, hookimpl\n"
        "class Stop(Pick):\n"
        "    pressed = False\n"
        "    @hookimpl\n"
        "    def make_sample(self, clip, config, difficulty, rng):\n"
        "        if not self.pressed:\n"
        "            self.pressed = True\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "        return super().make_sample(clip, config, difficulty, rng)\n"
        "plugin = Stop()\n"
    )
    output = tmp_path / "out" / "dataset"
    arguments = ["build", config, "--videos", drawn_videos, "-o", output, "--workers", "1"]
    path = os.pathsep.join([str(site), str(Path(__file__).parent)])
    # Whoever started the tests in the background has made all that they start deaf to Ctrl-C.
    listening = (
        "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "runpy.run_module('videossr', run_name='__main__')"
    )
    ran = fresh("-c", listening, *map(str, arguments), path=Path(path))
    assert 128 + signal.SIGINT == ran.returncode
    assert "interrupted" == ran.stderr.splitlines()[-1]
    assert "Traceback" not in ran.stderr
    assert not output.exists()


# Store


@pytest.mark.usefixtures("installed")
def test_store_keeps_every_clip_once(
    run: Callable[..., Ran], drawn_videos: Path, config: Path, tmp_path: Path
) -> None:
    """Six questions about five videos: five clips. A second time nothing is left to do."""
    videos = tmp_path / "videos"
    videos.mkdir()
    for video in drawn_videos.iterdir():
        (videos / video.name).write_bytes(video.read_bytes())
    dataset, kept = tmp_path / "dataset", tmp_path / "clips"
    assert 0 == run("build", config, "--videos", videos, "-o", dataset, "-q").code
    ran = run("store", dataset, "-o", kept)
    assert 0 == ran.code
    assert ran.out.startswith(f"{kept}: 5 clips, 0.00 GiB; of the dataset's 5, 0 were there and 5 ")
    damaged = next(kept.glob("*/*.clip"))
    damaged.write_bytes(b"scratched")
    ran = run("store", dataset, "-o", kept, "--check", "--json")
    told = json.loads(ran.out)
    assert (5, 4, 1, 0, 1) == tuple(
        told[name] for name in ("wanted", "present", "decoded", "missing", "removed")
    )
    for video in videos.iterdir():
        video.unlink()
    loaded = Dataset.load(dataset)
    with_store = load_config(str(config), [f"store.folder={kept}"])
    for recipe in loaded.recipes:
        Renderer.for_dataset(loaded, run=with_store).render(recipe, exact=True)


@pytest.mark.usefixtures("installed")
def test_a_store_that_is_full_says_so(
    run: Callable[..., Ran], drawn_videos: Path, config: Path, tmp_path: Path
) -> None:
    """With what to do about it; and a video that is gone is named."""
    dataset = tmp_path / "dataset"
    run("build", config, "--videos", drawn_videos, "-o", dataset, "-q")
    ran = run("store", dataset, "-o", tmp_path / "clips", "--max-gib", "0.001", "--workers", "1")
    assert 0 == ran.code
    assert 5 == len(list((tmp_path / "clips").glob("*/*.clip")))
    small = ClipStore(tmp_path / "small", max_bytes=100_000)
    loaded = Dataset.load(dataset)
    excerpts = [recipe.excerpt for recipe in loaded.recipes]
    settings = VideoConfig.model_validate(loaded.config["video"])
    filled = fill(small, excerpts, settings, loaded.root)
    assert (5, 0, 1, 4) == (filled.wanted, filled.present, filled.decoded, filled.missing)
    elsewhere = fill(ClipStore(tmp_path / "n", max_bytes=2**30), excerpts, settings, tmp_path)
    assert 5 == len(elsewhere.broken) == elsewhere.missing


# Build


@pytest.mark.usefixtures("installed")
def test_build_makes_a_dataset(
    run: Callable[..., Ran], drawn_videos: Path, config: Path, tmp_path: Path
) -> None:
    """From a folder; overrides apply; counts by task and the blind floor are told."""
    output = tmp_path / "dataset"
    ran = run("build", config, "--videos", drawn_videos, "-o", output, "build.size=3")
    assert 0 == ran.code
    dataset = Dataset.load(output)
    assert (3, ("toy_pick",)) == (len(dataset.recipes), dataset.tasks)
    floor = dataset.floors["toy_pick"]
    assert [
        f"{output}: 3 questions about 3 videos, each of them asked about once",
        f"  toy_pick: 3 about 3 videos, blind floor {floor:.3f}",
    ] == ran.out.splitlines()


@pytest.mark.usefixtures("installed")
def test_build_takes_a_table(
    run: Callable[..., Ran], drawn_videos: Path, config: Path, tmp_path: Path
) -> None:
    """The table knows the folder, and both ways give the same recipes; JSON is JSON alone."""
    table = tmp_path / "t.parquet"
    run("scan", drawn_videos, "-o", table, "-q")
    first = run("build", config, "--videos", table, "-o", tmp_path / "a", "--json")
    assert (0, "") == (first.code, first.err)
    told = json.loads(first.out)
    (tmp_path / "table").write_bytes(table.read_bytes())
    assert 0 == run("build", config, "--videos", tmp_path / "table", "-o", tmp_path / "c").code
    counts = {"videos", "used", "asked", "twins", "off", "checked"}
    assert {"tasks", "broken", "measurements", *counts} == set(told)
    assert 6 == told["tasks"]["toy_pick"]["questions"]
    assert (5, [1, 2]) == (told["used"], told["asked"])
    assert Ran(0, "", "") == run(
        "build", config, "--videos", drawn_videos, "-o", tmp_path / "b", "-q"
    )
    a, b = ((tmp_path / name / "recipes.parquet").read_bytes() for name in "ab")
    assert a == b


@pytest.mark.usefixtures("installed")
def test_every_mistake_of_a_config_is_told_and_nothing_is_done(
    run: Callable[..., Ran], drawn_videos: Path, config: Path, tmp_path: Path
) -> None:
    """An unknown task, a misspelt field, a value out of range: three lines, and exit code 2."""
    output = tmp_path / "out" / "dataset"
    wrong = ["tasks.toy_pikc={}", "tasks.toy_pick.longest=3", "build.size=0"]
    ran = run("build", config, "--videos", drawn_videos, "-o", output, *wrong)
    assert (2, "") == (ran.code, ran.out)
    lines = ran.err.splitlines()
    assert [
        "3 mistakes:",
        (
            "  build.size: 0: input should be greater than 0; "
            "size is questions in all, shared by task weight"
        ),
    ] == lines[:2]
    assert lines[2].startswith("  tasks.toy_pikc: no installed plugin has the name 'toy_pikc'; did")
    assert lines[3].startswith("  tasks.toy_pick.longest: is no field; did you mean 'longest_s'? ")
    assert 4 == len(lines)
    assert not output.parent.exists()


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("videos", "code", "expected"),
    [
        ("missing", 2, "no such file or folder"),
        ("missing.parquet", 2, "no such file or folder"),
        ("empty", 2, "no video file in this folder or below it"),
        ("config.yaml", 1, "no usable video"),
        ("foreign.parquet", 1, "not a readable Parquet file"),
    ],
)
def test_videos_that_are_none_are_told(
    run: Callable[..., Ran], config: Path, tmp_path: Path, videos: str, code: int, expected: str
) -> None:
    """With the path, and nothing is written."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "foreign.parquet").write_text("")
    output = tmp_path / "out" / "dataset"
    ran = run("build", config, "--videos", tmp_path / videos, "-o", output, "-q")
    assert (code, "") == (ran.code, ran.out)
    assert ran.err.startswith("error: ")
    assert str(tmp_path) in ran.err
    assert expected in ran.err
    assert not output.parent.exists()


@pytest.mark.usefixtures("installed")
def test_an_output_that_is_there_is_left_alone(
    run: Callable[..., Ran], drawn_videos: Path, config: Path, tmp_path: Path
) -> None:
    """Wrong use, told before any work."""
    output = tmp_path / "dataset"
    output.mkdir()
    (output / "mine.txt").write_text("mine")
    ran = run("build", config, "--videos", drawn_videos, "-o", output)
    right = "choose another folder, or remove this one"
    assert Ran(2, "", f"error: {output}: exists already; {right}\n") == ran
    assert ["mine.txt"] == [path.name for path in output.iterdir()]


@pytest.mark.usefixtures("installed")
def test_a_config_that_is_none_is_told(run: Callable[..., Ran], tmp_path: Path) -> None:
    """Neither a preset nor a file."""
    ran = run("build", "tiyn", "--videos", tmp_path, "-o", tmp_path / "d")
    right = "give a YAML file, or one of the presets: none installed"
    assert Ran(2, "", f"error: tiyn: is neither a preset nor a file; {right}\n") == ran


@pytest.mark.usefixtures("installed")
def test_a_plugin_that_fails_ends_the_build(
    run: Callable[..., Ran],
    drawn_videos: Path,
    config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exit code 1, and a line that names plugin, distribution, version, hook, video and seed."""

    class Failing(Pick):
        @hookimpl
        def make_sample(self) -> Sample:  # type: ignore[override] # hooks take what they need
            raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("toy_plugins.PICK", Failing())
    output = tmp_path / "out" / "dataset"
    ran = run("build", config, "--videos", drawn_videos, "-o", output, "-q")
    assert (1, "") == (ran.code, ran.out)
    expected = (
        r"error: plugin 'toy_pick' \(toy-tasks 1\.2\), hook 'make_sample', "
        r"video procedural_000\d\.mp4, seed \d+: raised ZeroDivisionError: division by zero\n"
    )
    assert re.fullmatch(expected, ran.err)
    assert [] == list(output.parent.iterdir())


# Extensions


@pytest.mark.parametrize("command", ["train", "demo"])
def test_commands_of_the_trainers_say_what_to_install(
    run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Where the trainers are not installed."""
    with extended_by(monkeypatch):
        ran = run(command, "tiny", "--dataset", "d")
    expected = (
        f"error: `videossr {command}` comes with videossr-trainers, which is not installed; "
        "pip install videossr-trainers\n"
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
