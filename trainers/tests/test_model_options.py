"""The options of commands that ask a model, and who answers then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import typer
from asked_questions import answers_of
from faulty_server import FaultyServer
from typer.testing import CliRunner

from videossr import ConfigError
from videossr_trainers.answering import Answer
from videossr_trainers.answering.choice import ModelOptions
from videossr_trainers.answering.command import asks_a_model
from videossr_trainers.answering.cost import Prices

if TYPE_CHECKING:
    from pathlib import Path

#: A server that no test here asks.
URL = "http://localhost:8000/v1"


def remote(**options: Any) -> ModelOptions:  # noqa: ANN401
    """Options for a server."""
    return ModelOptions(**{"model": "m", "endpoint": URL, **options})


def given(*words: str, without: str | None = None) -> ModelOptions | None:
    """What a command with these words gets."""
    got: list[ModelOptions | None] = []

    @asks_a_model(without=without)
    def command(name: str, options: ModelOptions | None, last: bool = False) -> None:
        assert ("n", True) == (name, last)
        got.append(options)

    app = typer.Typer(add_completion=False)
    app.command()(command)
    result = CliRunner().invoke(app, ["n", "--last", *words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return got[0]


def test_a_command_has_the_options_with_their_defaults() -> None:
    """What a command passes on when nothing is said is what the options are when nothing is said."""
    assert ModelOptions("m") == given("--model", "m")


def test_every_option_can_be_given() -> None:
    """Each word on the command line reaches its field."""
    words = ["--model=m", "--revision=r", f"--endpoint={URL}", "--api-key-env=KEY", "--show=video"]
    words += ["--concurrency=2", "--requests-per-minute=30", "--batch-size=3"]
    words += ["--max-new-tokens=9", "--price-in=1.5", "--price-out=2"]
    words += ["--jpeg-quality=80", "--video-crf=20"]
    expected = ModelOptions("m", "r", URL, "KEY", "video", 2, 30.0, 3, 9, 1.5, 2.0, 80, 20)
    assert expected == given(*words)


def test_a_command_may_do_without_a_model() -> None:
    """Only where it says what it does then; what says how a model is asked is refused, all at once."""
    with pytest.raises(AssertionError, match="Missing option '--model'"):
        given()
    assert given(without="Nothing is asked.") is None
    with pytest.raises(ConfigError) as caught:
        given(f"--endpoint={URL}", "--concurrency=2", without="Nothing is asked.")
    for option in ("--endpoint", "--concurrency"):
        assert f"{option}: without a model" in str(caught.value)


def test_a_server_is_asked_with_the_key_of_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key comes from the environment, and neither it nor its name is in the identity or the file."""
    monkeypatch.setenv("MY_KEY", "sk-right")
    cache = tmp_path / "answers.jsonl"
    with FaultyServer(key="sk-right") as server:
        options = remote(endpoint=server.url, api_key_env="MY_KEY")
        for _ in range(2):
            answerer = options.answerer(cache)
            assert {"a": (Answer("answer a", 100, 3),)} == answers_of(answerer, "a")
        assert {"a": 1} == server.answered
    assert "KEY" not in answerer.identity
    assert "sk-right" not in answerer.identity + cache.read_text()


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was asked for must be set; the usual one need not be, for servers that want no key."""
    for name in ("MY_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match="--api-key-env: the environment variable MY_KEY is not"):
        remote(api_key_env="MY_KEY").answerer()
    with FaultyServer() as server:
        answers_of(remote(endpoint=server.url).answerer(), "a")
        (headers,) = server.seen["a"].headers
        assert "sk-" not in headers["Authorization"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (remote(revision="r"), "--revision: a server answers with the revision"),
        (remote(jpeg_quality=80, show="video"), "--jpeg-quality: has no meaning with --show video"),
        (remote(video_crf=20), "--video-crf: has no meaning with --show images"),
        (remote(price_in=1.0), "--price-in: without --price-out, the cost would be that of a half"),
        (remote(price_out=1.0), "--price-out: without --price-in, the cost would be"),
        (ModelOptions("m", show="video"), "--show: is for a server; give --endpoint URL"),
        (ModelOptions("m", requests_per_minute=5.0), "--requests-per-minute: is for a server"),
        (remote(jpeg_quality=101), "--jpeg-quality: 101; must be from 1 to 100"),
        (remote(video_crf=0, show="video"), "--video-crf: 0; must be from 1 to 51"),
        (remote(endpoint="host"), "--endpoint: 'host' is no http or https address"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: ModelOptions, said: str) -> None:
    """Before anything is loaded or asked, by the names on the command line."""
    with pytest.raises(ConfigError) as caught:
        options.answerer()
    assert said in str(caught.value)


def test_how_frames_are_shown_is_part_of_the_identity() -> None:
    """Every way to show frames has answers of its own; what only sets the pace has not."""
    ways = [
        remote(),
        remote(jpeg_quality=90),
        remote(show="video"),
        remote(show="video", video_crf=23),
    ]
    assert 4 == len({options.answerer().identity for options in ways})
    assert remote().answerer().identity == remote(concurrency=1, batch_size=1).answerer().identity


def test_prices_are_known_or_not() -> None:
    """Both, or none; nothing is a price as well."""
    assert remote().prices is None
    assert Prices(0.0, 2.0) == remote(price_in=0.0, price_out=2.0).prices
