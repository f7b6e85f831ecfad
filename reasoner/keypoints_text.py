"""Key points as models write them, read into a core question and a list.

    read_key_points("Core question: How many coins does Ben have?\\n- Ana has 3 coins.\\n- Ben has 2 more.")
        ReadPoints("How many coins does Ben have?", ("Ana has 3 coins.", "Ben has 2 more."))

Read are: lists with dashes, bullets, numbers or letters; bold and other Markdown; headings such as "Core Question:",
"Information:", "Hints:"; the core question on the line after its heading, or as the last point ("The core question
is: …"); a JSON object, or list, of texts, fenced or not. What follows the list after a blank line is the model's own
reasoning, and is left out.

Source of the shapes: 2 × 1,319 answers of GPT-3.5 and GPT-4 to DUP's requests for GSM8K (arXiv 2404.14963; outputs of
WHU-ZQH/DUP), and the built-in solver's own form.

Not covered: points in running text, several a line.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

MAX_TEXT = 50_000  # characters; more is no list of key points
MAX_POINTS = 60
MAX_POINT = 2_000  # characters

_FENCE = re.compile(r"^\s*```\w*\s*$", re.MULTILINE)
_MARKUP = re.compile(r"\*\*|__|^#{1,6}\s+|`", re.MULTILINE)
_BULLET = re.compile(r"^\s*(?:[-–—*•◦▪‣·]+(?:\s+|(?=[^\s\d.]))|\(?(?:\d{1,2}[.):]+|[a-hA-H][.)])\s+(?=\S))")
_CORE = re.compile(
    r"^(?:\d{1,2}[.)]\s*)?(?:the\s+)?(?:most\s+\w+\s+)?core[\s_-]+(?:question|problem)"
    r"(?:\s+(?:is|asked|here|of the problem))*\s*(?:[:：–-]|is\b)\s*",
    re.IGNORECASE,
)
_HEADING = re.compile(
    r"^(?:the\s+)?(?:key\s+points?|(?:most\s+)?(?:problem[- ]solving|useful|relevant|important|key|given|necessary)?\s*"
    r"(?:information|hints?|facts?|conditions?|details?|data))\b[^:\n]{0,80}[:：]\s*",
    re.IGNORECASE,
)
_JSON_CORE = ("core_question", "core question", "corequestion", "question", "core")


class ReadPoints(NamedTuple):
    """What was read; both empty where nothing could be."""

    core_question: str
    points: tuple[str, ...]


def read_key_points(text: str) -> ReadPoints:
    """The core question and the points of a model's answer. Never raises; empty where there are none."""
    text = _FENCE.sub("", text[:MAX_TEXT]).strip()
    read = _of_json(text) or _of_lines(_MARKUP.sub("", text))
    points = (_clean(point) for point in read.points)
    kept = dict.fromkeys(point for point in points if any(character.isalnum() for character in point))
    return ReadPoints(_clean(read.core_question), tuple(kept)[:MAX_POINTS])


def written(core_question: str, points: Sequence[str]) -> str:
    """The form that the built-in solver writes."""
    return "\n".join([f"Core question: {core_question}", *(f"- {point}" for point in points)])


def _clean(text: str) -> str:
    return " ".join(text.split()).strip().strip('"“”').strip()[:MAX_POINT]


def _of_lines(text: str) -> ReadPoints:
    core, points, plain = "", list[str](), list[str]()
    is_core_due = False
    for line in text.splitlines():
        bullet = _BULLET.match(line)
        body = (line[bullet.end() :] if bullet else line).strip()
        asked = _CORE.match(body)
        if asked:
            core, is_core_due = core or body[asked.end() :], not body[asked.end() :]
        elif is_core_due and body:
            core, is_core_due = body, False
        elif not body:
            if points:
                break  # what stands after the list is reasoning
        elif heading := _HEADING.match(body):
            points += [body[heading.end() :]] if body[heading.end() :] else []
        elif bullet:
            points.append(body)
        elif points and line[:1].isspace() and not bullet:
            points[-1] += f" {body}"  # a point's second line
        else:
            plain.append(body)
    return ReadPoints(*_without_list(core, points, plain))


def _without_list(core: str, points: list[str], plain: list[str]) -> tuple[str, tuple[str, ...]]:
    """A question among lines without bullets is the core question; the other lines are points if nothing else is."""
    if not core:
        core = next((line for line in plain if line.endswith("?")), "")
        plain = [line for line in plain if line != core]
    return core, tuple(points or ([line for line in plain if not line.endswith(":")] if core else []))


def _of_json(text: str) -> ReadPoints | None:
    start = min((place for place in (text.find("{"), text.find("[")) if place >= 0), default=-1)
    if start < 0 or text[:start].strip(" :\n").count("\n") > 2:
        return None
    try:
        value, _ = json.JSONDecoder().raw_decode(text[start:])
    except (ValueError, RecursionError):
        return None
    if isinstance(value, list):
        head = _of_lines(_MARKUP.sub("", text[:start]))
        return ReadPoints(head.core_question, tuple(_texts(value))) if value else None
    fields = {str(key).lower(): inner for key, inner in value.items()}
    core = next((fields[key] for key in _JSON_CORE if isinstance(fields.get(key), str)), "")
    points = [point for inner in fields.values() if isinstance(inner, list) for point in _texts(inner)]
    return ReadPoints(core, tuple(points)) if core or points else None


def _texts(values: list[Any]) -> Iterator[str]:
    """The texts of a JSON list; of an object in it, its texts."""
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from (inner for inner in value.values() if isinstance(inner, str))
