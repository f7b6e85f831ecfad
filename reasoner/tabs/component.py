"""The Walk screen as one Gradio component: constant HTML and JavaScript, fed by one JSON string.

    screen = Screen(value=screen_json(…))
    screen.listen("judge", handler, [name], [mail])       the page's events: OWN_EVENTS

Why a gr.HTML of our own and not gr.Plot: gr.Plot rebuilds its DOM at each value and knows no click. Here a new value
is handed to assets/walk*.js, which own the cursor and redraw only what changed; a handler that does not output the
screen does not touch it. Small answers travel by `Mail`, a hidden component that passes its value on to the page.
"""

import html
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr

from reasoner.figure import plotly_js

ASSETS = Path(__file__).parents[2] / "assets"
STYLES = ("style", "walk", "walk_forms", "walk_more", "walk_explore", "walk_queue", "walk_narrow")
CSS_PATHS = [ASSETS / f"{name}.css" for name in STYLES]
STATIC_PATHS = [plotly_js()]

SCRIPTS = (
    *("", "_graph", "_places", "_ways", "_legend", "_forms", "_steps", "_panel", "_points", "_badges", "_mend"),
    *("_recovery", "_explore", "_tries", "_label", "_list", "_doubt", "_queue", "_help", "_keys", "_start"),
)
"""walk.js and its siblings, in the order in which they are joined into one function."""

OWN_EVENTS = (
    *("judge", "open", "find", "sample", "typed", "explore", "rename"),
    *("points", "extract", "repair", "translate", "doubts", "review"),
    *("stop", "tries", "take"),
    *("queue", "queued", "settle"),
)
"""Events that the page may send. gr.HTML would make an event of every quoted word in the scripts."""

PASS_ON = (
    "const pass = () => props.value && window.dispatchEvent(new CustomEvent('first-pit-mail', {detail: props.value}));"
    "watch('value', pass);"
)


@lru_cache(maxsize=1)
def script() -> str:
    return "\n".join((ASSETS / f"walk{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)


@lru_cache(maxsize=1)
def template() -> str:
    """assets/walk.html, told where plotly.js is. Gradio evaluates templates: nothing else may ever be put in here."""
    text = (ASSETS / "walk.html").read_text(encoding="utf-8")
    return text.replace("PLOTLY_JS", html.escape(plotly_js().as_posix()))


class Screen(gr.HTML):
    """The whole Walk screen."""

    def __init__(self, value: str = "", render: bool = True) -> None:
        super().__init__(
            value,
            html_template=template(),
            js_on_load=script(),
            apply_default_css=False,
            elem_id="walk-screen",
            render=render,  # gradio makes a copy that is not rendered whenever a handler answers gr.skip()
        )

    def __getattr__(self, name: str) -> Any:
        if name in OWN_EVENTS:
            return super().__getattr__(name)
        raise AttributeError(f"The Walk screen has no {name!r}.")


class Mail(gr.HTML):
    """Hands each new value (a JSON string) to the page as the event "first-pit-mail"; shows nothing."""

    def __init__(self, name: str, value: str = "", render: bool = True) -> None:
        super().__init__(
            value,
            html_template="<i></i>",
            js_on_load=PASS_ON,
            elem_id=f"mail-{name}",
            elem_classes=["fp-mail"],
            render=render,
        )

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"A mail has no {name!r}.")
