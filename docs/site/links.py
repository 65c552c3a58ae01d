"""What the site needs beyond the pages: results of benchmarks as pages, and no link that leaves it.

On the pages as they lie in the repository a link may lead to any file of it. On the site a result of a
benchmark is a page of its own, and what is not part of the site is named without a link.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"

#: A link that leaves `docs`, and what it says.
_OUT = re.compile(r"\[(?P<said>[^\]]+)\]\((?P<up>(?:\.\./)+)(?P<path>[^)#]+)(?P<part>#[^)]*)?\)")


def on_files(files: Files, config: Any) -> Files:  # noqa: ANN401 - mkdocs'
    """Add the results and their pictures."""
    for path in sorted(RESULTS.iterdir()):
        if path.suffix in {".md", ".png", ".svg", ".json"}:
            files.append(File.generated(config, f"results/{path.name}", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: object) -> str:  # noqa: ANN401
    """Lead links to results to their pages here; name other files."""
    above = page.file.src_uri.count("/")

    def inside(found: re.Match[str]) -> str:
        said, path, part = found["said"], found["path"], found["part"] or ""
        if found["up"].count("../") <= above or page.file.src_uri.startswith("results/"):
            return found[0]
        if path.startswith("benchmarks/results/"):
            return f"[{said}]({'../' * above}results/{Path(path).name}{part})"
        return f"{said} (`{path}`)" if said.strip("`") != path else f"`{path}`"

    return _OUT.sub(inside, markdown)
