"""Any OpenAI-compatible endpoint. (Being written.)"""

from reasoner.engines.scripted import ScriptedEngine
from reasoner.errors import EngineError


def load(url: str, model: str = "") -> ScriptedEngine:
    raise EngineError("The server engine is not there yet.")
