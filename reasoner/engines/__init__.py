"""Where text comes from. An engine turns prompts into completions; nothing else in the project samples.

engine = load_engine(BUILT_IN)
prompt = engine.render("Ana has 3 coins. …", FORMATS["transitions"].instruction)
[[first, second]] = engine.complete([prompt], Sampling(num=2, seed=7))

scripted    a table of prompts and completions      "scripted:tour.jsonl"
local       transformers, in this process           a folder or a Hugging Face id, with or without an adapter
server      any OpenAI-compatible endpoints         a URL, or several with commas between them
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from reasoner.engines import local, scripted, server
from reasoner.engines.local_loading import BUILT_IN
from reasoner.engines.prompts import Request
from reasoner.errors import BadInput
from reasoner.records import Completion, Maker, Sampling

SCRIPTED = "scripted:"

__all__ = ["BUILT_IN", "ENGINES", "SCRIPTED", "Engine", "Request", "engine_kind", "load_engine"]


class Engine(Protocol):
    """Prompts + sampling → completions.

    Completion i of a call with seed s is the first completion of a call with seed s + i: so a single one of many can be
    drawn again by its own seed. The local and the scripted engine promise it; a server as far as it honours seeds.
    """

    maker: Maker  # where the completions come from; seed and sampling are left open
    context: int  # tokens that prompt and completion may take together

    def render(self, question: str, instruction: str, tag: str = "") -> str:
        """The exact text that the model is given for a question. Ends where a token ends.

        instruction: what a model is told about the format. tag: the one line that says it to the built-in solver.
        """

    def complete(self, prompts: Sequence[str], sampling: Sampling) -> list[list[Completion]]:
        """For each prompt, `sampling.num` completions.

        Raises BadInput for a prompt that fills the context, EngineError when the model or the server fails.
        """

    def complete_each(self, requests: Sequence[Request], sampling: Sampling) -> list[Completion]:
        """One completion a request, drawn with its own seed and limit instead of `sampling`'s. Raises as `complete`."""

    def count_tokens(self, text: str) -> int:
        """How many tokens `text` is; a server's count is an estimate."""

    def unknown_words(self, text: str) -> list[str]:
        """The words of `text` that the model has never met, in their order, each once; empty for open vocabularies."""


ENGINES: dict[str, Callable[[str, str, str], Engine]] = {
    "scripted": lambda model, adapter, url: scripted.load(model.removeprefix(SCRIPTED)),
    "local": lambda model, adapter, url: local.load(model, adapter),
    "server": lambda model, adapter, url: server.load(url, model),
}
"""How each kind of engine is loaded from (model, adapter, server's URL)."""


def engine_kind(model: str, server: str = "") -> str:
    """Which of ENGINES these settings name."""
    if server:
        return "server"
    return "scripted" if model.startswith(SCRIPTED) else "local"


def load_engine(model: str, adapter: str = "", server: str = "") -> Engine:
    """Load the engine that the settings name.

    model: a folder, a Hugging Face id, "scripted:FILE", or the name a server knows the model by (empty: its first).
    adapter: folder of a LoRA adapter of that model, local engine only. server: URL of an OpenAI-compatible endpoint,
    or of several that serve the same model, with commas between them.
    Raises EngineError or BadInput, with words that say what to do next.
    """
    kind = engine_kind(model, server)
    if adapter and kind != "local":
        raise BadInput(f"An adapter works with a local model only, not with {server or model}: leave --adapter out.")
    return ENGINES[kind](model, adapter, server)
