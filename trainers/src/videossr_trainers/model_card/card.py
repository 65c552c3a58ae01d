"""Writing the card: Markdown, with the front matter of the Hugging Face Hub."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import jinja2
import yaml
from huggingface_hub import EvalResult, ModelCardData

from videossr.atomic import write_text
from videossr.markdown import plain
from videossr_trainers.model_card.facts import Facts, facts_of
from videossr_trainers.modifiers import modifiers_in_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from videossr.intervals import Interval
    from videossr_trainers.model_card.exam import Exam

#: The name by which the Hub, and whoever opens a folder, finds a card.
CARD: Final = "README.md"

#: Sections of the configuration that say where things are on one machine.
_PLACES: Final = ("plugins", "store", "ablation")


def write_card(
    model: Path, run: Path, *, exams: Sequence[Exam] = (), datasets: Sequence[str] = ()
) -> bool:
    """Write the card of a model, in the place of any that is there, such as PEFT's own.

    Args:
        model: the folder of a finished model, or of a checkpoint.
        run: the run that made it, by whose configuration, provenance and measurements the card is written.
        exams: what the model scored on other questions.
        datasets: names on the Hub of what it was trained on.

    Returns:
        Whether a card was written; it is not where `run` holds no run.
    """
    facts = facts_of(run)
    if facts is None:
        return False
    adapter = (model / "adapter_config.json").is_file()
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("videossr_trainers.model_card", ""),
        autoescape=False,  # noqa: S701 - Markdown; strangers' texts go through `plain`
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
    )
    environment.filters |= {"plain": plain, "interval": _interval}
    name = run.resolve().name
    text = environment.get_template("card.md.jinja").render(
        front=_front(name, facts, exams, datasets, adapter=adapter).to_yaml(),
        name=name,
        facts=facts,
        config=facts.config,
        provenance=facts.provenance,
        adapter=adapter,
        exams=exams,
        tasks=_tasks(facts.config),
        modifiers=modifiers_in_words(facts.config),
        whole=yaml.safe_dump(_without_places(facts.config), sort_keys=False, allow_unicode=True),
    )
    write_text(model / CARD, text, errors="backslashreplace")
    return True


def _front(
    name: str, facts: Facts, exams: Sequence[Exam], datasets: Sequence[str], *, adapter: bool
) -> ModelCardData:
    """What the Hub reads of the card."""
    more: dict[str, Any] = {}
    if facts.base:
        more["base_model_relation"] = "adapter" if adapter else "finetune"
    if exams:
        more |= {
            "model_name": name,
            "eval_results": [r for exam in exams for r in _results(exam)],
        }
    return ModelCardData(
        base_model=facts.base,
        datasets=list(datasets) or None,
        library_name="peft" if adapter else "transformers",
        pipeline_tag="video-text-to-text",
        tags=[
            "videossr",
            "video",
            "self-supervised",
            "reinforcement-learning",
            *(["grpo"] if facts.steps.get("grpo") else []),
            *(["lora"] if adapter else []),
        ],
        **more,
    )


def _results(exam: Exam) -> list[EvalResult]:
    rows = [*exam.rows, *([exam.mean] if exam.mean else [])]
    return [
        EvalResult(
            task_type="video-text-to-text",
            dataset_type=f"videossr-{exam.digest}" if exam.digest else "videossr",
            dataset_name=exam.name,
            dataset_config=row.name,
            metric_type="score",
            metric_name="mean reward x 100",
            metric_value=round(row.score.mean, 2),
        )
        for row in rows
    ]


def _interval(interval: Interval | None) -> str:
    """A mean and its interval, such as `52.1 [48.0, 56.3]`."""
    if interval is None:
        return "n/a"
    ends = "" if interval.ends is None else " [{:.1f}, {:.1f}]".format(*interval.ends)
    return f"{interval.mean:.1f}{ends}"


def _tasks(config: Mapping[str, Any]) -> dict[str, tuple[str, float]]:
    """Of each task in use the plugin, and its share of the questions."""
    used = {
        name: entry or {}
        for name, entry in config["tasks"].items()
        if (entry or {}).get("enabled", True)
    }
    total = sum(entry.get("weight", 1.0) for entry in used.values()) or 1.0
    return {
        name: (str(entry.get("plugin") or name), entry.get("weight", 1.0) / total)
        for name, entry in used.items()
    }


def _without_places(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration without what names folders of the machine."""
    tree = {name: part for name, part in config.items() if name not in _PLACES}
    facts = dict(tree["model"])
    if not ("/" in facts["name"] and not facts["name"].startswith(("/", ".", "~"))):
        facts["name"] = facts["name"].rpartition("/")[2]
    return {**tree, "model": facts}
