"""First Pit, the workbench: opens store and engine, composes the tabs Walk · Train · Compare · Data, and launches.

    python app.py                              built-in solver and problems, http://127.0.0.1:7860
    python app.py --model Qwen/Qwen3-0.6B      any other model
    python app.py --help                       the rest

A Hugging Face Space runs this file as it is. It loads no torch: the page is up first, the model follows.
"""

import argparse
import contextlib
import errno
import os
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # gradio reads it when it is imported

import gradio as gr

from reasoner.api import Api
from reasoner.engines import BUILT_IN
from reasoner.engines.server import addresses
from reasoner.errors import WorkbenchError
from reasoner.hub import LabelSync, start_sync
from reasoner.seed import seed
from reasoner.space import has_login, is_space
from reasoner.store import Store
from reasoner.tabs import api, data, walk
from reasoner.workbench import Workbench
from training.api import TrainingApi
from training.run_queue import keep_pumping
from training.tabs import CSS_PATHS as TRAINING_CSS
from training.tabs import compare, exports, train

FIRST_PORT = 7860
SHELL_CSS = Path(__file__).parent / "assets" / "shell.css"
NUM_PORTS = 40  # how many ports after it are tried when none was asked for
WARM_UP_DELAY = 1.5  # seconds after the first page; loading a model at once would slow that page's own drawing


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python app.py",
        description="First Pit: walk a model's reasoning, flag the first wrong step, fine-tune on it, see it gone.",
    )
    add = parser.add_argument
    add("--store", type=Path, metavar="FILE", help="the store (default: REASONER_STORE, else your data folder)")
    add("--model", default="", metavar="M", help="Hugging Face id or folder (default: the built-in solver)")
    add("--adapter", default=None, metavar="DIR", help="LoRA adapter folder on top of the model")
    add("--server", default="", metavar="URL[,URL…]", help="OpenAI-compatible servers that run the model instead")
    add("--host", default=default_host(), help="address to listen on (default: %(default)s)")
    add("--port", type=int, default=None, help=f"port (default: {FIRST_PORT}, or the next free one)")
    add("--no-seed", action="store_true", help="leave an empty store empty: no built-in problems")
    return parser.parse_args(arguments)


def default_host() -> str:
    """This machine alone, except on a Space, whose front door is another machine."""
    return os.environ.get("GRADIO_SERVER_NAME") or ("0.0.0.0" if is_space() else "127.0.0.1")


def is_free(host: str, port: int) -> bool:
    """Can this port be listened on? Raises SystemExit where the address itself is not this machine's."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                advice = "Choose another address: --host 127.0.0.1"
                raise SystemExit(f"Cannot listen on {host}: {error.strerror}. {advice}") from None
            return False
    return True


def choose_port(host: str, asked: int | None) -> int:
    """The port asked for if it is free; the first free one from 7860 on if none was asked for.

    Raises SystemExit with what to do when there is none.
    """
    if asked is not None:
        if not 1 <= asked <= 65535:
            raise SystemExit(f"--port must be from 1 to 65535, not {asked}.")
        if not is_free(host, asked):
            other = asked % 65535 + 1
            raise SystemExit(
                f"Port {asked} on {host} is in use or reserved. Stop what runs there, or choose: --port {other}"
            )
        return asked
    first = int(os.environ.get("GRADIO_SERVER_PORT", FIRST_PORT))
    for port in range(first, first + NUM_PORTS):
        if is_free(host, port):
            return port
    raise SystemExit(f"No port from {first} to {first + NUM_PORTS - 1} is free on {host}. Choose one: --port N")


def open_workbench(arguments: argparse.Namespace) -> Workbench:
    """The store, seeded if it is empty, and the engine, not loaded yet."""
    if arguments.server:
        addresses(arguments.server)  # what is wrong with them is said now, and not when somebody asks for a solution
    store = Store(arguments.store) if arguments.store else Store.open_default()
    if not arguments.no_seed:
        seed(store)
    model = _absolute(arguments.model) or ("" if arguments.server else BUILT_IN)  # a server knows its own models
    adapter = None if arguments.adapter is None else _absolute(arguments.adapter)
    return Workbench(store, model=model, server=arguments.server, adapter=adapter)


def _absolute(name: str) -> str:
    """A folder's whole path, because training runs start elsewhere; a Hugging Face id as it is."""
    return str(Path(name).resolve()) if name and Path(name).is_dir() else name


def build(workbench: Workbench, sync: LabelSync | None = None) -> gr.Blocks:
    """The whole page."""
    with gr.Blocks(title="First Pit", fill_width=True, delete_cache=(3600, 86_400)) as page:
        if has_login():
            gr.LoginButton("Sign in with Hugging Face", size="sm", elem_id="login")
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Walk", id="walk"):
                walk.build(workbench)
            with gr.Tab("Train", id="train"):
                train.build(workbench)
            with gr.Tab("Compare", id="compare"):
                compare.build(workbench)
            with gr.Tab("Data", id="data"):
                data.build(workbench, exports.pair_exports(), sync)
        api.expose(Api(workbench).functions(), slow=api.SLOW)
        api.expose(TrainingApi(workbench).functions())
        page.load(warm_up_later(workbench), show_progress="hidden", api_visibility="private", queue=False)
    return page


def warm_up_later(workbench: Workbench) -> Callable[[], None]:
    """A handler for "a page was opened" that loads the model in the background, a moment after the first one."""
    timer = threading.Timer(WARM_UP_DELAY, workbench.warm)
    timer.daemon = True

    def start() -> None:
        with contextlib.suppress(RuntimeError):  # a timer starts only once: the model is on its way
            timer.start()

    return start


def theme() -> gr.themes.Base:
    """Gradio's own look in our colours; its subdued grey is darkened to a contrast of 4.8 on white."""
    return gr.themes.Default(primary_hue="blue", neutral_hue="slate").set(
        body_text_color_subdued="*neutral_500", body_text_color_subdued_dark="*neutral_400"
    )


def launch(page: gr.Blocks, host: str, port: int, keep_running: bool = True) -> str:
    """Serve `page`; its address. With `keep_running`, returns only when the server is stopped."""
    gr.set_static_paths(walk.STATIC_PATHS)
    _, address, _ = page.launch(
        server_name=host,
        server_port=port,
        share=False,
        theme=theme(),
        css_paths=[*walk.CSS_PATHS, *TRAINING_CSS, SHELL_CSS],
        head=walk.HEAD,
        footer_links=["api", "settings"],
        run_history=False,
        ssr_mode=False,
        mcp_server=True,
        pwa=False,
        prevent_thread_lock=True,
        quiet=True,
        max_file_size="200mb",
    )
    print(f"First Pit is ready: {address}  (Ctrl+C stops it)", flush=True)
    if keep_running:
        page.block_thread()
    return address


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse_arguments(arguments)
    port = choose_port(options.host, options.port)
    try:
        workbench = open_workbench(options)
    except WorkbenchError as error:
        raise SystemExit(str(error)) from None
    page = build(workbench, start_sync(workbench.store))
    keep_pumping(workbench.store.data_folder)  # runs that wait start when their turn comes, with no page open too
    try:
        launch(page, options.host, port)
    except OSError as error:  # another program took the port, or the host is not this machine's
        raise SystemExit(
            f"Cannot listen on {options.host}, port {port}: {error}. Choose others: --host, --port"
        ) from None


if __name__ == "__main__":
    main()
