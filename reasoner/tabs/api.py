"""Exposes functions (reasoner.api, training.api) under clear names: for `gradio_client`, over REST, and as MCP tools.

The one thing added here is the edge: an error meant for people becomes a gr.Error with the same words.
"""

import functools
from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.events import api

from reasoner.errors import WorkbenchError

SLOW = ("solve_problem", "find_pit", "translate_trace")  # they sample from the model, which does one thing at a time


def expose(functions: dict[str, Callable[..., Any]], slow: tuple[str, ...] = ()) -> None:
    """Register `functions` by name; those in `slow` wait for each other."""
    for name, function in functions.items():
        if name in slow:
            api(speak(function), api_name=name, concurrency_limit=1, concurrency_id="engine")
        else:
            api(speak(function), api_name=name, concurrency_limit=8)


def speak(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, whose errors for people reach them as words. The signature stays: Gradio reads it."""

    @functools.wraps(function)
    def called(*arguments: Any, **named: Any) -> Any:
        try:
            return function(*arguments, **named)
        except WorkbenchError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return called
