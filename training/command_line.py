"""A stage's command line, made from its settings: one option a field, its words and default where the field stands.

@dataclass(frozen=True)
class Args:
    pairs: Annotated[str, "JSONL file of pairs"]                 → --pairs PAIRS (required)
    epochs: Annotated[float, "passes over the pairs"] = 3.0      → --epochs EPOCHS
    loss: Annotated[tuple[str, ...], "loss types"] = ("sigmoid",)  → --loss LOSS [LOSS …]
    resume: Annotated[bool, "go on from a checkpoint"] = False   → --resume, --no-resume
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Settings = TypeVar("Settings")


def add_options(parser: argparse.ArgumentParser, settings: type[Any]) -> None:
    """One option for every field of a frozen dataclass whose fields are Annotated[type, "help"]."""
    hints = get_type_hints(settings, include_extras=True)
    for item in fields(settings):
        kind, words = get_args(hints[item.name])
        option = "--" + item.name.replace("_", "-")
        help_text = words.replace("%", "%%")
        if item.default is MISSING:
            parser.add_argument(option, type=kind, required=True, help=help_text)
        elif kind is bool:
            parser.add_argument(option, action=argparse.BooleanOptionalAction, default=item.default, help=help_text)
        elif get_origin(kind) is tuple:
            shown = " ".join(map(str, item.default))
            element = get_args(kind)[0]
            parser.add_argument(
                option, type=element, nargs="+", default=item.default, help=f"{help_text} (default: {shown})"
            )
        else:
            shown = f" (default: {item.default})" if item.default != "" else ""
            parser.add_argument(option, type=kind, default=item.default, help=help_text + shown.replace("%", "%%"))


def settings_of(settings: type[Settings], parsed: argparse.Namespace) -> Settings:
    """The dataclass that the parsed options describe."""
    values: dict[str, Any] = {}
    for item in fields(settings):  # type: ignore[arg-type]
        value = getattr(parsed, item.name)
        values[item.name] = tuple(value) if isinstance(value, list) else value
    return settings(**values)


def parse(settings: type[Settings], arguments: Sequence[str], prog: str = "") -> Settings:
    """Read `arguments` alone, for tests and programs."""
    parser = argparse.ArgumentParser(prog=prog or None)
    add_options(parser, settings)
    return settings_of(settings, parser.parse_args(arguments))


def options(values: Mapping[str, Any]) -> list[str]:
    """--name value, as `settings_of` reads them."""
    words: list[str] = []
    for name, value in values.items():
        option = "--" + name.replace("_", "-")
        if isinstance(value, bool):
            words.append(option if value else option.replace("--", "--no-", 1))
        elif isinstance(value, list | tuple):
            words += [option, *map(str, value)]
        else:
            words += [option, _text(value)]
    return words


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)
