"""Many requests to one server or several: what goes into one request, who gets it, what is left after a failure."""

import logging
import multiprocessing
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from reasoner.engines import Request, load_engine
from reasoner.engines.server import ServerEngine, addresses, load
from reasoner.engines.server_asks import Ask, asks_of, together
from reasoner.engines.server_pace import LONGEST_WAIT, TRIES, Pace
from reasoner.engines.stopping import Stopped, stoppable
from reasoner.errors import BadInput, EngineError
from reasoner.explore import explore, explore_many
from reasoner.records import Maker, Sampling, Step, Trace, Verdict, make_problem, make_trace
from tests.fake_server import FakeServer, Plain, Reply, Vllm, completion_of, text_reply

SAMPLING = Sampling()
COMPLETIONS = "/v1/completions"


@pytest.fixture
def pair() -> Iterator[tuple[FakeServer, FakeServer]]:
    servers = FakeServer(), FakeServer()
    for server in servers:
        server.answers = Vllm().answers
    yield servers
    for server in servers:
        server.close()


@pytest.fixture
def double() -> Iterator[FakeServer]:
    server = FakeServer()
    server.answers = Vllm().answers
    yield server
    server.close()


def engine(*servers: FakeServer, **settings: Any) -> ServerEngine:
    return ServerEngine([server.url + "/v1" for server in servers], "m", pause=0.01, **settings)


def wanted(num: int, seed: int = 0) -> list[Request]:
    return [Request(f"prompt {place:04}", seed, 64) for place in range(num)]


def are_right(requests: list[Request], texts: list[str]) -> bool:
    return texts == [completion_of(one.prompt, one.seed) for one in requests]


# What goes into one request


def test_seeds_in_a_row_are_one_request_and_prompts_that_begin_alike_stand_together() -> None:
    requests = [
        *[Request("b", seed, 9) for seed in (3, 1, 2, 7)],
        *[Request("a", 5, 9), Request("a", 6, 8), Request("a", 5, 9)],
    ]
    assert asks_of(requests) == [
        *[Ask(("a",), 6, 1, 8), Ask(("a",), 5, 1, 9)],
        *[Ask(("b",), 1, 3, 9), Ask(("b",), 7, 1, 9)],
    ]


def test_a_run_of_seeds_is_not_longer_than_servers_take() -> None:
    assert [ask.num for ask in asks_of(Request("a", seed, 9) for seed in range(300))] == [128, 128, 44]


def test_prompts_share_a_request_only_where_places_are_short_and_all_else_is_the_same() -> None:
    asks = [Ask((name,), 0, 2, 9) for name in "abcdef"] + [Ask(("g",), 1, 2, 9)]
    assert together(asks, places=7) == asks
    assert [ask.prompts for ask in together(asks, places=3)] == [("a", "b", "c"), ("d", "e", "f"), ("g",)]
    assert [len(ask.prompts) for ask in together([Ask((str(i),), 0, 64, 9) for i in range(9)], 1)] == [2, 2, 2, 2, 1]
    alone = together(asks, places=1, can_share=lambda prompt: prompt != "b")
    assert [ask.prompts for ask in alone] == [("a", "c", "d", "e", "f"), ("b",), ("g",)]


def test_k_continuations_and_several_prompts_are_one_request(double: FakeServer) -> None:
    one = engine(double, requests=1)
    rows = one.complete([request.prompt for request in wanted(6)], Sampling(num=4, seed=10))
    assert [[row.text for row in each] for each in rows] == [
        [completion_of(request.prompt, seed) for seed in range(10, 14)] for request in wanted(6)
    ]
    bodies = double.bodies(COMPLETIONS)
    assert bodies[0]["prompt"] == "prompt 0000" and bodies[0]["n"] == 4  # first whether it knows n
    assert bodies[-1]["n"] == 4 and bodies[-1]["seed"] == 10


def test_a_server_that_is_known_to_take_lists_gets_lists(double: FakeServer) -> None:
    one = engine(double, requests=2)
    for seed in range(2):
        requests = wanted(40, seed)
        assert are_right(requests, [done.text for done in one.complete_each(requests, SAMPLING)])
    assert [len(body["prompt"]) for body in double.bodies(COMPLETIONS)] == [20, 20, 20, 20]


def test_each_request_keeps_its_own_seed_and_limit(double: FakeServer) -> None:
    requests = [Request(f"p{i % 7}", i * i % 11, 32 + i % 2) for i in range(60)]
    done = engine(double, requests=2).complete_each(requests, SAMPLING)
    assert are_right(requests, [one.text for one in done])
    limits = {body["max_tokens"] for body in double.bodies(COMPLETIONS)}
    assert limits == {32, 33}
    assert len(double.seen) < len(set(requests)) / 2


def test_a_server_that_takes_neither_lists_nor_n_is_asked_one_by_one(double: FakeServer) -> None:
    double.answers = Plain().answers
    one = engine(double, requests=2)
    for seed in (0, 100):
        rows = one.complete([request.prompt for request in wanted(10)], Sampling(num=3, seed=seed))
        for request, row in zip(wanted(10), rows, strict=True):
            assert [each.text for each in row] == [completion_of(request.prompt, seed + i) for i in range(3)]
    refused = [body for body in double.bodies(COMPLETIONS) if isinstance(body["prompt"], list)]
    assert len(refused) <= 2 and len(double.seen) - len(refused) == 60


@pytest.mark.parametrize("kind", ["first prompt alone", "as many as prompts", "one too many"])
def test_a_list_is_believed_only_with_as_many_choices_as_were_asked_for(double: FakeServer, kind: str) -> None:
    nums = {"first prompt alone": 2, "as many as prompts": 5, "one too many": 11}

    def answers(path: str, body: dict[str, Any]) -> Reply:
        if isinstance(body["prompt"], list):
            return text_reply(*["mixed up"] * nums[kind])
        return Vllm().answers(path, body)

    double.answers = answers
    one = engine(double, requests=1)
    for _ in range(2):
        rows = one.complete([request.prompt for request in wanted(5)], Sampling(num=2))
        assert all(each.text != "mixed up" for row in rows for each in row)


def test_choices_are_put_in_the_order_of_their_index(double: FakeServer) -> None:
    def answers(path: str, body: dict[str, Any]) -> Reply:
        status, content, *_ = Vllm().answers(path, body)
        return status, content | {"choices": content["choices"][::-1]}

    double.answers = answers
    requests = wanted(12)
    assert are_right(requests, [one.text for one in engine(double, requests=1).complete_each(requests, SAMPLING)])


def test_missing_choices_are_asked_for_again_with_their_own_seeds(double: FakeServer) -> None:
    def answers(path: str, body: dict[str, Any]) -> Reply:
        return Vllm().answers(path, body | {"n": min(2, body.get("n", 1))})

    double.answers = answers
    one = engine(double)
    [row] = one.complete(["p"], Sampling(num=5, seed=3))
    assert [each.text for each in row] == [completion_of("p", seed) for seed in range(3, 8)]
    assert one.counts["fewer completions than asked for"] == 1
    assert [body.get("n", 1) for body in double.bodies(COMPLETIONS)] == [5, 2, 1]


def test_a_server_that_gives_all_continuations_one_seed_gets_a_request_for_each(double: FakeServer) -> None:
    def answers(path: str, body: dict[str, Any]) -> Reply:
        return text_reply(*[completion_of(body["prompt"], body["seed"])] * body.get("n", 1))

    double.answers = answers
    one = engine(double)
    rows = one.complete(["p", "q"], Sampling(num=3, seed=1))
    assert [[each.text for each in row] for row in rows] == [
        [completion_of(prompt, seed) for seed in (1, 2, 3)] for prompt in "pq"
    ]
    assert one.counts["servers with one seed for all continuations"] == 1


def test_completions_that_are_alike_by_nature_are_taken_as_they_are(double: FakeServer) -> None:
    def answers(path: str, body: dict[str, Any]) -> Reply:
        is_hot = body["temperature"] > 1
        return text_reply(*[f"hot {i}" if is_hot else "the one answer" for i in range(body["n"])])

    double.answers = answers
    rows = engine(double).complete(["p", "q"], Sampling(num=3))
    assert [[each.text for each in row] for row in rows] == [["the one answer"] * 3] * 2
    assert len(double.seen) == 3  # one of them to see that the server draws each by itself


# Several servers


def test_requests_are_spread_over_all_servers_and_connections_are_kept(pair: tuple[FakeServer, FakeServer]) -> None:
    for server in pair:
        server.answers = Plain(latency=0.005).answers
    one = engine(*pair, requests=4)
    for seed in range(2):
        requests = wanted(60, seed)
        assert are_right(requests, [done.text for done in one.complete_each(requests, SAMPLING)])
    num = [len(server.bodies(COMPLETIONS)) for server in pair]
    assert min(num) > 30, num
    assert all(server.most_in_flight <= 4 and len(server.connections) <= 8 for server in pair)


def test_the_same_beginning_goes_to_the_same_server(pair: tuple[FakeServer, FakeServer]) -> None:
    one = engine(*pair)
    for seed in range(12):
        one.complete_each([Request("one question\n" + "step\n" * (seed % 3), seed * 5, 9)], SAMPLING)
    assert sorted(len(server.bodies(COMPLETIONS)) for server in pair) == [0, 12]


def test_a_server_that_dies_is_said_to_be_out_and_its_requests_go_to_the_other(
    pair: tuple[FakeServer, FakeServer], caplog: pytest.LogCaptureFixture
) -> None:
    dying, living = pair
    seen = threading.Event()

    def answers(path: str, body: dict[str, Any]) -> Reply:
        if len(dying.seen) > 3:
            seen.set()
        return Plain(latency=0.01).answers(path, body)

    dying.answers, living.answers = answers, Plain(latency=0.01).answers
    one, requests = engine(dying, living, requests=4), wanted(80)
    with ThreadPoolExecutor(1) as pool, caplog.at_level(logging.WARNING):
        done = pool.submit(one.complete_each, requests, SAMPLING)
        assert seen.wait(10)
        dying.close()
        assert are_right(requests, [each.text for each in done.result(20)])
    assert f"Nothing answers at {dying.url}/v1" in caplog.text and "1 of the other servers go on" in caplog.text
    assert one.counts["requests sent again"] >= 1


def test_a_server_that_comes_back_is_used_again(pair: tuple[FakeServer, FakeServer]) -> None:
    gone, _ = pair
    port = gone.port
    one = engine(*pair, requests=2)
    gone.close()
    one.complete_each(wanted(20), SAMPLING)
    back = FakeServer(port)
    back.answers = Vllm().answers
    try:
        end = time.monotonic() + 10
        while not back.seen and time.monotonic() < end:
            requests = wanted(20, seed=int(time.monotonic() * 1e6))
            assert are_right(requests, [done.text for done in one.complete_each(requests, SAMPLING)])
        assert back.seen
    finally:
        back.close()


def test_when_all_servers_are_dead_the_error_names_them(pair: tuple[FakeServer, FakeServer]) -> None:
    one = engine(*pair)
    for server in pair:
        server.close()
    for _ in range(2):
        with pytest.raises(EngineError, match="None of the 2 servers") as raised:
            one.complete(["p"], SAMPLING)
        assert all(f"Nothing answers at {server.url}" in str(raised.value) for server in pair)
    with pytest.raises(EngineError, match="None of the 2 servers"):
        one.find_model("m")


def test_a_wrong_key_at_one_server_leaves_the_work_to_the_other(pair: tuple[FakeServer, FakeServer]) -> None:
    pair[0].answers = lambda path, body: (401, {"error": "who are you"})
    requests = wanted(30)
    done = engine(*pair, requests=2).complete_each(requests, SAMPLING)
    assert are_right(requests, [one.text for one in done])
    assert len(pair[0].seen) == 1


def test_each_server_can_have_a_key_of_its_own(
    pair: tuple[FakeServer, FakeServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRST_PIT_API_KEY", "of all")
    monkeypatch.setenv("FIRST_PIT_API_KEY_2", "of the second")
    load(f"{pair[0].url},{pair[1].url}", "m")
    assert [server.headers[0]["authorization"] for server in pair] == ["Bearer of all", "Bearer of the second"]


def test_all_servers_must_have_the_same_model(pair: tuple[FakeServer, FakeServer]) -> None:
    urls = f"{pair[0].url}, {pair[1].url}/v1/"
    assert load_engine("", server=urls).maker.model == "m"
    pair[1].answers = Vllm("other").answers
    for given in ("", "m"):
        with pytest.raises(BadInput, match=r"other") as raised:
            load_engine(given, server=urls)
        assert pair[0].url in str(raised.value) and pair[1].url in str(raised.value)
    pair[1].answers = lambda path, body: (200, {"data": [{"id": "other"}, {"id": "m", "max_model_len": 100}]})
    assert load_engine("m", server=urls).context == 100


def test_a_server_that_is_away_at_first_must_have_the_same_model_when_it_comes(
    pair: tuple[FakeServer, FakeServer],
) -> None:
    late, there = pair
    port = late.port
    late.close()
    one = engine(late, there)
    one.find_model("")
    assert one.maker.model == "m"
    one.endpoints[0].pace.resumes_at = 0.0
    late = FakeServer(port)
    late.answers = Vllm("other").answers
    try:
        requests = wanted(200)
        assert are_right(requests, [done.text for done in one.complete_each(requests, SAMPLING)])
        assert late.bodies("/v1/models") and not late.bodies(COMPLETIONS)
        assert "does not serve 'm'" in one.endpoints[0].pace.reason
    finally:
        late.close()


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("http://a:1", ["http://a:1/v1"]),
        (" http://a:1/v1/ ,https://b/x, ", ["http://a:1/v1", "https://b/x"]),
        ("http://a http://b", ["http://a/v1", "http://b/v1"]),
    ],
)
def test_several_addresses_are_read(text: str, urls: list[str]) -> None:
    assert addresses(text) == urls


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (",", "not a server's address"),
        ("http://a,b:1", "b:1 is not a server's address"),
        ("http://a:99999", "not a server's address"),
        ("http://a,http://a/v1", "twice"),
        ("http://me:secret@a", "environment"),
        ("http://a/v1?key=secret", "environment"),
    ],
)
def test_a_wrong_list_of_addresses_says_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says) as raised:
        load(text, "m")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("told", ["0", "many", "-1", "5000"])
def test_a_number_of_requests_that_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    monkeypatch.setenv("FIRST_PIT_REQUESTS", told)
    with pytest.raises(BadInput, match="FIRST_PIT_REQUESTS"):
        load("http://127.0.0.1:9", "m")


# Not too much at a time


def test_a_server_that_takes_few_at_a_time_is_not_hammered(double: FakeServer) -> None:
    def answers(path: str, body: dict[str, Any]) -> Reply:
        if double.in_flight > 3:
            return 429, {"error": "slow down"}
        return Plain(latency=0.01).answers(path, body)

    double.answers = answers
    one, requests = engine(double, requests=16), wanted(120)
    assert are_right(requests, [done.text for done in one.complete_each(requests, SAMPLING)])
    num_refused = one.counts["requests refused because the server was busy"]
    assert 1 <= num_refused < 60, num_refused


def test_fewer_at_a_time_after_each_refusal_and_one_more_after_each_round_that_went_well() -> None:
    pace = Pace(most=16, pause=1.0, chance=lambda: 0.5)
    assert [pace.has_room(0.0), pace.in_flight] == [True, 0]
    pace.in_flight = 1
    assert not pace.has_room(0.0)  # the first goes alone
    pace.has_answered(0.0)
    pace.in_flight = 15
    assert pace.has_room(0.0)
    for _ in range(10):  # sent together, refused together: one event
        pace.was_busy(sent=0.0, now=1.0, told=None, reason="busy")
    assert (pace.limit, pace.resumes_at) == (8.0, 2.0)
    pace.was_busy(sent=2.5, now=3.0, told=None, reason="busy")
    assert (pace.limit, pace.resumes_at) == (4.0, 5.0)  # twice as long
    for _ in range(4):
        pace.has_answered(6.0)
    assert 4.8 < pace.limit <= 5.0


def test_retry_after_is_kept_and_bounded() -> None:
    pace = Pace(most=4)
    pace.was_busy(sent=0.0, now=1.0, told=7.0, reason="busy")
    pace.was_busy(sent=0.0, now=2.0, told=3.0, reason="busy")
    assert pace.resumes_at == 8.0
    pace.was_busy(sent=9.0, now=10.0, told=1e9, reason="busy")
    assert pace.resumes_at == 10.0 + LONGEST_WAIT


def test_nothing_but_refusals_ends_after_a_while() -> None:
    pace, now = Pace(most=4, patience=100.0), 0.0
    while not pace.is_dead and now < 1000:
        now = max(now + 0.1, pace.resumes_at)
        pace.was_busy(sent=now, now=now, told=None, reason="busy")
    assert 100 < now < 300


def test_waits_grow_are_spread_by_chance_and_are_bounded() -> None:
    low, high = Pace(4, 0.5, chance=lambda: 0.0), Pace(4, 0.5, chance=lambda: 1.0)
    for pace, factor in ((low, 0.5), (high, 1.5)):
        waits = []
        for number in range(12):
            now = 1000.0 * number
            pace.has_failed(now, now, "gone")
            waits.append(pace.resumes_at - now)
        assert waits[:3] == [0.5 * factor, 1.0 * factor, 2.0 * factor] and max(waits) == LONGEST_WAIT * factor
        assert pace.is_dead


def test_one_cut_connection_puts_no_server_out_but_several_in_a_row_do() -> None:
    pace = Pace(most=4)
    pace.has_answered(0.0)
    pace.has_failed(1.0, 1.0, "cut", is_certain=False)
    assert pace.is_proven and pace.has_room(1.0)
    for number in range(2, TRIES + 1):
        pace.has_failed(100.0 * number, 100.0 * number, "cut", is_certain=False)
    assert pace.is_dead and not pace.is_proven


# What is left after a failure


def test_a_prompt_that_is_too_long_fails_alone_and_the_others_are_kept(double: FakeServer) -> None:
    requests = wanted(30)
    requests[17] = Request("x" * 5000, 0, 64)
    one = engine(double, requests=2)
    with pytest.raises(BadInput, match="too long for m") as raised:
        one.complete_each(requests, SAMPLING)
    assert raised.value.prompts == ("x" * 5000,)
    double.seen.clear()
    rest = [request for request in requests if request.prompt not in raised.value.prompts]
    assert are_right(rest, [done.text for done in one.complete_each(rest, SAMPLING)])
    assert not double.seen  # they were there already
    one.complete_each(rest[:1], SAMPLING)
    assert len(double.seen) == 1  # and are given once


def test_what_arrived_before_the_servers_died_is_not_asked_for_again(double: FakeServer) -> None:
    fails = threading.Event()

    def answers(path: str, body: dict[str, Any]) -> Reply:
        if len(double.seen) > 10:
            fails.set()
        return (500, b"the worker died") if fails.is_set() else Plain().answers(path, body)

    double.answers = answers
    one, requests = engine(double, requests=1), wanted(30)
    with pytest.raises(EngineError, match="the worker died"):
        one.complete_each(requests, SAMPLING)
    double.answers = Plain().answers
    double.seen.clear()
    assert are_right(requests, [done.text for done in one.complete_each(requests, SAMPLING)])
    assert len([body for body in double.bodies(COMPLETIONS) if isinstance(body["prompt"], str)]) <= 21


def test_a_stop_cancels_what_is_under_way_and_keeps_what_arrived(double: FakeServer) -> None:
    over, waiting = threading.Event(), threading.Event()

    def answers(path: str, body: dict[str, Any]) -> Reply:
        if body["prompt"] >= "prompt 0005":
            waiting.set()
            over.wait(20)
        return Plain().answers(path, body)

    double.answers = answers
    one, requests = engine(double, requests=1), wanted(8)
    one.endpoints[0].takes_lists = False
    start = time.monotonic()
    with stoppable(waiting.is_set), pytest.raises(Stopped):
        one.complete_each(requests, SAMPLING)
    assert time.monotonic() - start < 10
    over.set()
    double.seen.clear()
    assert are_right(requests, [done.text for done in one.complete_each(requests, SAMPLING)])
    assert len(double.seen) == 3


def test_threads_ask_at_the_same_time_and_each_gets_its_own(pair: tuple[FakeServer, FakeServer]) -> None:
    one = engine(*pair, requests=3)

    def work(seed: int) -> bool:
        requests = wanted(25, seed)
        return are_right(requests, [done.text for done in one.complete_each(requests, SAMPLING)])

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(0, 240, 10)))
    assert all(endpoint.pace.in_flight == 0 for endpoint in one.endpoints)


def test_an_engine_goes_on_in_a_forked_process(double: FakeServer) -> None:
    double.answers = Plain(latency=0.01).answers
    one = engine(double, requests=1)
    one.complete_each(wanted(3), SAMPLING)
    context = multiprocessing.get_context("fork")
    found = context.SimpleQueue()
    child = context.Process(
        target=lambda: found.put([done.text for done in one.complete_each(wanted(3, 7), SAMPLING)]), daemon=True
    )
    child.start()
    assert are_right(wanted(3, 7), found.get())
    child.join(10)


# Explored


GOLD = make_problem("Ana has 500 coins. Ben has twice as many. How many has Ben?", "1,000", "typed")


def trace_of(*texts: str) -> Trace:
    return make_trace(
        GOLD,
        prompt=GOLD.question + "\n",
        text="\n".join(texts),
        steps=[Step(text) for text in texts],
        answer=None,
        verdict=Verdict("wrong"),
        maker=Maker("server", "m"),
        format="cot",
    )


def recovering(body: dict[str, Any]) -> Reply:
    """Right from the question and one step, wrong from two on."""
    prompts = body["prompt"] if isinstance(body["prompt"], list) else [body["prompt"]]
    answers = [1000 if prompt.count("\n") < 3 else 7 for prompt in prompts]
    seeds = [body["seed"] + child for child in range(body.get("n", 1))]
    return text_reply(*[f"In try {seed} the answer is {answer}." for answer in answers for seed in seeds])


def test_pits_are_found_through_servers_and_a_trace_that_one_refuses_harms_no_other(
    pair: tuple[FakeServer, FakeServer],
) -> None:
    def answers(path: str, body: dict[str, Any]) -> Reply:
        prompts = body["prompt"] if isinstance(body["prompt"], list) else [body["prompt"]]
        if any("xxx" in prompt for prompt in prompts):
            return 400, {"error": {"message": "maximum context length is 4096 tokens"}}
        return recovering(body)

    for server in pair:
        server.answers = answers
    traces = [trace_of(f"Step {i}.", "Half of it." if i != 7 else "xxx", "So.") for i in range(20)]
    pits = list(explore_many(engine(*pair, requests=2), [(one, GOLD) for one in traces], method="linear"))
    by_trace = {pit.trace_id: pit for pit in pits}
    assert {by_trace[one.id].step for one in traces if one is not traces[7]} == {1}
    assert "too long" in by_trace[traces[7].id].ended
    assert sum(len(server.bodies(COMPLETIONS)) for server in pair) < 60


def test_a_search_that_is_stopped_waits_for_no_answer(double: FakeServer) -> None:
    over, waiting = threading.Event(), threading.Event()

    def answers(path: str, body: dict[str, Any]) -> Reply:
        if "Half" in body["prompt"]:
            waiting.set()
            over.wait(20)
        return recovering(body)

    double.answers = answers
    start = time.monotonic()
    pit = explore(
        engine(double), trace_of("Step.", "Half of it.", "So."), GOLD, method="linear", should_stop=waiting.is_set
    )
    over.set()
    assert time.monotonic() - start < 10
    assert pit.ended == "stopped" and [probe.step for probe in pit.probes] == [0]
