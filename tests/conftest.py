"""What all tests share: fixtures, the order in which they run, and what each of several workers may take."""

import os
from pathlib import Path

import hypothesis
import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # before anything loads torch: workers share the machine's cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")

hypothesis.settings.register_profile("shared machine", deadline=None)  # how long an example takes depends on neighbours
hypothesis.settings.load_profile("shared machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, so that workers, who take whole files, end at about the same time."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def place(item: pytest.Item) -> int:
        return 0 if item.get_closest_marker("browser") else 1 if item.path in slow else 2

    items.sort(key=place)


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
