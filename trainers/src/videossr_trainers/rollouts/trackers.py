"""Trackers of experiments: whether those that a run reports to are there, and samples for them.

Scalars reach them through transformers; what transformers does not send is sent here.
"""

from __future__ import annotations

import os
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from videossr.errors import ConfigError, Mistake, did_you_mean
from videossr.installing import install_command

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from PIL.Image import Image

#: Each tracker's modules, one of which has to be there, and the package to install.
_KNOWN: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "azure_ml": (("azureml",), "azureml-core"),
    "clearml": (("clearml",), "clearml"),
    "codecarbon": (("codecarbon",), "codecarbon"),
    "comet_ml": (("comet_ml",), "comet-ml"),
    "dagshub": (("dagshub",), "dagshub"),
    "dvclive": (("dvclive",), "dvclive"),
    "flyte": (("flytekit",), "flytekit"),
    "mlflow": (("mlflow",), "mlflow"),
    "neptune": (("neptune",), "neptune"),
    "swanlab": (("swanlab",), "swanlab"),
    "tensorboard": (("tensorboard", "tensorboardX"), "tensorboard"),
    "trackio": (("trackio",), "trackio"),
    "wandb": (("wandb",), "wandb"),
}

_WHERE: Final = "grpo.report_to"

_PROJECT: Final = "videossr"


def named_trackers(tree: Mapping[str, Any]) -> list[str]:
    """Those that a configuration names which may be wrong elsewhere."""
    section = tree.get("grpo")
    named = section.get(_WHERE.removeprefix("grpo.")) if isinstance(section, dict) else None
    return [str(one) for one in named] if isinstance(named, list) else []


def check_trackers(report_to: Collection[str]) -> None:
    """Refuse trackers that do not exist or are not installed, before there is anything to report.

    Raises:
        ConfigError: with every one of them, and what to install.
    """
    mistakes = []
    for name in report_to:
        if name == "console":
            right = "leave it out: the terminal shows every step unless --quiet is given"
            mistakes.append(Mistake(_WHERE, f"{name!r} is no tracker", right))
        elif name not in _KNOWN:
            right = f"{did_you_mean(name, _KNOWN)} trackers are {', '.join(_KNOWN)}".lstrip()
            mistakes.append(Mistake(_WHERE, f"{name!r} is no tracker", right))
        elif not any(find_spec(module) for module in _KNOWN[name][0]):
            right = install_command(_KNOWN[name][1])
            mistakes.append(Mistake(_WHERE, f"{name!r} is not installed", right))
    if mistakes:
        raise ConfigError(mistakes)


class Trackers:
    """The trackers of a run, as far as they take pictures and tables: TensorBoard, W&B and trackio.

    To be used by the main process alone, after the training has begun.

    Args:
        report_to: their names; others are passed over.
        callbacks: of the trainer, one of which has TensorBoard's writer.
    """

    def __init__(self, report_to: Collection[str], callbacks: Sequence[Any]) -> None:
        self.report_to = frozenset(report_to)
        self.callbacks = callbacks

    def show(
        self,
        step: int,
        pictures: Mapping[str, Image],
        texts: Mapping[str, str],
        tables: Mapping[str, tuple[Sequence[str], Sequence[Sequence[Any]]]],
    ) -> None:
        """Send samples, each by name as a picture, a text, and a table of columns and rows."""
        if "tensorboard" in self.report_to:
            self._tensorboard(step, pictures, texts)
        if "wandb" in self.report_to:
            import wandb  # noqa: PLC0415 - optional

            if wandb.run is not None:
                _log(wandb, step, pictures, texts, tables)
        if "trackio" in self.report_to:
            import trackio  # noqa: PLC0415 - optional

            _log(trackio, step, pictures, texts, tables)

    def _tensorboard(
        self, step: int, pictures: Mapping[str, Image], texts: Mapping[str, str]
    ) -> None:
        import numpy as np  # noqa: PLC0415 - for this alone

        for callback in self.callbacks:
            writer = getattr(callback, "tb_writer", None)
            if writer is None:
                continue
            for name, picture in pictures.items():
                writer.add_image(
                    f"samples/{name}", np.asarray(picture.convert("RGB")), step, dataformats="HWC"
                )
            for name, text in texts.items():
                # Markdown would read the model's words as marks; what is indented it leaves alone.
                indented = "".join(f"    {line}\n" for line in text.splitlines())
                writer.add_text(f"samples/{name}", indented, step)
            writer.flush()


def log_below(run: Path, callbacks: Sequence[Any], step: Callable[[], int]) -> None:
    """Let TensorBoard's files lie in a run's folder, unless TENSORBOARD_LOGGING_DIR says otherwise.

    Where a run goes on, what was told before of the steps that it takes again is passed over.

    Args:
        step: asked, when the training begins, after which step that is.
    """
    for callback in callbacks:
        if hasattr(callback, "tb_writer"):
            own = callback.logging_dir is None
            callback.logging_dir = str(run / "tensorboard") if own else callback.logging_dir
            make = callback._SummaryWriter  # noqa: SLF001 - transformers has no other way in
            callback._SummaryWriter = partial(_writer, make, step, own=own)  # noqa: SLF001


def _writer(
    make: Callable[..., Any],
    step: Callable[[], int],
    *,
    own: bool,
    log_dir: str,
) -> Any:  # noqa: ANN401 - TensorBoard's
    # In a folder that others may share, a run that begins has nothing to take back.
    purged = {"purge_step": step() + 1} if own or step() else {}
    return make(log_dir=log_dir, **purged)


def project() -> str:
    """What W&B and trackio are to call the project; WANDB_PROJECT and TRACKIO_PROJECT come first.

    W&B's is left in the environment, which is where transformers looks for it.
    """
    os.environ.setdefault("WANDB_PROJECT", _PROJECT)
    return os.environ.get("TRACKIO_PROJECT", _PROJECT)


def _log(
    tracker: Any,  # noqa: ANN401 - wandb and trackio have the same face
    step: int,
    pictures: Mapping[str, Image],
    texts: Mapping[str, str],
    tables: Mapping[str, tuple[Sequence[str], Sequence[Sequence[Any]]]],
) -> None:
    logged: dict[str, Any] = {
        f"samples/{name}": tracker.Image(picture, caption=texts[name])
        for name, picture in pictures.items()
    }
    for name, (columns, rows) in tables.items():
        logged[f"completions/{name}"] = tracker.Table(
            columns=list(columns), data=[list(row) for row in rows]
        )
    tracker.log({**logged, "train/global_step": step})
