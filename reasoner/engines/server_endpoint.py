"""One server: what it can do is found out as it is asked, and remembered.

    rows = await endpoint.ask(Ask((prompt,), seed=7, num=4, max_new_tokens=256), sampling)

A fresh question goes to /chat/completions, where the server renders its own template, or to /completions where there
is no chat. A prefix of a solution goes to /completions, which continues any text. A server without it gets a chat that
ends with the unfinished answer, in one of three dialects. Some servers take no notice and begin a new answer, which
would then be judged as if it were a continuation: so each dialect is first tried on half a word.

Also found out: settings it refuses; how many continuations it gives to a request; whether it takes a list of prompts;
whether it gives all continuations of a request the same seed. The last shows as a request whose completions are all
alike: then one is asked for at high temperature, and if those are alike too, each completion has its own request.

`transformers serve` writes greedily, whatever temperature it is told, unless the model's generation_config.json says
"do_sample": k completions would be one, k times. So a server that is not known to sample is first asked three times at
high temperature, and told to sample in transformers' own words if nothing differs.

Not covered: servers that change while they are used, except that they are away for a while; routes that differ from
model to model on one server.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from reasoner.engines.prompts import AskedQuestion, read_prompt
from reasoner.engines.server_asks import Ask
from reasoner.engines.server_http import Connection
from reasoner.engines.server_pace import Pace
from reasoner.engines.server_replies import (
    Garbled,
    NotTogether,
    Refused,
    clean,
    messages_of,
    no_route,
    read_choices,
)
from reasoner.errors import WorkbenchError
from reasoner.records import Completion, Sampling

log = logging.getLogger(__name__)

CONTEXT = 32_768  # tokens, where the server does not tell
BUSY = (408, 429, 502, 503, 504, 529)  # worth another try, later
OPTIONAL = ("n", "seed", "stop", "top_p")  # left out where a server refuses them; never temperature: traces record it

DIALECTS: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
    ({"continue_final_message": True, "add_generation_prompt": False}, {}),  # vLLM, SGLang
    ({}, {"prefix": True}),  # Mistral, DeepSeek
    ({}, {}),  # llama.cpp, and others that go on by themselves
)
"""How a chat is told to continue its last message: (fields of the request, fields of that message)."""
HALF_WORD = ("Write Mississippi three times in one line, nothing else.", "Mississippi Missi", "ssippi")
KNOWN_TO_SAMPLE = ("vllm", "sglang", "llamacpp")  # owners that these servers name in their list of models
SAMPLES = {"generation_config": '{"do_sample": true, "top_k": 0}'}  # what `transformers serve` must be told
ARE_ALIKE = Sampling(num=4, temperature=2.0, max_new_tokens=32)  # drawn where all continuations were the same

Draw = Callable[[Sampling], Awaitable[list[Completion]]]


class NoRoute(Exception):
    """The server has no way to answer this prompt; `error` says so to a person."""

    def __init__(self, error: WorkbenchError) -> None:
        super().__init__(str(error))
        self.error = error


class Endpoint:
    """One model of one server."""

    def __init__(self, connection: Connection, pace: Pace, model: str, is_plain: bool, counts: Counter[str]) -> None:
        """is_plain: see `serves`. counts: what happened, added to."""
        self.url = connection.url
        self.pace = pace
        self.at_once: int | None = None  # completions it gives to one request, where it does not give all
        self.takes_lists: bool | None = None  # None: not tried yet
        self.is_checked = True  # False: it was away when the others were asked for their models
        self.is_known_to_sample = True  # False: it may write the same at any temperature; to be seen
        self._more: dict[str, Any] = {}  # what it must be told in order to sample
        self._connection = connection
        self._counts = counts
        self._gives_all = False  # as many completions as asked for, seen at least once
        self._has_own_seeds = False  # continuations of one request differ
        self._refused: set[str] = set()  # of OPTIONAL
        self._limit_name = "max_tokens"
        self._missing: set[str] = set()  # routes that this server does not have
        self._working: set[str] = set()  # routes that have worked
        self._dialect: int | None = None  # place in DIALECTS, once found
        self._finding = asyncio.Lock()
        self.serves(model, is_plain)

    def serves(self, model: str, is_plain: bool) -> None:
        """From now on ask for this model. is_plain: with bare text, never in a chat."""
        self.model, self._is_plain = model, is_plain
        self._missing = {"chat"} if is_plain else set()

    def starts_anew(self) -> None:
        """In a forked process: nothing of the other's is under way here."""
        self._finding = asyncio.Lock()
        self.pace.in_flight = 0

    async def models(self) -> dict[str, dict[str, Any]] | None:
        """What it serves, by name; None where it does not tell. Raises Unreachable, and Refused for a wrong key."""
        try:
            told = (await self._connection.send("GET", "/models")).get("data")
        except Refused as refused:
            if refused.status in (*BUSY, 401, 402, 403) or refused.is_redirect:
                raise
            return None
        if not isinstance(told, list):
            return None
        return {str(one["id"]): one for one in told if isinstance(one, dict) and "id" in one} or None

    async def close(self) -> None:
        await self._connection.close()

    async def ask(self, ask: Ask, sampling: Sampling) -> list[list[Completion]]:
        """The completions of each prompt, `ask.num` or fewer.

        Raises Refused, Garbled, Unreachable, NoRoute, and NotTogether where the prompts must be asked one by one.
        """
        own = replace(sampling, num=ask.num, seed=ask.seed, max_new_tokens=ask.max_new_tokens)
        if len(ask.prompts) > 1:
            return await self._ask_list(ask, own)
        completions = await self._by_a_route(ask.prompts[0], own)
        if len(completions) == ask.num > 1:
            self._gives_all = True
        elif len(completions) < ask.num:
            self._counts["fewer completions than asked for"] += 1
            if not self._gives_all:
                self.at_once = len(completions)
        return [completions]

    async def _ask_list(self, ask: Ask, sampling: Sampling) -> list[list[Completion]]:
        if self.takes_lists is None:
            async with self._finding:  # others wait until it is known
                if self.takes_lists is None:
                    return await self._try_list(ask, sampling)
        if not self.takes_lists or "completions" in self._missing:
            raise NotTogether
        try:
            return await self._send_list(ask, sampling)
        except Refused as refused:
            if refused.status in BUSY or refused.is_for_every_request:
                raise
            raise NotTogether from refused  # one of the prompts may be too long: the others need not suffer

    async def _try_list(self, ask: Ask, sampling: Sampling) -> list[list[Completion]]:
        """The first list that this server gets. Only as many choices as prompts times n prove that it is understood."""
        if self.at_once is None and ask.num > 1 and not self._gives_all:
            raise NotTogether  # first whether it knows n
        try:
            rows = await self._send_list(ask, sampling)
        except Refused as refused:
            if refused.status in BUSY or refused.is_for_every_request:
                raise
            self.takes_lists = None if refused.is_too_long else False
            raise NotTogether from refused
        except Garbled as garbled:
            self.takes_lists = False
            raise NotTogether from garbled
        self.takes_lists = True
        return rows

    async def _send_list(self, ask: Ask, sampling: Sampling) -> list[list[Completion]]:
        prompts = [clean(prompt) for prompt in ask.prompts]
        whole = len(prompts) * ask.num
        found = await self._request("/completions", {"prompt": prompts}, sampling, whole + 1)
        if len(found) != whole:
            raise Garbled(f"it gave {len(found)} completions for {len(prompts)} prompts and n = {ask.num}")
        return [found[start : start + ask.num] for start in range(0, whole, ask.num)]

    async def _by_a_route(self, prompt: str, sampling: Sampling) -> list[Completion]:
        """Up to `sampling.num` completions by the first of the fitting routes that this server has."""
        asked = read_prompt(prompt)
        refusals: dict[str, Refused] = {}
        for name, draw in self._routes(prompt, asked):
            if name in self._missing:
                continue
            try:
                await self._see_that_it_samples(draw, sampling)
                completions = await draw(sampling)
            except Refused as refused:
                refusals[name] = refused
                is_broken = refused.status >= 500 and refused.status not in BUSY and name not in self._working
                if refused.is_missing_route or is_broken:
                    continue
                raise
            self._working.add(name)
            self._missing |= set(refusals)
            return await self._with_own_seeds(completions, draw, sampling)
        others = [one for one in refusals.values() if not one.is_missing_route]
        if others:
            raise others[0]
        raise NoRoute(no_route(asked, list(refusals.values()), self.url, self.model))

    def _routes(self, prompt: str, asked: AskedQuestion | None) -> list[tuple[str, Draw]]:
        as_text: tuple[str, Draw] = ("completions", lambda sampling: self._complete_text(prompt, sampling))
        if asked and asked.partial:
            return [as_text, ("continued chat", lambda sampling: self._continue_chat(asked, sampling))]
        if asked:
            return [("chat", lambda sampling: self._chat(messages_of(asked), {}, sampling)), as_text]
        return [as_text]

    async def _see_that_it_samples(self, draw: Draw, sampling: Sampling) -> None:
        """Do texts of different seeds differ? If not, do they when the server is told to sample?"""
        if self.is_known_to_sample or sampling.temperature <= 0:
            return
        for more in ({}, SAMPLES):
            self._more = dict(more)
            try:
                hot = [(await draw(replace(ARE_ALIKE, num=1, seed=seed)))[0].text for seed in range(3)]
            except Refused as refused:
                if not more or refused.status in BUSY:
                    raise
                break  # it does not know these words
            if not any(hot):
                return  # nothing is left to write after this prompt: another will tell
            if len(set(hot)) > 1:
                self.is_known_to_sample = True
                return
        self._more, self.is_known_to_sample = {}, True
        log.warning(
            "The server at %s writes the same text at any temperature and with any seed, so that several completions "
            "tell no more than one. Is sampling switched off there?",
            self.url,
        )

    async def _with_own_seeds(self, completions: list[Completion], draw: Draw, sampling: Sampling) -> list[Completion]:
        """The completions, or the first alone where the server is found to have given all of them the same seed."""
        are_alike = len(completions) > 1 and bool(completions[0].text) and len({one.text for one in completions}) == 1
        if not are_alike or self._has_own_seeds or "seed" in self._refused or sampling.temperature <= 0:
            return completions
        if self.at_once != 1:
            hot = await draw(replace(ARE_ALIKE, seed=sampling.seed))
            if len({one.text for one in hot}) > 1:
                self._has_own_seeds = True
                return completions
            self.at_once = 1
            self._counts["servers with one seed for all continuations"] += 1
        return completions[:1]

    async def _complete_text(self, prompt: str, sampling: Sampling) -> list[Completion]:
        return await self._request("/completions", {"prompt": clean(prompt)}, sampling, sampling.num)

    async def _chat(self, messages: list[dict[str, Any]], more: dict[str, Any], sampling: Sampling) -> list[Completion]:
        cleaned = [message | {"content": clean(message["content"])} for message in messages]
        return await self._request("/chat/completions", {"messages": cleaned} | more, sampling, sampling.num)

    async def _continue_chat(self, asked: AskedQuestion, sampling: Sampling) -> list[Completion]:
        """A chat that ends with the unfinished answer, in the dialect that this server was seen to follow."""
        async with self._finding:
            if self._dialect is None:
                self._dialect = await self._find_dialect()
        more, fields = DIALECTS[self._dialect]
        begun = {"role": "assistant", "content": asked.partial} | fields
        return await self._chat([*messages_of(asked), begun], more, sampling)

    async def _find_dialect(self) -> int:
        """The first dialect in which the server finishes a half-written word. Raises Refused when there is none."""
        question, begun, rest = HALF_WORD
        for number, (more, fields) in enumerate(DIALECTS):
            messages = [{"role": "user", "content": question}, {"role": "assistant", "content": begun} | fields]
            try:
                reply = await self._chat(messages, more, Sampling(temperature=0, max_new_tokens=8))
            except Refused as refused:
                if refused.status in (400, 404, 405, 422, 501):
                    continue
                raise
            if reply[0].text.startswith(rest):
                return number
        raise Refused(501, "no dialect continues a partial answer")

    async def _request(self, path: str, body: dict[str, Any], sampling: Sampling, most: int) -> list[Completion]:
        """One request's completions; what the server refuses of OPTIONAL is left out from then on.

        Where prompt and limit together are beyond the context, the limit is what is left of it, as with a local model.
        """
        while True:
            self._counts["requests"] += 1
            try:
                reply = await self._connection.send("POST", path, body | self._settings(sampling))
            except Refused as refused:
                if 0 < refused.room < sampling.max_new_tokens:
                    sampling = replace(sampling, max_new_tokens=refused.room)
                elif refused.status not in (400, 422) or refused.is_too_long or not self._can_leave_out(refused.said):
                    raise
                continue
            choices = read_choices(reply, most, sampling.max_new_tokens, sampling.stop)
            if choices.is_estimated:
                self._counts["replies whose tokens are estimated"] += 1
            return choices.completions

    def _settings(self, sampling: Sampling) -> dict[str, Any]:
        stop = [] if self._is_plain else list(sampling.stop)  # a plain model ends by itself
        wanted = {"n": sampling.num, "seed": sampling.seed, "stop": stop, "top_p": sampling.top_p}
        neutral = {"n": 1, "stop": [], "top_p": 1.0}
        told = {
            name: value for name, value in wanted.items() if value != neutral.get(name) and name not in self._refused
        }
        model = {"model": self.model} if self.model else {}
        more = self._more if sampling.temperature > 0 else {}
        return model | told | more | {"temperature": sampling.temperature, self._limit_name: sampling.max_new_tokens}

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
