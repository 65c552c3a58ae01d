"""Words of strangers are shown and not obeyed: by a browser, by Markdown, by a terminal, by a shell."""

from __future__ import annotations

import csv
import io
import re
import shlex
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import DictLoader
from markdown_it import MarkdownIt

from videossr.build import Summary, build_to
from videossr.build.card import card
from videossr.cli import main
from videossr.cli.terminal import shown_not_obeyed
from videossr.config import resolve
from videossr.dataset import Dataset, Header
from videossr.export.exporting import export_dataset
from videossr.export.peers import peer_of
from videossr.export.shown import writer_of
from videossr.floors import Floors
from videossr.gallery.policy import policy, scripts_of
from videossr.markdown import fenced, plain
from videossr.procedural import write_videos
from videossr.render import Renderer
from videossr.scan import scan_to_table
from videossr.visible import visible
from videossr_trainers.pages.files import write_table
from videossr_trainers.pages.page import _environment

ROOT: Final = Path(__file__).resolve().parents[1]

TEMPLATES: Final = sorted(
    path
    for folder in ("core/src", "plugins", "trainers/src")
    for path in (ROOT / folder).rglob("*.html.jinja")
)

#: What may stand on a page as it is: ours, and none of it made of anybody's words.
OUR_OWN: Final = {"generator", "style", "script"}

#: Any text, those among it that somebody would try.
texts = st.text(max_size=20) | st.lists(
    st.sampled_from(
        [
            *(
                "<script>alert(1)</script>",
                "</script>",
                "<img src=x onerror=alert(1)>",
                "javascript:",
            ),
            *('"', "'", "&lt;", "&", "{{ 7 * 7 }}", "](http://x)", "![", "`", "```", "~~~", "\n"),
            *("# ", "| ", "- ", "    ", "\\", "*", "_", "<!--", "-->", "]]>", "$x$", "\x1b[2J"),
            *("\x1b]0;title\x07", "\x9b", "\u202e", "\ud800", "\r", "\t", "é"),
        ]
    ),
    max_size=5,
).map("".join)


class Read(HTMLParser):
    """What a browser makes of a page: its elements, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.text += data

    def handle_comment(self, data: str) -> None:
        """There is none."""
        raise AssertionError(data)


# Pages


@settings(max_examples=50)
@given(texts)
def test_a_page_shows_a_text_as_it_is(text: str) -> None:
    """As text and as an attribute, with nothing around it that was not there."""
    template = '<p title="{{ text }}">{{ text }}</p>'
    environment = _environment(DictLoader({"page": template}))
    read = Read(environment.get_template("page").render(text=text))
    ((tag, attributes),) = read.elements
    assert ("p", text, text) == (tag, attributes["title"], read.text)


def test_there_are_templates() -> None:
    """A rule about none would always hold."""
    assert {"gallery", "parts", "report", "bench"} <= {
        path.name.removesuffix(".html.jinja") for path in TEMPLATES
    }


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_lets_through_what_is_our_own_alone(path: Path) -> None:
    """No other value is called safe, none stands in a script, and no element has a handler of its own."""
    source = path.read_text()
    assert set(re.findall(r"(\w+)\s*\|\s*safe\b", source)) <= OUR_OWN
    assert "autoescape" not in source
    for script in re.findall("<script>(.*?)</script>", source, re.DOTALL):
        assert not re.search(r"\{[{%]", script.replace("{{ script|safe }}", ""))
    assert len(re.findall("<script", source)) == len(re.findall("<script>", source))
    assert not re.search(r"\son\w+=|javascript:", source.partition("<script>")[0])


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_page_says_what_it_may_do_before_anything_else(path: Path) -> None:
    """Its policy comes with its head, by its own words or those of `parts`."""
    source = path.read_text()
    if "<body>" not in source:
        assert path.name == "parts.html.jinja"
    head = source.partition("<title>" if "<title>" in source else "<body>")[0]
    own = 'http-equiv="Content-Security-Policy" content="{{ policy }}"' in head
    assert own or re.search(r"parts\.head\([^)]*, policy\)", head)


def test_a_policy_lets_the_scripts_of_the_template_run_and_no_other() -> None:
    """By the hash of all between the tags, whatever the rest of the page turns out to say."""
    template = "<title>{{ t }}</title><script>\n{{ script|safe }}\n</script><script>two</script>"
    scripts = scripts_of(template, "one")
    assert ["\none\n", "two"] == scripts
    (runs,) = re.findall("script-src (.*)", policy(*scripts))
    hashes = [b64encode(sha256(one.encode()).digest()).decode() for one in scripts]
    assert runs == " ".join(f"'sha256-{one}'" for one in hashes)
    assert policy().endswith("script-src 'none'")
    assert policy().startswith("default-src 'none'; base-uri 'none'; form-action 'none'; ")


# Markdown


@settings(max_examples=100)
@given(texts)
def test_markdown_shows_a_text_as_it_is(text: str) -> None:
    """On one line, with no element around it; in a list, in a heading and in a table."""
    markdown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    shown = plain(text)
    assert "\n" not in shown
    expected = visible(" ".join(text.split()))
    for page, elements in (
        (f"- it is: {shown}\n- more", ["ul", "li", "li"]),
        (f"# it is: {shown}\n", ["h1"]),
        (f"| a | b |\n| --- | --- |\n| it is: {shown} | c |\n", None),
    ):
        read = Read(markdown.render(page))
        assert f"it is: {expected}".strip() in read.text
        assert elements is None or elements == [tag for tag, _ in read.elements]
        assert not {"a", "img", "script", "code", "em", "strong", "s"} & dict(read.elements).keys()


@settings(max_examples=100)
@given(texts.map(lambda text: visible(text).replace("\r", "")))
def test_a_fence_holds_whatever_is_in_it(text: str) -> None:
    """Other fences among it."""
    read = Read(MarkdownIt("commonmark").render(f"{fenced(text, 'yaml')}\n\nafter"))
    assert ["pre", "code", "p"] == [tag for tag, _ in read.elements]
    assert f"{text.rstrip()}\n" == read.text.removesuffix("\nafter\n").removesuffix("\n") + "\n"


def test_the_card_of_a_dataset_is_no_trap() -> None:
    """Its name can be pasted into a shell, and its configuration stays within its block."""
    config = {
        "tasks": {},
        "build": {"part": "all", "held_out": 0.1},
        "seed": "\n```\n<script>alert(1)</script>",
    }
    header = Header(Path("/videos"), config, {}, Floors({}))
    summary = Summary(
        tasks={}, videos=0, used=0, asked=(0, 0), twins=0, off={}, checked=True, broken={}
    )
    text = card("a; rm -rf ~", summary, header)
    assert not {"script"} & dict(Read(MarkdownIt("commonmark").render(text)).elements).keys()
    commands = [line for line in text.splitlines() if line.startswith("videossr ")]
    assert ["a; rm -rf ~", "a; rm -rf ~"] == [
        word for line in commands for word in shlex.split(line, comments=True) if word.endswith("~")
    ]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Two questions."""
    folder = tmp_path_factory.mktemp("texts")
    write_videos(folder / "videos", 2, seed=1, seconds=3, fps=8, height=64, width=64)
    rows = scan_to_table(folder / "videos", folder / "videos.parquet")
    video = {"min_frames": 8, "num_frames": 8, "min_pixels": 1024, "max_pixels": 4096}
    tree = {"video": video, "build": {"size": 2}, "tasks": {"jigsaw": {"segments": 3}}}
    build_to(folder / "set", resolve(tree), rows, folder / "videos")
    return Dataset.load(folder / "set")


@pytest.mark.parametrize("name", ["verl", "ms-swift", "easyr1", "datasets"])
def test_the_readme_of_an_export_is_no_trap(name: str, dataset: Dataset, tmp_path: Path) -> None:
    """Neither by sections of the configuration that nobody reads, nor by what plugins say of themselves."""
    renderer = Renderer.for_dataset(dataset)
    evil = "1\n```\n</details><script>alert(1)</script>"
    origin = {"distribution": evil, "version": evil, "plugin_version": evil}
    header = replace(
        dataset.header,
        config={**dataset.config, "x": evil},
        plugins={**dataset.plugins, evil: origin},
    )
    peer, way = peer_of(name, None)
    writer = writer_of(way, jpeg_quality=None, video_crf=None, even=peer.by_twos)
    place = tmp_path / "a; rm -rf ~"
    out = tmp_path / "out"
    export_dataset(
        replace(dataset, header=header), renderer, out, peer, writer, split="train", place=place
    )
    text = (out / "README.md").read_text(encoding="utf-8")
    text = text.split("---\n", 2)[2]  # the front matter is YAML, written by its library
    shown = MarkdownIt("commonmark").render(text)
    assert not {"script"} & dict(Read(shown).elements).keys()
    assert shown.count("</details>") == 1
    for command in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        words = shlex.split(command.replace("\\\n", " "), comments=True)
        assert any("a; rm -rf ~/" in word for word in words)
        assert not {"rm", "-rf"} & {*words}


# The terminal


@settings(max_examples=100)
@given(texts)
def test_a_terminal_has_nothing_to_obey(text: str) -> None:
    """Control characters stand as their escapes; all else is as it was, and once is enough."""
    shown = visible(text)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    shown.encode()
    assert shown == visible(shown)
    if text.isprintable():
        assert text == shown


class Terminal(io.StringIO):
    """What prints to it is seen by somebody."""

    def isatty(self) -> bool:
        """As a terminal says."""
        return True


EVIL: Final = "\x1b]0;owned\x07\x1b(8mhidden\x9b.mp4"


def test_what_commands_print_is_made_visible_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However they print it."""
    monkeypatch.setattr("sys.stdout", stream := Terminal())
    with shown_not_obeyed():
        typer.echo(f"  {EVIL}: é")
        print(EVIL)  # noqa: T201
    assert r"  \x1b]0;owned\x07\x1b(8mhidden\x9b.mp4: é" in stream.getvalue()
    assert not {"\x1b", "\x07", "\x9b"} & set(stream.getvalue())


def test_what_is_piped_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of files are what they are to a program."""
    monkeypatch.setattr("sys.stdout", stream := io.StringIO())
    with shown_not_obeyed():
        print(EVIL)  # noqa: T201
    assert f"{EVIL}\n" == stream.getvalue()


def test_errors_are_made_visible(capsys: pytest.CaptureFixture[str]) -> None:
    """They name what they are about."""
    with pytest.raises(SystemExit):
        main(["scan", EVIL, "-o", "table.parquet"])
    told = capsys.readouterr().err
    assert r"\x1b]0;owned\x07\x1b(8mhidden\x9b.mp4: no such file or folder" in told
    assert "\x1b" not in told


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_table_holds_no_formula(name: str, tmp_path: Path) -> None:
    """A spreadsheet that opens it computes nothing of a stranger's; numbers stay numbers."""
    write_table(tmp_path / "a.csv", ["name", "mean"], [{"name": name, "mean": -0.5}])
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row == {"name": f"'{name}", "mean": "-0.5"}
