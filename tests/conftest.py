"""What all tests share: fixtures, the order in which they run, and what each of several workers may take."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from reasoner.store import Store

if "PYTEST_XDIST_WORKER" in os.environ:  # before anything loads torch: workers share the machine's cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")

hypothesis.settings.register_profile("shared machine", deadline=None)  # how long an example takes depends on neighbours
hypothesis.settings.load_profile("shared machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, so that workers, who take whole files, end at about the same time.

    A browser's test that fails is tried once more and named: on a busy machine a click may come too late.
    """
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1))
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


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store(tmp_path / "store.sqlite") as opened:
        yield opened


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """torch adds up in one order, whatever the number of cores."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
