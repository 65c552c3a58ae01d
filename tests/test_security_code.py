"""What is read is data: no pickle, no code of a model's, no text that is run.

What a plugin's package does is the business of whoever installs it; see SECURITY.md.
"""

from __future__ import annotations

import ast
import json
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import torch

from videossr import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[1]

#: Modules whose files are programs.
PROGRAMS: Final = frozenset(
    {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
)

#: Calls that read more than data, with the word that they must have to be let through.
RISKY: Final = {
    "eval": "",
    "exec": "",
    "compile": "",
    "os.system": "",
    "os.popen": "",
    "yaml.load": "",
    "yaml.load_all": "",
    "yaml.unsafe_load": "",
    "yaml.full_load": "",
    "pd.read_pickle": "",
    "torch.load": "weights_only=True",
    "AutoModelForImageTextToText.from_pretrained": "use_safetensors=True",
    "AutoProcessor.from_pretrained": "trust_remote_code=False",
    "AutoTokenizer.from_pretrained": "trust_remote_code=False",
    "AutoConfig.from_pretrained": "trust_remote_code=False",
}

#: Words that a call must not have.
FORBIDDEN: Final = (
    "shell=True",
    "allow_pickle=True",
    "trust_remote_code=True",
    "weights_only=False",
)


def offences(source: str) -> Iterator[str]:
    """What of a module reads more than data."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            named = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            named += [alias.name for alias in node.names]
            yield from (f"imports {name}" for name in named if name.split(".")[0] in PROGRAMS)
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            words = [ast.unparse(word) for word in node.keywords]
            if called in RISKY and RISKY[called] not in words:
                yield f"calls {called}"
            yield from (f"says {word}" for word in words if word in FORBIDDEN)


def modules() -> list[Path]:
    """All that is installed."""
    folders = [ROOT / "core", ROOT / "trainers", *(ROOT / "plugins").iterdir()]
    return [path for folder in folders for path in sorted((folder / "src").rglob("*.py"))]


def test_no_module_reads_more_than_data() -> None:
    """Of any distribution."""
    assert len(modules()) > 300
    found = {str(path.relative_to(ROOT)): list(offences(path.read_text())) for path in modules()}
    assert {} == {path: some for path, some in found.items() if some}


@pytest.mark.parametrize(
    ("source", "offence"),
    [
        ("import pickle", "imports pickle"),
        ("from dill import loads", "imports dill"),
        ("def f():\n    import joblib.memory", "imports joblib.memory"),
        ("eval('1')", "calls eval"),
        ("torch.load(path)", "calls torch.load"),
        ("AutoProcessor.from_pretrained(name)", "calls AutoProcessor.from_pretrained"),
        ("run(words, shell=True)", "says shell=True"),
    ],
)
def test_a_module_that_does_is_found(source: str, offence: str) -> None:
    """The rule above can be broken."""
    assert [offence] == list(offences(source))
    assert not list(offences("torch.load(path, weights_only=True)\nmodel.eval()"))


class Trace:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("remote", [False, True], ids=["a pickle", "code of its own"])
def test_a_model_runs_nothing(tmp_path: Path, *, remote: bool) -> None:
    """Neither its weights nor the modules that come with it; it is refused, by its name."""
    from videossr_trainers.models.load import load_model  # noqa: PLC0415 - imports transformers

    folder, trace = tmp_path / "model", tmp_path / "ran"
    folder.mkdir()
    config: dict[str, Any] = {"model_type": "qwen3_vl"}
    if remote:
        names = ("AutoConfig", "AutoProcessor", "AutoModelForImageTextToText")
        config = {"model_type": "evil", "auto_map": dict.fromkeys(names, "evil.Evil")}
        (folder / "evil.py").write_text(f"open({str(trace)!r}, 'w')\n")
        (folder / "processor_config.json").write_text(json.dumps(config))
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Trace(trace)))
    with pytest.raises(ConfigError, match=r"model\.name: .* cannot be loaded"):
        load_model(str(folder))
    assert not trace.exists()


def test_weights_are_read_as_safetensors_alone(tmp_path: Path) -> None:
    """Where there is no other file, there are no weights."""
    from videossr_trainers.models.pretrained import read_model  # noqa: PLC0415 - likewise

    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen3_vl"}))
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(OSError, match="safetensors"):
        read_model(str(tmp_path), None, torch.float32)
