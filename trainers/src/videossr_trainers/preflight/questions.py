"""Is there something to ask, of every task, and for how many steps?"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from videossr.finding import Finding
from videossr.wording import counted, how_often
from videossr_trainers.sections import GrpoSection

if TYPE_CHECKING:
    from videossr_trainers.preflight.subject import Subject


def questions(subject: Subject) -> Finding:
    """Every enabled task has questions, and one of each can be rendered."""
    grpo = subject.config.section(GrpoSection)
    count = Counter(recipe.task for recipe in subject.recipes)
    steps = grpo.steps(len(subject.recipes))
    tasks = ", ".join(f"{count[task]} of {task}" for task in subject.config.tasks)
    figures = {"questions": {task: count[task] for task in subject.config.tasks}, "steps": steps}
    empty = [task for task in subject.config.tasks if not count[task]]
    if empty:
        return Finding(
            "questions",
            "fault",
            f"the dataset has no question of {', '.join(empty)}; it has {tasks}",
            "a task without questions is not trained, whatever its weight",
            "build the dataset with it, or switch the task off",
            figures,
        )
    rendered = subject.asked
    times = steps * grpo.questions_per_step / len(subject.recipes)
    asked = f"each {how_often(times)}" if round(times, 1) >= 1 else f"{100 * times:.0f} % of them"
    each = counted(grpo.questions_per_step, "question")
    return Finding(
        "questions",
        "ok",
        f"{tasks}; {counted(steps, 'step')} of {each} ask {asked}; "
        f"{len(rendered)} rendered as promised",
        "every task that is switched on is trained",
        "",
        figures,
    )
