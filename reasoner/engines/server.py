"""Any OpenAI-compatible endpoints, by URL: vLLM, SGLang, llama.cpp, Ollama, `transformers serve`, paid services.

    engine = load("http://127.0.0.1:8000", "Qwen/Qwen3-0.6B")
    engine = load("http://one:8000,http://two:8000")              the same model on both: requests are spread

A key, where one is needed, comes from the environment: FIRST_PIT_API_KEY or OPENAI_API_KEY for all servers, or
FIRST_PIT_API_KEY_2 for the second of them alone. FIRST_PIT_REQUESTS: requests that each server is sent at a time at
most (32); a server that says 429 or 503 gets half as many, and slowly more again (server_pace.py).

What makes it fast: k continuations are one request (`n`), several prompts are one request where the server takes lists
(server_asks.py), connections are kept, and prompts that begin alike go out next to one another, to the same server.
Their common beginning is then computed once by a server that keeps it, which is the default of vLLM
(`--enable-prefix-caching`), of SGLang (radix cache, unless `--disable-radix-cache`) and of llama.cpp (`cache_prompt`;
it needs `--parallel N` to work on N at a time). `transformers serve` keeps nothing, gives one completion a request,
works on one at a time unless started with `--continuous-batching`, and must be told to sample (server_endpoint.py).

Seeds: completion i of seed s is the one of seed s + i with vLLM, whose `n` counts seeds up. SGLang honours seeds only
when started with `--enable-deterministic-inference`; `transformers serve` has one seed for the whole process, which
holds only while nobody else asks (FIRST_PIT_REQUESTS=1).

When something fails for good: a request that no server can answer is put aside until all others are in; then the error
is raised, with the prompts it is about in `error.prompts`. When no server is left, or somebody stops (stopping.py),
what is under way is cancelled at once. Either way the engine keeps what has arrived: whoever asks for it again, the
failed prompts left out or the servers back, gets it without another request.

Not covered: tokens of a prompt are estimated; those of a reply are shared out by length; a stop string that the server
cuts off stays off; sampling that a server adds by itself (top-k, penalties); completions kept after a failure are lost
when the process ends.
"""

import asyncio
import os
import threading
import weakref
from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

from reasoner.engines.prompts import Request, is_plain, knows_tags, plain_prompt, question_prompt
from reasoner.engines.server_asks import Ask, asks_of, is_text, together
from reasoner.engines.server_call import Call, GivenUp
from reasoner.engines.server_endpoint import CONTEXT, Endpoint
from reasoner.engines.server_http import Connection
from reasoner.engines.server_loop import later, wait_for
from reasoner.engines.server_models import Serving, servings
from reasoner.engines.server_pace import PATIENCE, Pace
from reasoner.engines.server_replies import KEYS
from reasoner.errors import BadInput
from reasoner.records import Completion, Maker, Sampling

REQUESTS = 32  # at a time and server. Ours: with lists of prompts, some hundreds of completions
REQUESTS_VARIABLE = "FIRST_PIT_REQUESTS"
MOST_KEPT = 100_000  # completions that a failed call leaves behind


class ServerEngine:
    """One model of one server, or of several."""

    def __init__(
        self,
        urls: str | Sequence[str],
        model: str,
        keys: Sequence[str] = (),
        pause: float = 0.5,
        requests: int = REQUESTS,
        patience: float = PATIENCE,
    ) -> None:
        """urls: each up to and with "/v1". keys: one a server, empty for none. pause, patience: see server_pace.py."""
        urls = [urls] if isinstance(urls, str) else list(urls)
        self.maker = Maker("server", model)
        self.context = CONTEXT
        self.counts: Counter[str] = Counter()  # what happened on the way, by kind: requests, those sent again …
        self.endpoints = [
            Endpoint(
                Connection(url, keys[place] if place < len(keys) else ""),
                Pace(requests, pause, patience),
                model,
                is_plain(model),
                self.counts,
            )
            for place, url in enumerate(urls)
        ]
        self._pause = pause
        self._is_plain = is_plain(model)
        self._knows_tags = knows_tags(model)
        self._changed, self._process = asyncio.Event(), os.getpid()
        self._kept: dict[tuple[object, ...], Completion] = {}  # arrived in calls that failed
        self._keeping = threading.Lock()
        weakref.finalize(self, _close, list(self.endpoints))

    def render(self, question: str, instruction: str, tag: str = "") -> str:
        """The text that stands for the question; for a chat it is taken apart again and rendered by the server."""
        if self._is_plain:
            return plain_prompt(question, tag if self._knows_tags else "")
        return question_prompt(question, instruction)

    def complete(self, prompts: Sequence[str], sampling: Sampling) -> list[list[Completion]]:
        """For each prompt `sampling.num` completions. Raises EngineError and BadInput, as told above."""
        num_drawn = 1 if sampling.temperature <= 0 else sampling.num  # greedy ones are all the same
        distinct = list(dict.fromkeys(prompts))
        requests = [
            Request(prompt, sampling.seed + index, sampling.max_new_tokens)
            for prompt in distinct
            for index in range(num_drawn)
        ]
        drawn = self.complete_each(requests, sampling)
        rows = {prompt: drawn[place * num_drawn :][:num_drawn] for place, prompt in enumerate(distinct)}
        return [(rows[prompt] * sampling.num)[: sampling.num] for prompt in prompts]

    def complete_each(self, requests: Sequence[Request], sampling: Sampling) -> list[Completion]:
        """One completion a request, each with its own seed and limit; those with seeds in a row are one request."""
        if sampling.temperature <= 0:
            first = {(one.prompt, one.max_new_tokens): one for one in reversed(requests)}
            requests = [first[one.prompt, one.max_new_tokens] for one in requests]
        done = self._take_kept(requests, sampling)
        asks = asks_of(one for one in requests if one not in done)
        if asks:
            may_list = any(one.takes_lists is not False for one in self.endpoints)
            places = sum(one.pace.most for one in self.endpoints)
            self._be_here()
            call = Call(self.endpoints, sampling, self._changed, self.counts)
            call.done |= done
            self._run(call, together(asks, places, is_text) if may_list else asks)
            done = call.done
        return [done[one] for one in requests]

    def count_tokens(self, text: str) -> int:
        """An estimate: three characters a token, on the safe side for English and numbers."""
        return len(text) // 3 + 1

    def unknown_words(self, text: str) -> list[str]:
        return []

    def find_model(self, given: str) -> None:
        """Ask which models there are; the first that all serve if none was given. Raises EngineError, BadInput.

        Servers that are away are taken up later, if there is one that is not.
        """
        found: Serving = wait_for(servings(self.endpoints, given, self._pause))
        self.context = found.context
        if found.model != self.maker.model:
            self.maker = Maker("server", found.model)
            self._is_plain, self._knows_tags = is_plain(found.model), knows_tags(found.model)
            for endpoint in self.endpoints:
                endpoint.serves(found.model, self._is_plain)

    def _be_here(self) -> None:
        """What belongs to a process is made anew in a forked one."""
        if self._process != os.getpid():
            self._changed, self._process = asyncio.Event(), os.getpid()
            for endpoint in self.endpoints:
                endpoint.starts_anew()

    def _run(self, call: Call, asks: Sequence[Ask]) -> None:
        try:
            wait_for(call.run(asks))
        except GivenUp as given_up:
            error = given_up.error
            is_told = isinstance(error, BadInput)  # else it is the servers', not the prompt's
        except BaseException:
            self._keep(call)
            raise
        else:
            if not call.failed:
                return
            error, is_told = call.failed[0][1], True
        self._keep(call)
        if is_told:
            error.prompts = tuple(dict.fromkeys(prompt for prompts, _ in call.failed for prompt in prompts))
        raise error

    def _keep(self, call: Call) -> None:
        """Remember what arrived in a call that failed, for whoever asks again."""
        with self._keeping:
            for one, completion in list(call.done.items()):
                self._kept[_key(one, call.sampling)] = completion
            while len(self._kept) > MOST_KEPT:
                self._kept.pop(next(iter(self._kept)))

    def _take_kept(self, requests: Sequence[Request], sampling: Sampling) -> dict[Request, Completion]:
        """What an earlier call brought in before it failed; each is given once."""
        if not self._kept:
            return {}
        with self._keeping:
            found = {one: self._kept.pop(_key(one, sampling), None) for one in dict.fromkeys(requests)}
        return {one: completion for one, completion in found.items() if completion is not None}


def load(servers: str, model: str = "") -> ServerEngine:
    """The engine of one server or of several, as `--server` names them.

    Raises BadInput (not a URL, different models) and EngineError (nothing answers, or a key is wanted).
    """
    urls = addresses(servers)
    engine = ServerEngine(urls, model, [_key_of(number) for number in range(1, len(urls) + 1)], requests=_requests())
    engine.find_model(model)
    return engine


def addresses(servers: str) -> list[str]:
    """The addresses that `--server` names, each up to "/v1" if it has no path of its own. Raises BadInput."""
    urls = []
    for text in filter(None, (part.strip() for part in servers.replace(",", " ").split())):
        url = text.rstrip("/")
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
        if not host or parts.scheme not in ("http", "https"):
            raise BadInput(_no_address(text))
        if parts.username or parts.password or parts.query or parts.fragment:
            raise BadInput(
                f"The address of the server at {host} has more in it than host, port and path: a key belongs into the "
                f"environment, as {KEYS[0]}."
            )
        urls.append(url if parts.path.strip("/") else url + "/v1")
    if not urls:
        raise BadInput(_no_address(servers))
    if len(set(urls)) < len(urls):
        raise BadInput(f"--server names {next(url for url in urls if urls.count(url) > 1)} twice: leave one out.")
    return urls


def _no_address(text: str) -> str:
    return (
        f"{text} is not a server's address: it should look like http://127.0.0.1:8000/v1, and several like "
        "http://one:8000,http://two:8000"
    )


def _key_of(number: int) -> str:
    names = (f"{KEYS[0]}_{number}", *KEYS)
    return next((os.environ[name].strip() for name in names if os.environ.get(name, "").strip()), "")


def _requests() -> int:
    told = os.environ.get(REQUESTS_VARIABLE, str(REQUESTS))
    if not told.isdecimal() or not 1 <= int(told) <= 1024:
        raise BadInput(f"{REQUESTS_VARIABLE} must be a number from 1 to 1024, not {told!r}.")
    return int(told)


def _key(one: Request, sampling: Sampling) -> tuple[object, ...]:
    return (*one, sampling.temperature, sampling.top_p, sampling.stop)


def _close(endpoints: Sequence[Endpoint]) -> None:
    for endpoint in endpoints:
        later(endpoint.close())
