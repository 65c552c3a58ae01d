"""What a page may do: run its own scripts, show its own pictures, and nothing else.

Every text on a page is escaped. Should one slip through, the browser refuses to run it: a script runs by the
hash of what it says.
"""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256


def scripts_of(template: str, script: str) -> list[str]:
    """What will stand in the scripts of a page, by its template and not by what becomes of it.

    Args:
        template: its source.
        script: what stands in it in the place of `{{ script|safe }}`.
    """
    found: list[str] = re.findall("<script>(.*?)</script>", template, re.DOTALL)
    return [one.replace("{{ script|safe }}", script) for one in found]


def policy(*scripts: str) -> str:
    """A Content Security Policy.

    Args:
        scripts: all that stands between `<script>` and `</script>`, the ends of lines included.
    """
    hashes = [b64encode(sha256(script.encode()).digest()).decode() for script in scripts]
    may_run = " ".join(f"'sha256-{one}'" for one in hashes) or "'none'"
    return (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; media-src data:; "
        f"style-src 'unsafe-inline'; script-src {may_run}"
    )
