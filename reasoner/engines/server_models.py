"""Which model the servers have: the same one, or nothing is asked.

found = await servings(endpoints, "Qwen/Qwen3-0.6B", changed)
found.model, found.context
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from reasoner.engines.local_loading import BUILT_IN
from reasoner.engines.server_endpoint import BUSY, CONTEXT, KNOWN_TO_SAMPLE, Endpoint
from reasoner.engines.server_http import Unreachable
from reasoner.engines.server_pace import TRIES
from reasoner.engines.server_replies import Garbled, Refused, error_of
from reasoner.errors import BadInput, EngineError, WorkbenchError

log = logging.getLogger(__name__)

Models = dict[str, dict[str, Any]]


class Serving(NamedTuple):
    """What all servers have in common."""

    model: str  # the name they know it by; empty where none was given and none tells
    context: int  # tokens that prompt and completion may take together, on the smallest of them


async def servings(endpoints: Sequence[Endpoint], given: str, pause: float) -> Serving:
    """The model `given`, or the first that all servers have. Raises EngineError (none answers) and BadInput."""
    answers = await asyncio.gather(*(_models(one, given, pause) for one in endpoints))
    errors = [one for one in answers if isinstance(one, WorkbenchError)]
    if len(errors) == len(endpoints):
        reasons = " ".join(str(error) for error in errors)
        raise (
            errors[0] if len(errors) == 1 else EngineError(f"None of the {len(errors)} servers can be used. {reasons}")
        )
    told: dict[str, Models] = {}
    for endpoint, answer in zip(endpoints, answers, strict=True):
        if isinstance(answer, WorkbenchError):
            endpoint.pace.is_given_up(time.monotonic(), str(answer))
            endpoint.is_checked = False
            log.warning("%s The other servers go on without it; it is tried again later.", answer)
            endpoint.is_known_to_sample = False
        else:
            endpoint.is_known_to_sample = _samples(answer)
            if answer is not None:
                told[endpoint.url] = answer
    model = _common(told, given)
    lengths = [_context(models.get(model, {})) for models in told.values()]
    return Serving(model, min(lengths, default=CONTEXT))


def none_of(reasons: Sequence[str]) -> EngineError:
    """Several servers, and each has its reason why it cannot be used."""
    return EngineError(f"None of the {len(reasons)} servers can be used. " + " ".join(reasons))


def _common(told: dict[str, Models], given: str) -> str:
    """The name that all know. Raises BadInput where there is none."""
    lists = list(told.values())
    if lists and given in ("", BUILT_IN) and not all(given in models for models in lists):
        common = [name for name in lists[0] if all(name in models for models in lists)]
        if common:
            return common[0]
        raise BadInput(f"The servers must have the same model, and these have not: {_listed(told)}")
    knows = [given in models for models in lists]
    if any(knows) and not all(knows):
        raise BadInput(f"Not all servers have {given}: {_listed(told)}. Leave those out that have not.")
    return given


def _listed(told: dict[str, Models]) -> str:
    return "; ".join(f"{url} has {', '.join(models)[:200]}" for url, models in told.items())


def _samples(models: Models | None) -> bool:
    """Is it a server that is known to sample when it is told a temperature?"""
    return models is not None and all(one.get("owned_by") in KNOWN_TO_SAMPLE for one in models.values())


def _context(told: dict[str, Any]) -> int:
    for name in ("max_model_len", "context_length"):
        length = told.get(name)
        if isinstance(length, int) and length > 0:
            return length
    return CONTEXT


async def _models(endpoint: Endpoint, given: str, pause: float) -> Models | WorkbenchError | None:
    """What one server has; None where it does not tell; the error where it cannot be used."""
    error: WorkbenchError = EngineError("")
    for number in range(TRIES):
        if number:
            await asyncio.sleep(pause * 2 ** (number - 1))
        try:
            return await endpoint.models()
        except Unreachable as lost:
            error = EngineError(lost.reason)
        except Garbled as garbled:
            return EngineError(f"The server at {endpoint.url} cannot be used: {garbled}.")
        except Refused as refused:
            error = error_of(refused, endpoint.url, given)
            if refused.status not in BUSY:
                break
    return error
