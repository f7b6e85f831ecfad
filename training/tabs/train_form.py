"""What a person asks of a run: the form of the Train tab, and the settings it stands for."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from reasoner.store import Store
from reasoner.workbench import Workbench
from training.asking import ask
from training.run_settings import Settings

EXPLORE = 200  # wrong traces explored where nobody has judged. Ours: under a minute on two cores
EVERYBODY = "Everybody's flags and the machine's pits"
PEOPLE = "People's flags only"
MACHINE = "The machine's pits only"
LOSSES = {"DPO": ("sigmoid",), "DPO, holding on to chosen (adds SFT on it)": ("sigmoid", "sft")}


@dataclass(frozen=True)
class Form:
    """What the person has chosen, as the components send it."""

    whose: str
    explore: bool
    epochs: float
    learning_rate: float
    beta: float
    batch: float
    rank: float
    loss: str
    num_problems: float
    seed: float
    from_adapter: bool

    def settings(self, workbench: Workbench) -> Settings:
        """The run's settings within the workbench's bounds; wrong values are refused when it starts."""
        origin, annotator = whose_flags(self.whose)
        return ask(
            workbench,
            self.from_adapter,
            origin=origin,
            annotator=annotator,
            num_explore=num_unexplored(workbench.store) if self.explore and origin != "person" else 0,
            epochs=_number(self.epochs),
            learning_rate=_number(self.learning_rate),
            beta=_number(self.beta),
            batch=int(_number(self.batch)),
            rank=int(_number(self.rank)),
            loss=LOSSES.get(self.loss, ("",)),
            num_problems=int(_number(self.num_problems)),
            seed=int(_number(self.seed)),
        )


def num_unexplored(store: Store) -> int:
    """Wrong traces that nobody has judged or explored, at most EXPLORE."""
    known = {label.trace_id for label in store.labels() if label.kind != "skip"}
    known |= {pit.trace_id for pit in store.pits()}
    num_wrong = sum(row.num_wrong for row in store.find_problems(verdict="wrong", limit=10_000))
    return max(0, min(EXPLORE, num_wrong - len(known)))


def _number(value: Any) -> float:
    """A number box may be empty; minus one is refused everywhere, with the box's name."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else -1.0


def whose_flags(choice: str) -> tuple[str, str]:
    """(origin, annotator) of a choice of the list."""
    if choice == PEOPLE:
        return "person", ""
    if choice == MACHINE:
        return "machine", ""
    if choice.endswith("'s flags only"):
        return "person", choice.removesuffix("'s flags only")
    return "both", ""


def whose_choices(store: Store) -> list[str]:
    """Everybody, people, the machine, and each annotator by name."""
    names = sorted({label.annotator for label in store.labels() if label.kind == "first_wrong"})
    return [EVERYBODY, PEOPLE, MACHINE, *(f"{name}'s flags only" for name in names)]


def build_form() -> list[Any]:
    """The settings most people never change, folded away, in the order of Form's fields."""
    with gr.Accordion("Settings", open=False, elem_id="train-settings"):
        with gr.Row():
            whose = gr.Dropdown([EVERYBODY, PEOPLE, MACHINE], value=EVERYBODY, label="Whose flags")
            explore = gr.Checkbox(
                True, label=f"First explore up to {EXPLORE} wrong traces that nobody has judged", min_width=320
            )
        with gr.Row():
            epochs = gr.Number(Settings.epochs, label="Passes over the pairs", minimum=0.1, info="3: Self-Explore §4.1")
            rate = gr.Number(Settings.learning_rate, label="Learning rate", info="ours, for LoRA")
            beta = gr.Number(Settings.beta, label="Beta", info="pull to the model before; 0.1: Self-Explore §4.1")
        with gr.Row():
            batch = gr.Number(Settings.batch, label="Pairs a step", precision=0, info="ours")
            rank = gr.Number(Settings.rank, label="LoRA rank", precision=0, info="ours")
            loss = gr.Dropdown(list(LOSSES), value=loss_name(Settings.loss), label="Loss")
        with gr.Row():
            problems = gr.Number(Settings.num_problems, label="Held-out problems", precision=0, info="ours")
            seed = gr.Number(0, label="Seed", precision=0)
            adapter = gr.Checkbox(True, label="Go on from the adapter in use, if there is one")
    return [whose, explore, epochs, rate, beta, batch, rank, loss, problems, seed, adapter]


def loss_name(loss: tuple[str, ...]) -> str:
    """The list's words for a loss."""
    return next((name for name, known in LOSSES.items() if known == loss), next(iter(LOSSES)))
