"""The queues as a person meets them: from the shell, from a program, on the Walk screen; and the blind rule."""

import json

import gradio as gr
import pytest

from reasoner.__main__ import main
from reasoner.api import Api
from reasoner.errors import BadInput
from reasoner.records import Trace
from reasoner.review.machine import agreement, how_far, in_words, kappa, table
from reasoner.store import Store
from reasoner.tabs import walk_queue
from reasoner.workbench import Workbench
from tests.test_store_queues import SURE, UNSURE, a_pit, new_trace, said

SECRETS = ("best", "chance", "margin", "machine", "posterior", "person")


@pytest.fixture
def differing(store: Store) -> Trace:
    """Ada says step 2, the machine step 1."""
    trace = new_trace(store)
    store.add_pit(a_pit(trace, 1, SURE))
    store.add_label(said(trace, 2))
    return trace


@pytest.fixture
def doubtful(store: Store) -> Trace:
    """The machine is unsure, and nobody has judged."""
    trace = new_trace(store, 1)
    store.add_pit(a_pit(trace, 1, UNSURE))
    return trace


def shell(store: Store, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["queue", *words, "--store", str(store.path)]) == 0
    return capsys.readouterr().out


# ── in words and numbers ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_contradiction_is_told_with_how_far_and_how_sure(store: Store, differing: Trace) -> None:
    [one] = store.queues.disagreements()
    assert in_words(one) == "ada: step 2; machine: step 1, 1 step earlier, 97 % sure"
    assert [how_far(0, 2), how_far(2, None), how_far(None, 0), how_far(1, 1)] == ["2 steps later", "", "", ""]


def test_kappa_is_cohens() -> None:
    both = {(0, 0): 20, (0, 1): 5, (1, 0): 10, (1, 1): 15}  # the example of every textbook
    from collections import Counter

    assert kappa(Counter(both)) == pytest.approx(0.4)
    assert kappa(Counter({(None, None): 3})) is None
    assert kappa(Counter({(0, 0): 1, (1, 1): 1})) == 1.0


def test_agreement_is_counted_for_each_person_and_all(store: Store) -> None:
    for number, (step, name) in enumerate([(1, "ada"), (1, "ada"), (2, "ada"), (None, "ada"), (1, "bob"), (0, "bob")]):
        trace = new_trace(store, number)
        store.add_pit(a_pit(trace, 1, SURE))
        store.add_label(said(trace, step, name))
    ada, bob, everybody = agreement(store)
    assert (ada["annotator"], ada["num"], ada["exact"]["rate"], ada["within_one"]["rate"]) == ("ada", 4, 0.5, 0.75)
    assert (ada["machine_earlier"], ada["machine_later"], ada["only_person"], ada["only_machine"]) == (1, 0, 0, 1)
    assert 0 < ada["exact"]["low"] < 0.5 < ada["exact"]["high"] < 1
    assert (bob["num"], bob["machine_later"]) == (2, 1)
    assert (everybody["annotator"], everybody["num"]) == ("all", 6)
    assert "50.0 %" in table([ada]) and "judge some" in table([])


# ── from the shell and from programs ─────────────────────────────────────────────────────────────────────────────────


def test_the_shell_lists_settles_and_puts_back(
    store: Store, differing: Trace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"{differing.id}  ada: step 2; machine: step 1" in shell(store, capsys, "disagree")
    assert "left the queue" in shell(store, capsys, "disagree", "--by", "ada", "--keep", differing.id)
    assert shell(store, capsys, "disagree", "--by", "ada").startswith("0 to look at")
    assert differing.id in shell(store, capsys, "disagree", "--kept")
    assert "is not in ada's queue" in shell(store, capsys, "disagree", "--by", "ada", "--keep", differing.id)
    assert "Back in" in shell(store, capsys, "disagree", "--by", "ada", "--put-back", differing.id)
    told = json.loads(shell(store, capsys, "disagree", "--json"))
    assert told["total"] == 1 and told["queue"][0]["machine"] == 1 and told["counts"]["disagree"] == 1
    assert "ada" in shell(store, capsys, "agreement")
    assert json.loads(shell(store, capsys, "agreement", "--json"))["agreement"][0]["num"] == 1


def test_the_shell_shows_what_the_machine_believes_only_when_asked(
    store: Store, doubtful: Trace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "sure" not in shell(store, capsys, "unsure").replace("unsure", "")
    assert "step 1, 45 % sure, margin 0.05" in shell(store, capsys, "unsure", "--show")
    [row] = json.loads(shell(store, capsys, "unsure", "--json"))["queue"]
    assert row["trace_id"] == doubtful.id and not any(secret in key for key in row for secret in SECRETS)
    store.add_pit(a_pit(new_trace(store, 5), 1))
    assert "1 more were explored" in shell(store, capsys, "unsure")


@pytest.mark.parametrize("words", [["--limit", "0"], ["--offset", "-1"], ["--keep", "x"]])
def test_the_shell_refuses_in_words(store: Store, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert main(["queue", "disagree", *words, "--store", str(store.path)]) == 2
    assert capsys.readouterr().err.strip()


def test_programs_list_and_settle_the_same(store: Store, differing: Trace, doubtful: Trace) -> None:
    call = Api(Workbench(store)).functions()
    [one] = call["list_queue"]("disagree", "ada")["traces"]
    assert (one["trace_id"], one["person"], one["machine"], one["step" if "step" in one else "person"]) == (
        differing.id, 2, 1, 2,
    )  # fmt: skip
    listed = call["list_queue"]("unsure", "ada")
    assert [row["trace_id"] for row in listed["traces"]] == [doubtful.id] and listed["counts"]["unsure"] == 1
    assert not any(secret in key for key in listed["traces"][0] for secret in SECRETS)
    assert call["list_queue"]("unsure", "ada", show=True)["traces"][0]["best_step"] == 1
    assert call["keep_label"](differing.id, "ada") == {"is_done": True}
    assert call["list_queue"]("disagree", "ada")["total"] == 0
    assert call["list_queue"]("disagree", "ada", kept=True)["total"] == 1
    assert call["keep_label"](differing.id, "ada", undo=True) == {"is_done": True}
    assert call["compare_with_machine"]()[0]["num"] == 1
    for wrong in ({"queue": "x"}, {"queue": "unsure", "limit": 0}, {"queue": "unsure", "show": "yes"}):
        with pytest.raises(BadInput):
            call["list_queue"](**wrong)
    with pytest.raises(BadInput):
        call["keep_label"]("nowhere", "ada")


# ── on the screen ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_of_the_machines_reaches_the_page_before_the_person_has_judged(store: Store, doubtful: Trace) -> None:
    asked = {"queue": "unsure", "offset": 0, "trace": doubtful.id}
    page = walk_queue.page(store, "ada", asked)
    assert page["here"] is None and page["total"] == 1 and page["counts"]["unsure"] == 1
    assert set(page["rows"][0]) == {"problem", "trace", "question", "source", "num_steps"}
    assert walk_queue.place(store, "ada", {"queue": "unsure"}) == (doubtful.problem_id, doubtful.id, None)
    assert walk_queue.place(store, "ada", {"queue": "unsure", "trace": doubtful.id})[2] is None  # type: ignore[index]
    store.add_label(said(doubtful, 0))
    after = walk_queue.page(store, "ada", asked)
    assert after["total"] == 0 and "not judged" in after["message"]
    assert (after["here"]["machine"], after["here"]["chance"], after["here"]["person"]) == (1, 0.45, 0)
    assert walk_queue.page(store, "bob", asked)["here"] is None


def test_a_contradiction_opens_at_the_earlier_of_both_steps(store: Store, differing: Trace) -> None:
    place = (differing.problem_id, differing.id, 1)
    assert walk_queue.place(store, "ada", {"queue": "disagree"}) == place
    assert walk_queue.place(store, "ada", {"queue": "disagree", "trace": differing.id}) == place
    assert walk_queue.place(store, "bob", {"queue": "disagree"}) is None


def test_keeping_and_putting_back_are_said_and_counted(store: Store, differing: Trace) -> None:
    workbench, asked = Workbench(store), {"queue": "disagree", "trace": differing.id}
    [(mail,)] = walk_queue.settled(workbench, "ada", asked)
    assert mail["settled"] and mail["counts"]["disagree"] == 0 and mail["here"]["is_kept"]
    [row] = walk_queue.page(store, "ada", {"queue": "disagree", "offset": 0, "kept": True})["rows"]
    assert row["is_kept"] and row["trace"] == differing.id
    [(mail,)] = walk_queue.settled(workbench, "ada", {**asked, "undo": True})
    assert not mail["settled"] and mail["counts"]["disagree"] == 1 and not mail["here"]["is_kept"]


def test_an_empty_queue_leaves_the_trace_on_screen(store: Store) -> None:
    [(screen, mail)] = walk_queue.opened(Workbench(store), "ada", {"queue": "unsure"})
    assert screen == gr.skip() and mail["is_here"] and "unsure of no trace" in mail["message"]


def test_what_is_opened_comes_with_its_comparison(store: Store, differing: Trace) -> None:
    [(screen, mail)] = walk_queue.opened(Workbench(store), "ada", {"queue": "disagree"})
    assert json.loads(screen)["focus"] == {"trace": differing.id, "step": 1}
    assert mail["here"]["trace"] == mail["opened"] == differing.id and mail["counts"]["disagree"] == 1


def test_only_counts_are_told_while_no_queue_is_open(store: Store, differing: Trace) -> None:
    assert set(walk_queue.page(store, "ada", {"queue": ""})) == {"counts", "here", "about", "read"}


def test_an_answer_names_its_trace_and_when_it_was_read(store: Store, differing: Trace, doubtful: Trace) -> None:
    """Two lanes answer: the page tells by these which of two answers is newer, and what each is about."""
    asked = {"queue": "disagree", "offset": 0, "trace": doubtful.id}
    [(first,)] = walk_queue.listed(Workbench(store), "ada", asked)
    [(_, second)] = walk_queue.opened(Workbench(store), "ada", asked | {"trace": ""})
    [(_, third)] = walk_queue.opened(Workbench(store), "bob", {"queue": "disagree"})
    assert (first["about"], second["about"]) == (doubtful.id, differing.id)
    assert first["read"] <= second["read"] <= third["read"]


@pytest.mark.parametrize(
    "asked", [{"queue": "x"}, {"queue": 3}, {"queue": "unsure", "offset": -1}, {"queue": "unsure", "offset": "0"}]
)
def test_a_forged_event_is_refused_in_words(store: Store, asked: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        walk_queue.page(store, "ada", asked)
    with pytest.raises(BadInput):
        walk_queue.place(store, "ada", {"queue": "unsure", "trace": "nowhere"})
