"""The store and the model in use: what every tab, and the programs' interface, work with.

    workbench = Workbench(Store.open_default())
    workbench.warm()              once the page is up: load the model in the background
    workbench.engine()            the engine, loaded at the first call
    workbench.use_adapter(run / "adapter")      from now on the fine-tuned model solves

No heavy library is imported before the engine is asked for.
"""

import threading
from concurrent.futures import Future
from pathlib import Path

from reasoner.engines import BUILT_IN, SCRIPTED, Engine, engine_kind, load_engine
from reasoner.engines.local_loading import adapter_name
from reasoner.engines.prompts import first_pit_settings
from reasoner.errors import WorkbenchError
from reasoner.formats import FORMATS
from reasoner.live import Searches, Stops
from reasoner.space import guest_limits
from reasoner.store import Store

ADAPTER = "adapter"  # setting: folder of the adapter in use
ADAPTER_MODEL = "adapter_model"  # setting: the model that it was put into use with


class Workbench:
    """One store, one model choice, one engine that several threads share."""

    def __init__(self, store: Store, model: str = BUILT_IN, server: str = "", adapter: str | None = None) -> None:
        """`adapter` given here is used until `use_adapter` says otherwise; None: the one the store remembers."""
        self.store = store
        self.model = model
        self.server = server
        self.guest_limits = guest_limits()  # None on one's own machine
        self.searches = Searches()  # explorations under way, whichever page began them
        self.stops = Stops()  # samplings that a page wants stopped
        self._given_adapter = adapter
        self._lock = threading.Lock()
        self._loading: Future[Engine] | None = None
        self._loading_key: tuple[str, str, str] | None = None

    @property
    def adapter(self) -> str:
        """Folder of the adapter in use, empty for the model alone."""
        if self._given_adapter is not None:
            return self._given_adapter
        made_for = self.store.setting(ADAPTER_MODEL)
        if engine_kind(self.model, self.server) != "local" or (made_for and made_for != self.model):
            return ""  # remembered from a session with another model
        return self.store.setting(ADAPTER)

    def use_adapter(self, folder: str | Path | None) -> None:
        """Let the adapter in `folder` solve from now on, in later sessions too; None: the model alone."""
        self._given_adapter = None
        self.store.set_setting(ADAPTER, str(folder or ""))
        self.store.set_setting(ADAPTER_MODEL, self.model if folder else "")

    def engine(self) -> Engine:
        """The engine in use, loaded on the first call and again when the adapter changes.

        Callers that come while it loads wait for the same load. Raises EngineError or BadInput, the same to each of
        them; the next call tries again.
        """
        key = (self.model, self.adapter, self.server)
        with self._lock:
            is_mine = self._loading is None or self._loading_key != key
            if is_mine:
                self._loading, self._loading_key = Future(), key
            loading = self._loading
        assert loading is not None
        if is_mine:
            self._load(loading, key)
        return loading.result()

    def warm(self) -> threading.Thread:
        """Load the engine in the background; a failure is met again, with its message, by who asks for the engine."""
        thread = threading.Thread(target=self._warm, name="warm-up", daemon=True)
        thread.start()
        return thread

    @property
    def is_ready(self) -> bool:
        """Is the engine loaded, so that asking for it takes no time?"""
        with self._lock:
            loading, key = self._loading, self._loading_key
        is_loaded = loading is not None and loading.done() and loading.exception() is None
        return is_loaded and key == (self.model, self.adapter, self.server)

    def formats(self) -> list[str]:
        """Names of the formats that the model can write: a plain model's config.json says which it has learnt."""
        settings = first_pit_settings(self.model)
        told = settings.get("formats") or [settings.get("format")]
        own = [name for name in FORMATS if name in told]
        return own or list(FORMATS)

    def describe(self) -> str:
        """The model in use, for the screen: "built-in solver with adapter run-3"."""
        kind = engine_kind(self.model, self.server)
        if kind == "server":
            where = " and ".join(filter(None, self.server.replace(",", " ").split()))
            return f"{'the model' if self.model in ('', BUILT_IN) else self.model} at {where}"
        if kind == "scripted":
            return f"script {Path(self.model.removeprefix(SCRIPTED)).name}"
        name = "built-in solver" if self.model == BUILT_IN else self.model.rstrip("/").split("/")[-1]
        return f"{name} with adapter {adapter_name(self.adapter)}" if self.adapter else name

    def _load(self, loading: "Future[Engine]", key: tuple[str, str, str]) -> None:
        """Fill `loading`. Whatever goes wrong is handed to every caller that waits, and then forgotten."""
        model, adapter, server = key
        try:
            loading.set_result(load_engine(model, adapter, server))
        except BaseException as error:  # noqa: BLE001  an interrupt, too, must not leave the others waiting for ever
            with self._lock:
                if self._loading is loading:
                    self._loading = self._loading_key = None
            loading.set_exception(error)

    def _warm(self) -> None:
        try:
            self.engine()
        except WorkbenchError:
            return  # whoever asks for the engine gets the message
