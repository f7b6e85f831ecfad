"""A model in this process, by transformers. (Being written.)"""

from reasoner.engines.scripted import ScriptedEngine
from reasoner.errors import EngineError


def load(model: str, adapter: str = "") -> ScriptedEngine:
    raise EngineError("The local engine is not there yet.")
