"""A hub that cannot be reached is told, with what to do about it."""

from __future__ import annotations

from typing import Any
from urllib.error import HTTPError, URLError

import pytest

from videossr.doctor import hub
from videossr.finding import NotPossible


@pytest.mark.parametrize(
    ("error", "state", "said"),
    [
        (None, "ok", "https://mirror.test answers"),
        (HTTPError("https://mirror.test", 403, "Forbidden", {}, None), "ok", "answers"),  # type: ignore[arg-type]
        (URLError("Name or service not known"), "warning", "Name or service not known"),
        (TimeoutError("timed out"), "warning", "timed out"),
    ],
)
def test_a_hub_that_answers_or_not(
    error: Exception | None, state: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the address that is set; that it refuses us is for whoever loads a model."""

    class Answer:
        def __enter__(self) -> None:
            """Nothing is read."""

        def __exit__(self, *_: object) -> None:
            """Nor closed."""

    def opened(request: Any, *, timeout: float) -> Answer:  # noqa: ANN401
        assert (request.full_url, request.method) == ("https://mirror.test", "HEAD")
        assert timeout <= 10
        if error is not None:
            raise error
        return Answer()

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.test")
    monkeypatch.setattr(hub, "urlopen", opened)
    found = hub.hub(network=True)
    assert found.state == state
    assert said in found.measured
    assert ("HF_HUB_OFFLINE=1" in found.remedy) == (state == "warning")


def test_no_file_is_read_in_place_of_a_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses of the web alone."""
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "file:///etc/passwd")
    assert hub.hub(network=True).state == "warning"


def test_a_hub_that_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is asked."""
    monkeypatch.setattr(hub, "urlopen", None)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert hub.hub(network=True).state == "ok"
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    with pytest.raises(NotPossible, match="--no-network"):
        hub.hub(network=False)
