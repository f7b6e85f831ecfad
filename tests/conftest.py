"""Fixtures that several test files share."""

import os
from pathlib import Path

import pytest


def _find_real_data() -> Path | None:
    named = os.environ.get("FIRST_PIT_TEST_DATA")
    if named:
        return Path(named)
    checkout = Path(__file__).resolve().parents[1]
    for folder in sorted(checkout.parent.glob("*/data/gsm8k")):
        return folder.parent
    return None


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets (gsm8k/ …): FIRST_PIT_TEST_DATA, else found beside the checkout."""
    folder = _find_real_data()
    if folder is None or not folder.is_dir():
        pytest.skip("no real data here: name its folder in FIRST_PIT_TEST_DATA")
    return folder
