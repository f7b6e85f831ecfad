"""Any OpenAI-compatible endpoint, by URL: vLLM, SGLang, llama.cpp, Ollama, `transformers serve`, paid services.

    engine = load("http://127.0.0.1:8000", "Qwen/Qwen3-0.6B")

A key, where one is needed, comes from the environment: FIRST_PIT_API_KEY or OPENAI_API_KEY. A fresh question goes to
/chat/completions, where the server renders its own template, or to /completions where there is no chat. A prefix of a
solution goes to /completions, which continues any text. A server without it gets a chat that ends with the unfinished
answer, in one of three dialects. Some servers take no notice and begin a new answer, which would then be judged as if
it were a continuation: so each dialect is first tried on half a word.

Not covered: tokens of a prompt are estimated; a seed is honoured as far as the server does; a stop string that the
server cuts off stays off; sampling that a server adds by itself (top-k, penalties).
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from reasoner.engines.local_loading import BUILT_IN
from reasoner.engines.prompts import (
    AskedQuestion,
    Request,
    is_plain,
    knows_tags,
    plain_prompt,
    question_prompt,
    read_prompt,
)
from reasoner.engines.server_replies import KEYS, Refused, completions_of, error_of, messages_of, no_route
from reasoner.errors import BadInput, EngineError
from reasoner.records import Completion, Maker, Sampling

SECONDS = 180.0  # for one answer. Ours
TRIES = 4  # requests before giving up
LONGEST_WAIT = 60.0  # seconds between two tries, whatever Retry-After says
BUSY = (408, 429, 500, 502, 503, 504, 529)  # worth another try
THREADS = 8  # requests at the same time. Ours
CONTEXT = 32_768  # tokens, where the server does not tell
OPTIONAL = ("n", "seed", "stop", "top_p")  # left out where a server refuses them; never temperature: traces record it

DIALECTS: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
    ({"continue_final_message": True, "add_generation_prompt": False}, {}),  # vLLM, SGLang
    ({}, {"prefix": True}),  # Mistral, DeepSeek
    ({}, {}),  # llama.cpp, and others that go on by themselves
)
"""How a chat is told to continue its last message: (fields of the request, fields of that message)."""
HALF_WORD = ("Write Mississippi three times in one line, nothing else.", "Mississippi Missi", "ssippi")


class ServerEngine:
    """One model of one server."""

    def __init__(self, url: str, model: str, key: str = "", pause: float = 0.5) -> None:
        """url: up to and with "/v1". pause: seconds before the second try, doubled for each further one."""
        self.maker = Maker("server", model)
        self.context = CONTEXT
        self._url = url
        self._pause = pause
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(headers=headers, timeout=httpx.Timeout(SECONDS, connect=10.0))
        self._is_plain = is_plain(model)
        self._knows_tags = knows_tags(model)
        self._refused: set[str] = set()  # of OPTIONAL
        self._limit_name = "max_tokens"
        self._missing: set[str] = {"chat"} if self._is_plain else set()  # routes that this server does not have
        self._working: set[str] = set()  # routes that have worked
        self._dialect: int | None = None  # place in DIALECTS, once found
        self._finding = threading.Lock()

    def render(self, question: str, instruction: str, tag: str = "") -> str:
        """The text that stands for the question; for a chat it is taken apart again and rendered by the server."""
        if self._is_plain:
            return plain_prompt(question, tag if self._knows_tags else "")
        return question_prompt(question, instruction)

    def complete(self, prompts: Sequence[str], sampling: Sampling) -> list[list[Completion]]:
        """For each prompt `sampling.num` completions, several requests at a time. Raises EngineError and BadInput."""
        distinct = list(dict.fromkeys(prompts))
        if not distinct:
            return []
        num_drawn = 1 if sampling.temperature <= 0 else sampling.num  # greedy ones are all the same
        first = self._ask(distinct[0], replace(sampling, num=num_drawn))  # alone: it learns what the server can do
        at_once = max(1, min(len(first), num_drawn))
        tasks = [
            (prompt, replace(sampling, num=min(at_once, num_drawn - start), seed=sampling.seed + start))
            for prompt in distinct
            for start in range(len(first[:num_drawn]) if prompt == distinct[0] else 0, num_drawn, at_once)
        ]
        drawn: dict[str, list[Completion]] = {prompt: [] for prompt in distinct}
        drawn[distinct[0]] += first
        with ThreadPoolExecutor(THREADS) as pool:
            for (prompt, _), answers in zip(tasks, pool.map(lambda task: self._ask(*task), tasks), strict=True):
                drawn[prompt] += answers
        return [(drawn[prompt] * sampling.num)[: sampling.num] for prompt in prompts]

    def complete_each(self, requests: Sequence[Request], sampling: Sampling) -> list[Completion]:
        """One completion a request, each with its own seed and limit, several requests at a time."""
        tasks = [
            (one.prompt, replace(sampling, num=1, seed=one.seed, max_new_tokens=one.max_new_tokens)) for one in requests
        ]
        with ThreadPoolExecutor(THREADS) as pool:
            return [answers[0] for answers in pool.map(lambda task: self._ask(*task), tasks)]

    def count_tokens(self, text: str) -> int:
        """An estimate: three characters a token, on the safe side for English and numbers."""
        return len(text) // 3 + 1

    def unknown_words(self, text: str) -> list[str]:
        return []

    def find_model(self, given: str) -> None:
        """Ask the server which models it has, and take its first if none was given. Raises EngineError."""
        try:
            models = self._send("GET", "/models", None).get("data") or []
        except Refused as refused:
            if refused.status in (401, 403):
                raise error_of(refused, self._url, given) from refused
            models = []  # not every server tells
        known = {str(one["id"]): one for one in models if isinstance(one, dict) and "id" in one}
        if known and given in ("", BUILT_IN) and given not in known:
            self.maker = Maker("server", next(iter(known)))
        told = known.get(self.maker.model, {})
        self.context = int(told.get("max_model_len") or told.get("context_length") or CONTEXT)

    def _ask(self, prompt: str, sampling: Sampling) -> list[Completion]:
        """Up to `sampling.num` completions by the first of the fitting routes that this server has."""
        asked = read_prompt(prompt)
        as_text = ("completions", lambda: self._complete_text(prompt, sampling))
        routes: list[tuple[str, Callable[[], list[Completion]]]] = [as_text]
        if asked and asked.partial:
            routes = [as_text, ("continued chat", lambda: self._continue_chat(asked, sampling))]
        elif asked:
            routes = [("chat", lambda: self._chat(messages_of(asked), {}, sampling)), as_text]
        refusals: dict[str, Refused] = {}
        for name, ask in routes:
            if name in self._missing:
                continue
            try:
                answers = ask()
            except Refused as refused:
                refusals[name] = refused
                if refused.is_missing_route or (refused.status >= 500 and name not in self._working):
                    continue
                raise error_of(refused, self._url, self.maker.model) from refused
            self._working.add(name)
            self._missing |= set(refusals)
            return answers
        raise no_route(asked, list(refusals.values()), self._url, self.maker.model)

    def _complete_text(self, prompt: str, sampling: Sampling) -> list[Completion]:
        return self._request("/completions", {"prompt": prompt}, sampling)

    def _chat(self, messages: list[dict[str, Any]], more: dict[str, Any], sampling: Sampling) -> list[Completion]:
        return self._request("/chat/completions", {"messages": messages} | more, sampling)

    def _continue_chat(self, asked: AskedQuestion, sampling: Sampling) -> list[Completion]:
        """A chat that ends with the unfinished answer, in the dialect that this server was seen to follow."""
        with self._finding:
            if self._dialect is None:
                self._dialect = self._find_dialect()
        more, fields = DIALECTS[self._dialect]
        begun = {"role": "assistant", "content": asked.partial} | fields
        return self._chat([*messages_of(asked), begun], more, sampling)

    def _find_dialect(self) -> int:
        """The first dialect in which the server finishes a half-written word. Raises Refused when there is none."""
        question, begun, rest = HALF_WORD
        for number, (more, fields) in enumerate(DIALECTS):
            messages = [{"role": "user", "content": question}, {"role": "assistant", "content": begun} | fields]
            try:
                [reply] = self._chat(messages, more, Sampling(temperature=0, max_new_tokens=8))
            except Refused as refused:
                if refused.status in (400, 404, 405, 422, 501):
                    continue
                raise
            if reply.text.startswith(rest):
                return number
        raise Refused(501, "no dialect continues a partial answer")

    def _request(self, path: str, body: dict[str, Any], sampling: Sampling) -> list[Completion]:
        """One request's completions; what the server refuses of OPTIONAL is left out from then on."""
        while True:
            try:
                return completions_of(self._send("POST", path, body | self._settings(sampling)), sampling, self._url)
            except Refused as refused:
                if refused.status not in (400, 422) or not self._can_leave_out(refused.said):
                    raise

    def _settings(self, sampling: Sampling) -> dict[str, Any]:
        stop = [] if self._is_plain else list(sampling.stop)  # a plain model ends by itself
        wanted = {"n": sampling.num, "seed": sampling.seed, "stop": stop, "top_p": sampling.top_p}
        neutral = {"n": 1, "stop": [], "top_p": 1.0}
        told = {
            name: value for name, value in wanted.items() if value != neutral.get(name) and name not in self._refused
        }
        model = {"model": self.maker.model} if self.maker.model else {}
        return model | told | {"temperature": sampling.temperature, self._limit_name: sampling.max_new_tokens}

    def _can_leave_out(self, said: str) -> bool:
        """Does the refusal name a setting that can be left out, or renamed?"""
        if "max_completion_tokens" in said and self._limit_name == "max_tokens":
            self._limit_name = "max_completion_tokens"
            return True
        named = [
            name for name in OPTIONAL if name not in self._refused and any(f"{q}{name}{q}" in said for q in "'\"`")
        ]
        self._refused |= set(named)
        return bool(named)

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        """One request, tried again while the server is busy. Raises Refused, or EngineError when nothing answers."""
        for number in range(TRIES):
            is_last = number == TRIES - 1
            wait = self._pause * 2**number
            try:
                response = self._client.request(method, self._url + path, json=body)
            except httpx.TimeoutException as error:
                if is_last:
                    raise EngineError(
                        f"The server at {self._url} does not answer in time: is it overloaded?"
                    ) from error
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                if is_last:
                    raise EngineError(
                        f"Nothing answers at {self._url} ({error}): start the server, or check --server."
                    ) from error
            else:
                if response.is_success:
                    return _json_object(response, self._url)
                if response.status_code not in BUSY or is_last or "insufficient_quota" in response.text:
                    raise Refused(response.status_code, response.text)
                wait = _retry_after(response, wait)
            time.sleep(min(wait, LONGEST_WAIT))
        raise AssertionError("the last try returns or raises")


def load(url: str, model: str = "") -> ServerEngine:
    """The engine of a server. Raises BadInput (not a URL) and EngineError (nothing answers, or it wants a key)."""
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise BadInput(f"{url} is not a server's address: it should look like http://127.0.0.1:8000/v1")
    key = next((os.environ[name] for name in KEYS if os.environ.get(name)), "")
    base = url.strip().rstrip("/")
    engine = ServerEngine(base if parts.path.strip("/") else base + "/v1", model, key)
    engine.find_model(model)
    return engine


def _json_object(response: httpx.Response, url: str) -> dict[str, Any]:
    try:
        found = response.json()
    except ValueError as error:
        raise EngineError(
            f"The server at {url} answered something that is not JSON: is it OpenAI-compatible?"
        ) from error
    if not isinstance(found, dict):
        raise EngineError(f"The server at {url} answered with a {type(found).__name__}: is it OpenAI-compatible?")
    return found


def _retry_after(response: httpx.Response, otherwise: float) -> float:
    """Seconds that the server asks to wait: a number or a date."""
    told = response.headers.get("retry-after", "")
    try:
        return max(0.0, float(told))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(told).timestamp() - time.time())
    except (ValueError, TypeError):
        return otherwise
