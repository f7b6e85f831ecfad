"""The server engine, against a double that misbehaves on request and against a real `transformers serve`."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

from reasoner.engines import BUILT_IN, load_engine
from reasoner.engines.prompts import question_prompt
from reasoner.engines.server import ServerEngine, load
from reasoner.engines.server_http import Connection
from reasoner.engines.server_loop import wait_for
from reasoner.engines.server_replies import Refused
from reasoner.errors import BadInput, EngineError
from reasoner.explore import explore
from reasoner.formats import FORMATS
from reasoner.records import Completion, Sampling, make_problem
from reasoner.solve import solve
from tests.fake_server import FakeServer, Reply, chat_reply, completion_of, text_reply
from tests.tiny_model import QUESTION, make_model

PROMPT = question_prompt("How much is 3 + 2?", "Think.")


@pytest.fixture
def double() -> Iterator[FakeServer]:
    server = FakeServer()
    yield server
    server.close()


def engine(double: FakeServer, model: str = "m", **settings: Any) -> ServerEngine:
    return ServerEngine(double.url + "/v1", model, pause=0.001, **settings)


def ask(engine: ServerEngine, prompt: str = PROMPT, **sampling: Any) -> list[Completion]:
    [completions] = engine.complete([prompt], Sampling(**sampling))
    return completions


def test_a_fresh_question_is_a_chat(double: FakeServer) -> None:
    double.answers = lambda path, body: chat_reply("It is 5.", "It is 6.", tokens=9)
    first, second = ask(engine(double), num=2, seed=7, temperature=0.9, top_p=0.8, max_new_tokens=99, stop=("Q:",))
    [(path, body)] = double.seen
    assert path == "/v1/chat/completions"
    assert body == {
        "model": "m",
        "messages": [{"role": "user", "content": "How much is 3 + 2?\n\nThink."}],
        "n": 2,
        "seed": 7,
        "stop": ["Q:"],
        "top_p": 0.8,
        "temperature": 0.9,
        "max_tokens": 99,
    }
    assert (first, second) == (Completion("It is 5.", 5, True), Completion("It is 6.", 4, True))


def test_a_cut_answer_is_unfinished_and_no_content_is_empty(double: FakeServer) -> None:
    double.answers = lambda path, body: chat_reply("It is", finish="length")
    assert not ask(engine(double))[0].is_finished
    double.answers = lambda path, body: (200, {"choices": [{"message": {"content": None}, "finish_reason": "stop"}]})
    assert ask(engine(double)) == [Completion("", 0, True)]


def test_a_prefix_is_continued_as_text(double: FakeServer) -> None:
    double.answers = lambda path, body: text_reply("The answer is 5.")
    ask(engine(double), PROMPT + "3 + 2 = 5\n")
    assert double.seen[0][0] == "/v1/completions"
    assert double.seen[0][1]["prompt"] == PROMPT + "3 + 2 = 5\n"


def test_a_server_without_chat_is_given_text(double: FakeServer) -> None:
    refusals: list[Reply] = [
        (404, {"detail": "Not Found"}),
        (405, b"no"),
        (400, {"error": {"message": "you must provide a chat template"}}),
        (500, b"Internal Server Error"),
    ]
    for refusal in refusals:
        double.seen.clear()
        double.answers = lambda path, body, refusal=refusal: refusal if "chat" in path else text_reply("5")
        one = engine(double)
        assert ask(one)[0].text == "5"
        ask(one)
        assert [path for path, _ in double.seen][-2:] == ["/v1/completions"] * 2  # it is not asked for a chat again


def chat_only(continues: Callable[[dict[str, Any]], bool]) -> Callable[[str, dict[str, Any]], Reply]:
    """A server without /completions that goes on with a partial answer when `continues(body)`."""

    def answers(path: str, body: dict[str, Any]) -> Reply:
        if path == "/v1/completions":
            return 404, {"error": {"message": "This is a chat model and not supported in the v1/completions endpoint."}}
        last = body["messages"][-1]
        if last["role"] == "user":
            return chat_reply("3 + 2 = 5")
        if not continues(body):
            return chat_reply(last["content"] + " from the start")
        return chat_reply("ssippi Mississippi" if last["content"].endswith("Missi") else "going on")

    return answers


def test_a_chat_continues_a_partial_answer_in_the_dialect_it_is_seen_to_follow(double: FakeServer) -> None:
    dialects: list[Callable[[dict[str, Any]], bool]] = [
        lambda body: body.get("continue_final_message") is True and body["add_generation_prompt"] is False,
        lambda body: body["messages"][-1].get("prefix") is True,
        lambda body: "continue_final_message" not in body and "prefix" not in body["messages"][-1],
    ]
    for number, dialect in enumerate(dialects):
        double.seen.clear()
        double.answers = chat_only(dialect)
        one = engine(double)
        assert ask(one, PROMPT + "3 + 2")[0].text == "going on"
        assert ask(one, PROMPT + "3 + 2", seed=1)[0].text == "going on"
        assert len(double.bodies("/v1/completions")) == 1
        chats = double.bodies("/v1/chat/completions")
        assert len(chats) == number + 1 + 2  # the dialect is looked for once
        assert chats[-1]["messages"][-1]["content"] == "3 + 2"


def test_a_chat_that_begins_a_new_answer_is_not_taken_for_a_continuation(double: FakeServer) -> None:
    double.answers = chat_only(lambda body: False)
    one = engine(double)
    assert ask(one)[0].text == "3 + 2 = 5"
    for _ in range(2):
        with pytest.raises(EngineError, match="cannot continue a partial answer"):
            ask(one, PROMPT + "3 + 2\n")


def test_servers_that_know_no_n_are_asked_one_by_one(double: FakeServer) -> None:
    double.answers = lambda path, body: text_reply(f"seed {body.get('seed', 0)}")
    completions = engine(double).complete([PROMPT + "a\n", PROMPT + "b\n"], Sampling(num=5, seed=10))
    expected = [f"seed {seed}" for seed in range(10, 15)]
    assert [[one.text for one in row] for row in completions] == [expected, expected]
    assert len(double.seen) == 10


def test_settings_that_a_server_refuses_are_left_out_from_then_on(double: FakeServer) -> None:
    def answers(path: str, body: dict[str, Any]) -> Reply:
        for name in ("n", "seed"):
            if name in body:
                return 400, {"error": {"message": f"Unsupported parameter: '{name}'"}}
        if "max_tokens" in body:
            return 400, {"error": {"message": "Use 'max_completion_tokens' instead of 'max_tokens'."}}
        return chat_reply("5")

    double.answers = answers
    one = engine(double)
    assert [completion.text for completion in ask(one, num=3, seed=2)] == ["5"] * 3
    assert set(double.seen[-1][1]) == {"model", "messages", "temperature", "max_completion_tokens"}
    num_requests = len(double.seen)
    ask(one, num=1, seed=9)
    assert len(double.seen) == num_requests + 1


@pytest.mark.parametrize(
    "said",
    [
        "'max_tokens' or 'max_completion_tokens' is too large: 64. This model's maximum context length is 4096 tokens "
        "and your request has 4056 input tokens (64 > 4096 - 4056).",
        "This model's maximum context length is 4096 tokens. However, you requested 4120 tokens (4056 in the messages, "
        "64 in the completion).",
        "Requested token count exceeds the model's maximum context length of 4096 tokens. You requested a total of "
        "4120 tokens: 4056 tokens from the input messages and 64 tokens for the completion.",
    ],
)
def test_near_the_end_of_the_context_the_limit_is_what_is_left(double: FakeServer, said: str) -> None:
    def answers(path: str, body: dict[str, Any]) -> Reply:
        return (400, {"error": {"message": said}}) if body.get("max_tokens", 0) > 40 else text_reply("5")

    double.answers = answers
    one = engine(double)
    assert ask(one, "long", max_new_tokens=64)[0].text == "5"
    assert [body["max_tokens"] for _, body in double.seen] == [64, 40]
    ask(one, "short", max_new_tokens=30)
    assert double.seen[-1][1]["max_tokens"] == 30  # and the name of the limit is as it was


def test_a_temperature_is_never_left_out(double: FakeServer) -> None:
    double.answers = lambda path, body: (400, {"error": {"message": "Unsupported value: 'temperature'"}})
    with pytest.raises(EngineError, match="'temperature'"):
        ask(engine(double))


def test_greedy_completions_are_asked_for_once(double: FakeServer) -> None:
    double.answers = lambda path, body: chat_reply("5")
    assert len(ask(engine(double), num=4, temperature=0)) == 4
    assert len(double.seen) == 1 and "n" not in double.seen[0][1]


def test_a_stop_string_that_the_server_ignores_ends_the_text_anyway(double: FakeServer) -> None:
    double.answers = lambda path, body: chat_reply("It is 5.\nQuestion: and now?")
    assert ask(engine(double), stop=("\nQuestion:",))[0].text == "It is 5.\nQuestion:"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
def test_a_busy_server_is_asked_again(double: FakeServer, status: int) -> None:
    left = [status, status, status]
    double.answers = lambda path, body: (left.pop(), b"busy") if left else chat_reply("5")
    assert ask(engine(double))[0].text == "5"
    assert len(double.seen) == 4


def test_a_server_that_stays_busy_is_reported(double: FakeServer) -> None:
    for status, says in ((429, r"no more requests.*FIRST_PIT_REQUESTS.*slow down"), (503, r"status 503.*slow down")):
        double.seen.clear()
        double.answers = lambda path, body, status=status: (status, {"error": "slow down"})
        with pytest.raises(EngineError, match=says):
            ask(engine(double, patience=0.0))
        assert len(double.seen) == 4


def test_an_empty_purse_is_not_asked_again(double: FakeServer) -> None:
    double.answers = lambda path, body: (429, {"error": {"code": "insufficient_quota"}})
    with pytest.raises(EngineError, match="insufficient_quota"):
        ask(engine(double))
    assert len(double.seen) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ("-3", 0.0), ("soon", None), ("", None), ("nan", None), ("date", 20.0)],
)
def test_the_wait_that_a_server_asks_for_is_read(double: FakeServer, header: str, seconds: float | None) -> None:
    told = formatdate(time.time() + 20, usegmt=True) if header == "date" else header
    double.answers = lambda path, body: (429, b"", {"retry-after": told})
    with pytest.raises(Refused) as refused:
        wait_for(Connection(double.url).send("POST", "/v1/completions", {}))
    assert refused.value.retry_after == (seconds if seconds is None else pytest.approx(seconds, abs=1.5))


def test_the_wait_that_a_server_asks_for_is_kept(double: FakeServer) -> None:
    times: list[float] = []

    def answers(path: str, body: dict[str, Any]) -> Reply:
        times.append(time.monotonic())
        return (429, b"", {"retry-after": "0.3"}) if len(times) == 1 else chat_reply("5")

    double.answers = answers
    assert ask(engine(double))[0].text == "5"
    assert times[1] - times[0] >= 0.3


@pytest.mark.parametrize(
    "garbage",
    [b"", b"<html>hello</html>", b"[]", b"3", b"{}", b'{"choices": 3}', b'{"choices": []}', b'{"choices": [{}]}',
     b'{"choices": [{"message": 3}]}', b'{"choices": [null]}', b'{"choices": [{"text": 5}]}', b"\xff\xfe\x00",
     b'{"choices": [{"message": {"content": [5]}}]}', b"[" * 100_000, b'{"choices": [{"text": "5"'],
)  # fmt: skip
def test_garbage_is_an_error_that_says_so(double: FakeServer, garbage: bytes) -> None:
    double.answers = lambda path, body: (200, garbage)
    with pytest.raises(EngineError, match=r"OpenAI-compatible|no completion at all"):
        ask(engine(double))
    assert len(double.seen) == 4  # it may have been one bad moment


@pytest.mark.parametrize(
    "count",
    [b"-5", b"1e999", b"NaN", b"Infinity", b"1" * 400, b'"many"', b"true", b"null", b"[]", b"99999999", b"0", b"1e308"],
)
def test_a_count_of_tokens_that_cannot_be_is_estimated(double: FakeServer, count: bytes) -> None:
    for usage in (b'{"completion_tokens": ' + count + b"}", count):
        reply = b'{"choices": [{"message": {"content": "It is 5, is it?"}, "finish_reason": "stop"}], "usage": '
        double.answers = lambda path, body, raw=reply + usage + b"}": (200, raw)
        one = engine(double)
        assert ask(one) == [Completion("It is 5, is it?", 5, True)]
        assert one.counts["replies whose tokens are estimated"] == 1


def test_text_that_cannot_be_written_down_is_mended(double: FakeServer) -> None:
    double.answers = lambda path, body: (200, b'{"choices": [{"text": "5 \\ud800 \\u0000"}]}')
    assert ask(engine(double), "half \ud800 a pair")[0].text.encode() == b"5 ? \x00"
    assert double.seen[0][1]["prompt"] == "half ? a pair"


@pytest.mark.parametrize("fault", ["cut", "html", "error"])
def test_one_bad_moment_is_passed_over(double: FakeServer, fault: str) -> None:
    faults: dict[str, Reply] = {
        "cut": (200, b'{"choices": [{"text": "5"}]}', {"x-cut": "12"}),
        "html": (200, b"<html><body>502 Bad Gateway</body></html>"),
        "error": (200, {"error": {"message": "CUDA out of memory", "code": 500}}),
    }
    left = [faults[fault]]
    double.answers = lambda path, body: left.pop() if left else text_reply("5")
    one = engine(double)
    assert ask(one, "3 + 2")[0].text == "5"
    assert len(double.seen) == 2 and one.counts["requests sent again"] == 1


def test_an_error_in_the_clothes_of_an_answer_is_a_refusal(double: FakeServer) -> None:
    said = {"message": "This model's maximum context length is 4096 tokens", "code": 400}
    double.answers = lambda path, body: (200, {"error": said})
    with pytest.raises(BadInput, match="shorten it"):
        ask(engine(double))
    double.answers = lambda path, body: (200, {"error": "the worker died"})
    with pytest.raises(EngineError, match="the worker died"):
        ask(engine(double))


def test_an_answer_without_end_is_not_read_to_it(double: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reasoner.engines.server_http.MOST_BYTES", 1000)
    double.answers = lambda path, body: chat_reply("5" * 2000)
    with pytest.raises(EngineError, match="longer than"):
        ask(engine(double))


def test_a_redirect_is_not_followed_and_what_it_holds_not_shown(double: FakeServer) -> None:
    double.answers = lambda path, body: (307, b"", {"location": "http://elsewhere.example/v1?token=secret"})
    with pytest.raises(EngineError, match=r"sends its visitors on to http://elsewhere\.example, .*--server") as raised:
        ask(engine(double))
    assert "secret" not in str(raised.value) and len(double.seen) == 1


def test_a_key_that_the_server_repeats_is_not_shown(double: FakeServer) -> None:
    double.answers = lambda path, body: (401, {"error": "Incorrect API key provided: sk-secret"})
    with pytest.raises(EngineError, match="valid key") as raised:
        ask(ServerEngine(double.url + "/v1", "m", ["sk-secret"], pause=0.001))
    assert "sk-secret" not in str(raised.value)
    assert double.headers[0]["authorization"] == "Bearer sk-secret"


@pytest.mark.parametrize(
    ("status", "said", "error", "says"),
    [
        (401, "bad key", EngineError, "FIRST_PIT_API_KEY"),
        (403, "not yours", EngineError, "OPENAI_API_KEY"),
        (404, "The model `m` does not exist", EngineError, "check --model"),
        (400, "maximum context length is 4096 tokens", BadInput, "shorten it"),
        (400, "something else", EngineError, "something else"),
        (302, "moved", EngineError, "not followed"),
    ],
)
def test_a_refusal_says_what_to_do(
    double: FakeServer, status: int, said: str, error: type[Exception], says: str
) -> None:
    double.answers = lambda path, body: (status, {"error": {"message": said}})
    with pytest.raises(error, match=says):
        ask(engine(double))
    assert len(double.seen) == 1


def test_a_server_that_hangs_up_or_is_not_there(double: FakeServer) -> None:
    double.close()
    with pytest.raises(EngineError, match=r"Nothing answers at .*--server"):
        ask(engine(double))


def test_a_server_that_takes_too_long(double: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reasoner.engines.server_http.SECONDS", 0.05)
    over = threading.Event()
    double.answers = lambda path, body: (200, {"waited": over.wait(5)})
    with pytest.raises(EngineError, match="does not answer in time"):
        ask(engine(double))
    over.set()


def test_the_key_comes_from_the_environment(double: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    double.answers = lambda path, body: (200, {"data": [{"id": "m"}]})
    monkeypatch.delenv("FIRST_PIT_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    load(double.url)
    monkeypatch.setenv("OPENAI_API_KEY", "one")
    load(double.url)
    monkeypatch.setenv("FIRST_PIT_API_KEY", "two")
    load(double.url)
    keys = [one.get("authorization") for one in double.headers]
    assert keys == [None, "Bearer one", "Bearer two"]


def test_a_model_that_is_not_named_is_the_servers_first(double: FakeServer) -> None:
    double.answers = lambda path, body: (200, {"data": [{"id": "served", "max_model_len": 4096}, {"id": "other"}]})
    for given, taken, context in (("", "served", 4096), (BUILT_IN, "served", 4096), ("other", "other", 32_768)):
        engine = load_engine(given, server=double.url + "/v1/")
        assert (engine.maker.engine, engine.maker.model, engine.context) == ("server", taken, context)
    assert {path for path, _ in double.seen} == {"/v1/models"}


def test_the_built_in_solvers_way_of_asking_is_not_taken_for_another_model(double: FakeServer) -> None:
    double.answers = lambda path, body: (200, {"data": [{"id": "served", "owned_by": "vllm"}]})
    one = load_engine(BUILT_IN, server=double.url)
    assert one.render("How much is 3 + 2?", "Think.") == PROMPT
    double.answers = lambda path, body: chat_reply("5")
    assert one.complete([PROMPT], Sampling())[0][0].text == "5"
    assert double.seen[-1][0] == "/v1/chat/completions"


def test_a_server_that_does_not_tell_its_models_is_used_all_the_same(double: FakeServer) -> None:
    assert load(double.url, "m").maker.model == "m"
    double.answers = lambda path, body: text_reply("5") if path == "/v1/completions" else (404, b"")
    engine = load(double.url)
    assert ask(engine)[0].text == "5"
    assert "model" not in double.seen[-1][1]


def test_a_wrong_key_is_reported_at_once(double: FakeServer) -> None:
    double.answers = lambda path, body: (401, b"who are you")
    with pytest.raises(EngineError, match="valid key"):
        load(double.url, "m")


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://host", "file:///etc/passwd", "http://"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(BadInput, match="not a server's address"):
        load(url, "m")


def test_several_prompts_are_asked_at_the_same_time(double: FakeServer) -> None:
    together = threading.Barrier(4, timeout=10)

    def answers(path: str, body: dict[str, Any]) -> Reply:
        if body["prompt"] != PROMPT + "0\n":  # the first goes alone
            together.wait()
        return text_reply(body["prompt"][-2])

    double.answers = answers
    prompts = [f"{PROMPT}{number}\n" for number in range(5)]
    assert [row[0].text for row in engine(double).complete(prompts, Sampling())] == list("01234")


def test_one_failure_among_many_is_told(double: FakeServer) -> None:
    double.answers = lambda path, body: (401, b"") if body["prompt"].endswith("3\n") else text_reply("5")
    with pytest.raises(EngineError, match="key"):
        engine(double).complete([f"{PROMPT}{number}\n" for number in range(5)], Sampling())
    assert engine(double).complete([], Sampling()) == []


def test_words_and_code_are_written_in_turns_with_a_server_that_cuts_its_stop_strings_off(double: FakeServer) -> None:
    def answers(path: str, body: dict[str, Any]) -> Reply:
        if path != "/v1/chat/completions":
            return 404, {"detail": "Not Found"}
        if "Mississippi" in body["messages"][0]["content"]:
            return chat_reply("ssippi")
        if body["messages"][-1]["role"] == "user":
            assert "</code>" in body["stop"]
            return chat_reply("Ben's coins\n<code>\n41 + 26")
        begun = body["messages"][-1]["content"]
        assert begun == "Ben's coins\n<code>\n41 + 26\n</code>\nOutput: 67\n"
        return chat_reply(f"Final Answer: 67, of seed {body['seed']}")

    double.answers = answers
    format = FORMATS["text_code"]
    problem = make_problem("Ana has 41 coins. Ben has 26 more. How many has Ben?", "67", "test")
    traces = list(solve(engine(double), problem, "text_code", format.sampling(num=2, seed=7)))
    assert [trace.answer for trace in traces] == ["67", "67"]
    assert [trace.verdict.status for trace in traces] == ["right", "right"]
    assert [trace.text[-6:] for trace in traces] == ["seed 7", "seed 8"]


# A real server


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """(URL, model folder) of `transformers serve` with a tiny plain model, on a real socket in a thread."""
    if find_spec("openai") is None:
        pytest.skip("transformers serve needs the package openai (requirements-dev.txt)")
    from transformers.cli.serve import Serve

    folder = make_model(tmp_path_factory.mktemp("served") / "tiny")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Serve(str(folder), host="127.0.0.1", port=port, device="cpu", log_level="error", non_blocking=True)
    try:
        _wait_for(f"http://127.0.0.1:{port}/health")
        yield f"http://127.0.0.1:{port}", folder
    finally:
        server.kill_server()


def _wait_for(url: str) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            if httpx.get(url, timeout=5).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    pytest.fail("transformers serve did not start")


def test_a_real_server_solves_and_explores(served: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRST_PIT_REQUESTS", "1")  # its seed is one for the whole process
    url, folder = served
    engine = load_engine(str(folder), server=url)
    assert engine.render(QUESTION, "Think.") == QUESTION + "\n"
    problem = make_problem(QUESTION, "5", "typed")
    sampling = FORMATS["transitions"].sampling(num=3, seed=5, max_new_tokens=12)
    traces = list(solve(engine, problem, "transitions", sampling))
    assert [trace.maker.seed for trace in traces] == [5, 6, 7]
    assert {trace.maker.engine for trace in traces} == {"server"}
    assert [trace.text for trace in solve(engine, problem, "transitions", sampling)] == [trace.text for trace in traces]
    with_steps = next(trace for trace in traces if trace.steps)
    pit = explore(engine, with_steps, problem, k=2, max_steps=1, method="linear")
    assert pit.probes[0].prompt == QUESTION + "\n" + with_steps.steps[0].text + "\n"
    assert len(pit.probes[0].completions) == 2


def test_a_real_server_that_writes_greedily_unasked_is_told_to_sample(served: tuple[str, Path]) -> None:
    url, folder = served
    engine = load_engine(str(folder), server=url)
    prompts = [QUESTION + "\n", "Ana has 3 coins .\n"]
    for row in engine.complete(prompts, Sampling(num=4, temperature=1.0, max_new_tokens=12)):
        assert len({one.text for one in row}) > 1


def test_a_real_servers_greedy_text_is_the_local_engines(served: tuple[str, Path]) -> None:
    url, folder = served
    greedy = Sampling(temperature=0, max_new_tokens=20)
    remote = load_engine(str(folder), server=url)
    remote.complete([QUESTION], Sampling(max_new_tokens=4))  # what it is told in order to sample does not linger
    local = load_engine(str(folder))
    prompts = [QUESTION + "\n", "Ana has 3 coins .\n"]
    assert [row[0].text for row in remote.complete(prompts, greedy)] == [
        row[0].text for row in local.complete(prompts, greedy)
    ]


def test_a_real_server_refuses_another_model(served: tuple[str, Path]) -> None:
    engine = ServerEngine(served[0] + "/v1", "no-such-model", pause=0.001)
    with pytest.raises(EngineError, match=r"no-such-model.*check --model"):
        ask(engine)


def test_a_server_is_told_to_sample_only_where_it_must_be(double: FakeServer) -> None:
    def answers(path: str, body: dict[str, Any]) -> Reply:
        samples = kind == "samples" or (kind == "must be told" and "do_sample" in body.get("generation_config", ""))
        if kind == "knows no such words" and "generation_config" in body:
            return 422, {"detail": "extra fields not permitted"}
        seed = body.get("seed", 0) if samples and body.get("temperature") else 0
        return (200, {"data": []}) if path == "/v1/models" else text_reply(completion_of(body["prompt"], seed))

    double.answers = answers
    for kind, is_told in (("samples", False), ("must be told", True), ("never", False), ("knows no such words", False)):
        one = load(double.url, "m")
        double.seen.clear()
        [row] = one.complete(["p"], Sampling(num=2, seed=5))
        assert ("generation_config" in double.seen[-1][1]) == is_told, kind
        assert (len({each.text for each in row}) == 2) == (kind in ("samples", "must be told"))
        one.complete(["p"], Sampling(temperature=0))
        assert "generation_config" not in double.seen[-1][1]
        num = len(double.seen)
        one.complete(["q"], Sampling(seed=9))
        assert len(double.seen) == num + 1  # that was found out once
