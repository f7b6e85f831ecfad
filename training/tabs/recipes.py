"""The Train tab's folded section on recipes: choose one, say on what, see the command line that does the same, start.

A recipe is a run like the others (training/recipe_work.py). Its form is made from its Settings: what every recipe is
asked stands open, the rest is lines of text over a table that says what each is and where its default comes from.
"""

import json
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any

import gradio as gr

from reasoner.errors import BadInput, RunError
from reasoner.workbench import Workbench
from training import recipe_work, run_rules
from training.run_command import recipe_command
from training.run_settings import Settings
from training.tabs.runs import read_lines, text_of
from training.tabs.said import attempt, refused

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
NONE = "the paper's own settings"
MAIN = {
    "model": ("Model", "folder or Hugging Face id"),
    "problems": ("Problems to learn from", "a file, or built-in:LEVEL:NUM:SEED"),
    "held_out": ("Held-out problems", "to measure on; the same forms"),
    "seeds": ("Seeds", "with spaces between"),
}
"""What every recipe is asked: field, title, what to type."""


@dataclass(frozen=True)
class Form:
    """What the person has chosen, as the components send it."""

    recipe: str
    preset: str
    main: tuple[str, ...]  # in the order of MAIN
    more: str  # "name = value" lines

    def asked(self) -> dict[str, Any]:
        """What differs from the preset or the defaults, as JSON values. Raises BadInput."""
        recipe = recipe_work.recipe_of(str(self.recipe))
        preset = "" if self.preset in (NONE, None) else str(self.preset)
        start = recipe_work.defaults(recipe, preset)
        kinds = recipe_work.types_of(recipe.settings)
        typed = {name: value for name, value in zip(MAIN, self.main, strict=True) if name in kinds and value}
        typed |= read_lines(self.more)
        unknown = sorted(typed.keys() - start.keys())
        if unknown:
            raise BadInput(f"{self.recipe} has no setting {unknown[0]!r}.")
        values = {name: recipe_work.convert(name, value, kinds[name]) for name, value in typed.items()}
        differing = {name: value for name, value in values.items() if value != start[name]}
        return ({recipe_work.PRESET: preset} if preset else {}) | differing

    def settings(self) -> Settings:
        """The run's. Raises BadInput where something that must be given is not."""
        settings = Settings(store="", kind="recipe", recipe=str(self.recipe), recipe_settings=json.dumps(self.asked()))
        recipe_work.check(settings)
        return settings


def form_of(*values: Any) -> Form:
    """The form from what its components hold, in their order."""
    recipe, preset, *main, more = values
    return Form(recipe, preset, tuple(str(value or "").strip() for value in main), str(more or ""))


def show_command(*values: Any) -> tuple[str, str, Any]:
    """(command line, what is wrong, start button) for the form as it is."""
    form = form_of(*values)
    try:
        command = recipe_command(form.recipe, form.asked(), form.recipe)
    except BadInput as error:
        return "", refused(error), gr.update(interactive=False)
    try:
        form.settings()
    except BadInput as error:
        return (
            command,
            f'<div class="fp-train"><p class="fp-note">{escape(str(error))}</p></div>',
            gr.update(interactive=False),
        )
    return command, "", gr.update(interactive=True)


def choose(workbench: Workbench, name: str, preset: str | None) -> tuple[Any, ...]:
    """(presets, main fields, more, table) for the recipe that has just been chosen."""
    recipe = recipe_work.recipe_of(str(name))
    presets = list(recipe.presets)
    chosen = preset if preset in (*presets, NONE) else next(iter(presets), NONE)
    start = recipe_work.defaults(recipe, "" if chosen == NONE else str(chosen))
    fields = []
    for field in MAIN:
        value = text_of(start.get(field))
        if field == "model" and not value:
            value = workbench.model
        fields.append(gr.update(value=value, visible=field in start))
    choices = gr.update(choices=[*presets, NONE], value=chosen, visible=bool(presets))
    return choices, *fields, "", settings_html(recipe, start)


def first_choice(workbench: Workbench, name: str, command: str) -> tuple[Any, ...]:
    """The form filled in when the section is unfolded for the first time; nothing later, when something is typed."""
    return (gr.skip(),) * (len(MAIN) + 3) if command else choose(workbench, name, None)


def settings_html(recipe: Any, start: dict[str, Any]) -> str:
    """Every setting that is no main one: its name, its value, and what it is."""
    words = recipe_work.words_of(recipe.settings)
    rows = "".join(
        f"<tr><th><code>{escape(name)}</code></th><td>{escape(text_of(value)) or '–'}</td>"
        f"<td>{escape(words[name])}</td></tr>"
        for name, value in start.items()
        if name not in MAIN
    )
    head = "<tr><th>Setting</th><th>Value</th><th>What it is</th></tr>"
    return f'<div class="fp-train"><table class="fp-recipe"><thead>{head}</thead><tbody>{rows}</tbody></table></div>'


def start(workbench: Workbench, key: object, *values: Any) -> str:
    """Start the recipe as a run; what to say."""

    def work() -> str:
        if run_rules.is_shared(workbench):
            raise RunError(run_rules.TOO_LONG)
        return f"Run {run_rules.start(workbench, form_of(*values).settings(), key)}: its stages are shown above."

    return attempt(work)


def build(workbench: Workbench, key: Any) -> Any:
    """Lay out the section and wire it; the event after which a run may have started. None where there is no recipe."""
    known = recipe_work.known_recipes()
    if not known:
        return None
    with gr.Accordion("Recipes: a paper from start to finish, with controls", open=False, elem_id="recipes") as fold:
        if run_rules.is_shared(workbench):
            gr.HTML(refused(RunError(run_rules.TOO_LONG)), padding=False)
        with gr.Row():
            recipe = gr.Dropdown(
                [(one.words, name) for name, one in known.items()],
                value=next(iter(known)),
                label="Recipe",
                elem_id="recipe-name",
                min_width=260,
                scale=3,
            )
            preset = gr.Dropdown([NONE], value=NONE, label="Settings of", elem_id="recipe-preset", scale=1)
        with gr.Row():
            main = [
                gr.Textbox(label=title, placeholder=words, elem_id=f"recipe-{name.replace('_', '-')}", min_width=200)
                for name, (title, words) in MAIN.items()
            ]
        with gr.Accordion("More settings", open=False, elem_id="recipe-more"):
            more = gr.Textbox(label="Changed settings, one a line", placeholder="num_samples = 8", lines=3)
            table = gr.HTML("", padding=False)
        command = gr.Textbox(
            label="The command line that does the same",
            interactive=False,
            buttons=["copy"],
            lines=2,
            elem_id="recipe-command",
        )
        told = gr.HTML("", elem_id="recipe-said", padding=False)
        button = gr.Button("Start this recipe", size="sm", elem_id="start-recipe", interactive=False)
    form = [recipe, preset, *main, more]
    shown = [command, told, button]
    pick = partial(choose, workbench)
    filled = [preset, *main, more, table]
    recipe.input(lambda name: pick(name, None), recipe, filled, **QUIET).then(show_command, form, shown, **QUIET)
    preset.input(pick, [recipe, preset], filled, **QUIET).then(show_command, form, shown, **QUIET)
    for component in [*main, more]:
        component.change(show_command, form, shown, **QUIET)
    fold.expand(partial(first_choice, workbench), [recipe, command], filled, **QUIET).then(
        show_command, form, shown, **QUIET
    )
    return button.click(partial(start, workbench), [key, *form], told, concurrency_limit=1, **QUIET)
