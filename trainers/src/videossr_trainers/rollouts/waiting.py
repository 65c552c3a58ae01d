"""How long a step waits for its data."""

from __future__ import annotations

import time
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from transformers import TrainerCallback

from videossr_trainers.processes import gathered

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import TrainerControl, TrainerState, TrainingArguments

_Fetched = TypeVar("_Fetched")


class DataWait(TrainerCallback):  # type: ignore[misc] # transformers is untyped
    """Measures the time from asking for a step's batches to having them.

    Metrics: `data_wait_s`, seconds that the process waited which waited longest, since it holds up all
    the others; `data_wait`, their share of the time since the step before ended.

    Args:
        log: takes a metric's name and value.
        clock: seconds, from any beginning.
    """

    def __init__(
        self, log: Callable[[str, float], None], clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.log = log
        self.clock = clock
        self._waited = 0.0
        self._since = clock()

    def around(self, fetch: Callable[..., _Fetched]) -> Callable[..., _Fetched]:
        """The same function, whose calls are measured."""

        @wraps(fetch)
        def measured(*args: Any, **kwargs: Any) -> _Fetched:  # noqa: ANN401 - as the function's
            begun = self.clock()
            try:
                return fetch(*args, **kwargs)
            finally:
                self._waited += self.clock() - begun

        return measured

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **_: Any,  # noqa: ANN401 - whatever transformers adds
    ) -> None:
        """What came before is no part of a step."""
        del args, state, control
        self._waited, self._since = 0.0, self.clock()

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **_: Any,  # noqa: ANN401 - whatever transformers adds
    ) -> None:
        """Log what the step has waited."""
        del args, state, control
        now = self.clock()
        waited, passed = max(gathered([(self._waited, now - self._since)]))
        self.log("data_wait_s", waited)
        self.log("data_wait", waited / passed if passed > 0 else 0.0)
        self._waited, self._since = 0.0, now
