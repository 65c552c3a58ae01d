"""What holds for all tests: what the project keeps between runs, they keep in a folder of their own.

And plugins that tests write may run.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # whose folder lies in that of all of them
        folder = folder.parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIDEOSSR_CACHE", str(folder / "cache"))
        patch.setenv("VIDEOSSR_PLUGINS_TRUST", str(folder))
        yield
