"""How a run in a folder differs from the one that is to go on in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from videossr.errors import Mistake
from videossr_trainers.training.provenance import other_plugins, other_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: How the place of a model's content ends.
_CONTENT: Final = "model.content"

#: What the number of held-out questions is called where a user gives it.
_QUESTIONS: Final = "ablation.questions"


def differences(
    saved: Mapping[str, Any], now: Mapping[str, Any], *, follows_rewards: bool
) -> list[Mistake]:
    """All that a run's result depends on and that is not as it was.

    What is not compared: versions of libraries, which differ in the last bits if at all; the counterpart,
    which is compared in the report; how long a launcher's command line is, where each step takes the same.

    Args:
        saved, now: the facts of a run, as `run.json` has them.
        follows_rewards: whether the difficulty of any task does.
    """
    if saved["format"] != now["format"]:
        return [Mistake("format", f"{now['format']} here, {saved['format']} in the run")]
    free = tuple(_revisions(saved["config"], now["config"]))
    own = list(
        other_settings(saved["config"], now["config"], free, follows_rewards=follows_rewards)
    )
    known = {mistake.where for mistake in own}
    own = [_told_of_content(one) for one in own]
    asked = [
        Mistake(_of_the_exam(one.where), one.problem)
        for one in other_settings(saved["exam"], now["exam"], follows_rewards=False)
        if one.where not in known
    ]
    found = [*other_plugins(saved, now), *own, *asked]
    if saved["videos"] != now["videos"]:
        found.append(Mistake("videos", "the table has others here than in the run"))
    if now["warm_start"] and saved["launcher"] != now["launcher"]:
        found.append(
            Mistake(
                "--launcher",
                f"{now['launcher']!r} here, {saved['launcher']!r} in the run",
                "a step of the warm start takes warm_start.batch_size questions in each process",
            )
        )
    return found


def _revisions(saved: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """The places of revisions that are another word for the same commit."""
    for place in ("", "start"):
        then, here = (tree.get(place) if place else tree for tree in (saved, now))
        contents = [one and one.get("model", {}).get("content") for one in (then, here)]
        if contents[0] and contents[0] == contents[1]:
            yield f"{place}.model.revision".removeprefix(".")


def _told_of_content(mistake: Mistake) -> Mistake:
    """A difference in a model's content in words; of any other as it is."""
    if not mistake.where.endswith(_CONTENT):
        return mistake
    where = mistake.where.removesuffix(_CONTENT) + "model.name"
    problem = f"another model lies there now than when the run began: content {mistake.problem}"
    return Mistake(
        where,
        problem,
        "bring the first one back, a commit by model.revision, or run anew with -o elsewhere",
    )


def _of_the_exam(place: str) -> str:
    return _QUESTIONS if place == "build.size" else f"held-out questions: {place}"
