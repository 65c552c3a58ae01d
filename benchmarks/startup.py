"""How long `videossr --help` and `videossr plugins list` take, against what Python itself needs.

    uv run python benchmarks/startup.py

The limit is the interpreter with the libraries that the command line cannot do without (typer, pluggy,
importlib.metadata): nothing of ours. Each repetition starts them in turn. Prints milliseconds of wall
clock and CPU, medians, and last the ratio of `plugins list` to the limit in CPU time.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time

REPETITIONS = 15

#: Milliseconds of wall clock that the project promises on a warm machine.
PROMISED = {"--help": 300, "plugins list": 600}

COMMANDS = {
    "python": [sys.executable, "-c", "pass"],
    "limit": [sys.executable, "-c", "import typer, pluggy, importlib.metadata"],
    "--help": [sys.executable, "-m", "videossr", "--help"],
    "plugins list": [sys.executable, "-m", "videossr", "plugins", "list", "--json"],
}


def check() -> None:
    """The list is complete, and no command has imported torch."""
    listed = subprocess.run(COMMANDS["plugins list"], capture_output=True, text=True, check=True)
    rows = json.loads(listed.stdout)
    assert rows, "no plugin is installed"
    assert all(row["state"] == "enabled" for row in rows), "a plugin does not work"
    for arguments in (["--help"], ["plugins", "list"]):
        command = [sys.executable, "-X", "importtime", "-m", "videossr", *arguments]
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
        imported = {line.rpartition("|")[2].strip() for line in ran.stderr.splitlines()}
        assert not {"torch", "numpy", "transformers"} & imported, arguments


def measure(command: list[str]) -> tuple[float, float]:
    """Milliseconds of wall clock and of CPU that a process takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return 1000 * wall, 1000 * used


def main() -> None:
    """Measure all in turn and print the table."""
    check()
    for command in COMMANDS.values():
        measure(command)
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    for _ in range(REPETITIONS):
        for name, command in COMMANDS.items():
            runs[name].append(measure(command))
    print(f"{'':14}{'wall ms':>10}{'CPU ms':>10}{'promised':>10}")
    cpu = {}
    for name, measured in runs.items():
        wall = statistics.median(one for one, _ in measured)
        cpu[name] = statistics.median(one for _, one in measured)
        promised = f"{PROMISED[name]:10d}" if name in PROMISED else ""
        print(f"{name:14}{wall:10.0f}{cpu[name]:10.0f}{promised}")
    print(f"startup: {cpu['plugins list'] / cpu['limit']:.2f}")


if __name__ == "__main__":
    main()
