"""Files that a fuzzer made and that once did harm: each is read or refused, soon."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from paretoscope.adapters.files.read import read_image
from paretoscope.errors import ParetoscopeError

FOUND = sorted((Path(__file__).parent / "found").iterdir())


@pytest.mark.timeout(30)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.name)
def test_a_file_that_once_did_harm_is_read_or_refused(path: Path) -> None:
    with suppress(ParetoscopeError):
        assert read_image(path).image.ndim == 2
