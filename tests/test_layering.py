"""The arrows run one way: plugins -> core <- trainers.

Each rule is a function from a repository to its offences. It is asked about this repository, and about
a small planted one that breaks it, which shows that the rule can be broken at all.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

REPOSITORY: Final = Path(__file__).resolve().parents[1]

CORE: Final = "videossr"
HEAVY: Final = frozenset({"torch", "numpy"})


class Package(NamedTuple):
    """One distribution of a repository: its folder, its layer, and what it is imported as."""

    root: Path
    folder: Path
    layer: Literal["core", "plugin", "trainers"]
    module: str

    @property
    def sources(self) -> dict[str, ast.Module]:
        """Its syntax trees by path below the repository's root."""
        files = sorted((self.folder / "src").rglob("*.py"))
        return {f.relative_to(self.root).as_posix(): ast.parse(f.read_text()) for f in files}

    @property
    def project(self) -> Mapping[str, Any]:
        """The table `project` of its pyproject.toml."""
        table: Mapping[str, Any] = tomllib.loads((self.folder / "pyproject.toml").read_text())
        found: Mapping[str, Any] = table["project"]
        return found

    @property
    def entry_points(self) -> dict[str, str]:
        """Modules of its entry points by name, of all of the project's groups."""
        groups = self.project.get("entry-points", {})
        return {
            name: value.partition(":")[0]
            for group, points in groups.items()
            if group.startswith(CORE)
            for name, value in points.items()
        }


def packages(root: Path) -> list[Package]:
    """The distributions of a repository."""
    plugins = [file.parent for file in sorted((root / "plugins").glob("*/pyproject.toml"))]
    layers: list[tuple[Path, Literal["core", "plugin", "trainers"]]] = [
        (root / "core", "core"),
        *((folder, "plugin") for folder in plugins),
        (root / "trainers", "trainers"),
    ]
    return [
        Package(root, folder, layer, next(folder.glob("src/*/__init__.py")).parent.name)
        for folder, layer in layers
    ]


# The rules


def wrong_imports(root: Path) -> list[str]:
    """Imports, anywhere in a file, of packages that lie against the arrows."""
    ours = {package.module for package in packages(root)}
    return [
        f"{path}:{line}: imports {module}"
        for package in packages(root)
        for path, tree in package.sources.items()
        for line, module in sorted(imported_tops(tree, ours))
        if module in ours - {CORE, package.module}
    ]


def named_plugins(root: Path) -> list[str]:
    """String constants of the core and the trainers that are the name of a task or a perturbation."""
    names = {
        name
        for package in packages(root)
        if package.layer == "plugin"
        for name in package.entry_points
    }
    return [
        f"{path}:{node.lineno}: names {node.value}"
        for package in packages(root)
        if package.layer != "plugin"
        for path, tree in package.sources.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in names
    ]


def wrong_dependencies(root: Path) -> list[str]:
    """Distributions that depend on others of the workspace than the arrows allow."""
    offences = []
    for package in packages(root):
        project = package.project
        extras = project.get("optional-dependencies", {}).values()
        declared = [*project.get("dependencies", ()), *(one for extra in extras for one in extra)]
        names = (re.split(r"[^\w.-]", requirement)[0] for requirement in declared)
        found = sorted({name for name in names if name.startswith(CORE)} - {project["name"]})
        right = [] if package.layer == "core" else [f"{CORE}-core"]
        if found != right:
            offences.append(f"{project['name']}: depends on {found}; must be {right}")
    return offences


def circles(root: Path) -> list[str]:
    """Circles of module-level imports, one for each package that has any."""
    offences = []
    for package in packages(root):
        graph = import_graph(package)
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            # graphlib lists each module before one that imports it
            offences.append(" -> ".join(reversed(error.args[1])))
    return offences


def heavy_entry_points(root: Path) -> list[str]:
    """Entry points whose module cannot be imported without torch or numpy."""
    path = os.pathsep.join(str(package.folder / "src") for package in packages(root))
    offences = []
    for package in packages(root):
        # One after another: what is heavy is told of the first that brings it.
        modules = sorted(set(package.entry_points.values()))
        code = (
            "import importlib, sys\n"
            f"heavy = {set(HEAVY)}\n"
            f"for module in {modules}:\n"
            "    before = heavy & set(sys.modules)\n"
            "    importlib.import_module(module)\n"
            "    for name in sorted(heavy & set(sys.modules) - before):\n"
            "        print(f'{module}: imports {name}')\n"
        )
        ran = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        offences += ran.stdout.splitlines()
    return offences


# What the rules look at


def imported_tops(tree: ast.Module, ours: Iterable[str]) -> Iterator[tuple[int, str]]:
    """The top-level modules that a file imports, with the line; strings that name one of ours count."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module.partition(".")[0]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # as in import_module("videossr_x.y")
            top = re.split("[.:]", node.value)[0]
            if top in ours:
                yield node.lineno, top


def import_graph(package: Package) -> dict[str, set[str]]:
    """For each module of a package, those of its own that it imports when it is imported."""
    source = package.folder / "src"
    trees = {}
    for file in sorted(source.rglob("*.py")):
        parts = file.relative_to(source).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        trees[name] = ast.parse(file.read_text())
    graph: dict[str, set[str]] = {name: set() for name in trees}
    for name, tree in trees.items():
        for node in at_import(tree):
            if isinstance(node, ast.Import):
                graph[name] |= {alias.name for alias in node.names} & trees.keys()
            elif node.module:
                below = {f"{node.module}.{alias.name}" for alias in node.names}
                found = below & trees.keys()
                # names that are no modules come from the package's own module
                if below - found and node.module in trees:
                    found.add(node.module)
                graph[name] |= found
    return graph


def at_import(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports that run when a module is imported: not those in functions or for type checkers."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            yield from at_import(ast.Module(child.orelse, []))
        elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from at_import(child)


# The tests

RULES: Final = (wrong_imports, named_plugins, wrong_dependencies, circles, heavy_entry_points)


@pytest.mark.parametrize("rule", RULES)
def test_this_repository_keeps_the_rule(rule: Callable[[Path], list[str]]) -> None:
    """No offence in core, plugins and trainers."""
    assert [] == rule(REPOSITORY)


def test_every_package_of_the_repository_is_looked_at() -> None:
    """Each has sources, and each plugin entry points: a rule about nothing would always hold."""
    found = packages(REPOSITORY)
    assert {"core", "plugin", "trainers"} == {package.layer for package in found}
    assert [] == [package.module for package in found if not package.sources]
    assert [] == [p.module for p in found if p.layer != "core" and not p.entry_points]


def project(name: str, dependencies: Iterable[str], points: Mapping[str, str]) -> str:
    """A pyproject.toml."""
    lines = [f'[project]\nname = "{name}"\ndependencies = {list(dependencies)}']
    lines += ["[project.entry-points.videossr]", *(f'{k} = "{v}"' for k, v in points.items())]
    return "\n".join(lines)


#: A repository that keeps all rules, by path.
SOUND: Final = {
    "core/pyproject.toml": project("videossr-core", ["pydantic>=2"], {}),
    "core/src/videossr/__init__.py": "from videossr import errors",
    "core/src/videossr/errors.py": "",
    "plugins/sepia/pyproject.toml": project(
        "videossr-sepia", ["torch", "videossr-core>=1"], {"sepia": "videossr_sepia:plugin"}
    ),
    "plugins/sepia/src/videossr_sepia/__init__.py": "from videossr.errors import *",
    "plugins/echo/pyproject.toml": project(
        "videossr-echo", ["videossr-core"], {"echo": "videossr_echo.echo:plugin"}
    ),
    "plugins/echo/src/videossr_echo/__init__.py": "",
    "plugins/echo/src/videossr_echo/echo.py": "",
    "trainers/pyproject.toml": project("videossr-trainers", ["videossr-core", "trl"], {}),
    "trainers/src/videossr_trainers/__init__.py": "",
}


def plant(root: Path, files: Mapping[str, str]) -> Path:
    """Write a repository."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


@pytest.mark.parametrize("rule", RULES)
def test_a_sound_repository_offends_no_rule(
    tmp_path: Path, rule: Callable[[Path], list[str]]
) -> None:
    """What the arrows allow is allowed."""
    assert [] == rule(plant(tmp_path, SOUND))


@pytest.mark.parametrize(
    ("rule", "path", "text", "offence"),
    [
        pytest.param(
            wrong_imports,
            "core/src/videossr/errors.py",
            "def late():\n    import videossr_sepia.tone",
            "core/src/videossr/errors.py:2: imports videossr_sepia",
            id="core imports a plugin",
        ),
        pytest.param(
            wrong_imports,
            "core/src/videossr/errors.py",
            "TRAIN = 'videossr_trainers.training.train:train'",
            "core/src/videossr/errors.py:1: imports videossr_trainers",
            id="core imports the trainers by a string",
        ),
        pytest.param(
            wrong_imports,
            "plugins/sepia/src/videossr_sepia/__init__.py",
            "from videossr_echo import echo",
            "plugins/sepia/src/videossr_sepia/__init__.py:1: imports videossr_echo",
            id="plugin imports a plugin",
        ),
        pytest.param(
            wrong_imports,
            "plugins/echo/src/videossr_echo/echo.py",
            "if TYPE_CHECKING:\n    import videossr_trainers",
            "plugins/echo/src/videossr_echo/echo.py:2: imports videossr_trainers",
            id="plugin imports the trainers",
        ),
        pytest.param(
            wrong_imports,
            "trainers/src/videossr_trainers/__init__.py",
            "import videossr, videossr_echo",
            "trainers/src/videossr_trainers/__init__.py:1: imports videossr_echo",
            id="trainers import a plugin",
        ),
        pytest.param(
            named_plugins,
            "core/src/videossr/errors.py",
            "def f(name):\n    return name == 'sepia'",
            "core/src/videossr/errors.py:2: names sepia",
            id="core names a plugin",
        ),
        pytest.param(
            named_plugins,
            "trainers/src/videossr_trainers/__init__.py",
            "LEVELS = {'echo': 1}",
            "trainers/src/videossr_trainers/__init__.py:1: names echo",
            id="trainers name a plugin",
        ),
        pytest.param(
            wrong_dependencies,
            "core/pyproject.toml",
            project("videossr-core", ["videossr-sepia[all]>=1"], {}),
            "videossr-core: depends on ['videossr-sepia']; must be []",
            id="core depends on a plugin",
        ),
        pytest.param(
            wrong_dependencies,
            "plugins/echo/pyproject.toml",
            project("videossr-echo", ["torch"], {"echo": "videossr_echo.echo:plugin"}),
            "videossr-echo: depends on []; must be ['videossr-core']",
            id="plugin does not depend on the core",
        ),
        pytest.param(
            wrong_dependencies,
            "trainers/pyproject.toml",
            "[project]\nname = 'videossr-trainers'\ndependencies = ['videossr-core']\n"
            "optional-dependencies = {all = ['videossr-echo ; extra == \"x\"']}",
            "videossr-trainers: depends on ['videossr-core', 'videossr-echo']; "
            "must be ['videossr-core']",
            id="an extra of the trainers depends on a plugin",
        ),
        pytest.param(
            circles,
            "core/src/videossr/errors.py",
            "try:\n    from videossr import nothing\nexcept ImportError:\n    pass",
            "videossr -> videossr.errors -> videossr",
            id="two modules of the core import each other",
        ),
        pytest.param(
            heavy_entry_points,
            "plugins/echo/src/videossr_echo/__init__.py",
            "import numpy",
            "videossr_echo.echo: imports numpy",
            id="the package of a plugin's module imports numpy",
        ),
    ],
)
def test_an_offence_is_found(
    tmp_path: Path, rule: Callable[[Path], list[str]], path: str, text: str, offence: str
) -> None:
    """The one offence planted, and no other."""
    assert [offence] == rule(plant(tmp_path, {**SOUND, path: text}))


@pytest.mark.parametrize(
    "text",
    [
        "def late():\n    import videossr",
        "class A:\n    def late(self):\n        import videossr",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import videossr",
        "import typing\nif typing.TYPE_CHECKING:\n    import videossr",
    ],
)
def test_an_import_that_does_not_run_closes_no_circle(tmp_path: Path, text: str) -> None:
    """Imports in functions, and those for type checkers, are no edges."""
    assert [] == circles(plant(tmp_path, {**SOUND, "core/src/videossr/errors.py": text}))


#: Of the trainers, what asks models, and what reports on it.
MEASURING: Final = frozenset(
    {"answering", "bench", "comparison", "diagnosis", "downstream", "pages", "report"}
)


def test_what_measures_depends_one_way() -> None:
    """Not even within a function do these packages import each other in a circle."""
    root = REPOSITORY / "trainers" / "src" / "videossr_trainers"
    graph: dict[str, set[str]] = {name: set() for name in MEASURING}
    for name in MEASURING:
        for path in (root / name).rglob("*.py"):
            imported = re.findall(
                r"^ *from videossr_trainers\.(\w+)", path.read_text(), re.MULTILINE
            )
            graph[name] |= MEASURING.intersection(imported) - {name}
    TopologicalSorter(graph).prepare()
