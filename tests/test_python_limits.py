"""The limits that a worker puts on itself, one by one: Landlock, seccomp, rlimits; its messages; its end with ours."""

import os
import socket
import struct
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasoner.checks.sandbox import cpython, frames, seccomp
from reasoner.checks.sandbox.landlock import landlock_version
from reasoner.checks.sandbox.limits import LIMITS, apply_limits, kernel_limits, library_paths
from reasoner.checks.sandbox.splitting import split

ROOT = Path(__file__).parents[1]
needs_all = pytest.mark.skipif(set(kernel_limits()) != set(LIMITS), reason="this kernel lacks a limit")


def limited(code: str, before: str = "", **arguments: object) -> str:
    """What a process prints that applies the limits and then runs `code` (ours, not a model's)."""
    named = ", ".join(f"{name}={value!r}" for name, value in ({"memory": 4 << 30} | arguments).items())
    program = f"import os, sys\nfrom reasoner.checks.sandbox.limits import *\n{before}\nprint(apply_limits({named}))\n"
    body = "".join(f"    {line}\n" for line in code.splitlines())
    program += f"try:\n{body}except BaseException as error:\n    print(type(error).__name__, error)\n"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    return run.stdout + run.stderr


@needs_all
def test_limits_are_named_and_in_their_order() -> None:
    assert limited("pass").strip() == str(LIMITS)


@needs_all
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("open('/etc/hostname')", "PermissionError [Errno 13]"),
        ("open('README.md')", "PermissionError [Errno 13]"),
        ("open('new', 'w')", "PermissionError [Errno 1]"),
        ("os.listdir('.')", "PermissionError [Errno 13]"),
        ("import socket; socket.socket()", "PermissionError [Errno 1]"),
        ("import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)", "PermissionError [Errno 1]"),
        ("os.fork()", "PermissionError [Errno 1]"),
        ("os.execv('/bin/true', ['true'])", "PermissionError [Errno 1]"),
        ("os.kill(os.getppid(), 0)", "PermissionError [Errno 1]"),
        ("bytearray(5 << 30)", "MemoryError"),
        ("import resource; resource.setrlimit(resource.RLIMIT_AS, (-1, -1))", "not allowed to raise maximum limit"),
        ("print(len(open(os.__file__).read()) > 1000)", "True"),
        ("import wave, sched; print('imported')", "imported"),
    ],
)
def test_what_is_shut_and_what_stays_open(code: str, said: str) -> None:
    assert said in limited(code)


@needs_all
@pytest.mark.parametrize(("threads", "said"), [(True, "in a thread"), (False, "can't start new thread")])
def test_threads_are_a_choice_and_processes_are_none(threads: bool, said: str) -> None:
    code = "thread = threading.Thread(target=print, args=['in a thread'])\nthread.start()\nthread.join()"
    assert said in limited(code, before="import threading", threads=threads)


def test_one_limit_alone_leaves_the_others_open() -> None:
    if "landlock" not in kernel_limits():
        pytest.skip("no Landlock")
    told = limited("print(open('/proc/self/stat').read(4))\nopen('README.md')", limits=["landlock"], readable=["/proc"])
    assert told.startswith("('landlock',)") and "PermissionError [Errno 13]" in told


def test_a_kernel_without_landlock_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    from reasoner.checks.sandbox import landlock, limits

    monkeypatch.setattr(limits, "landlock_version", lambda: 0)
    monkeypatch.setattr(landlock, "landlock_version", lambda: 0)
    assert "landlock" not in kernel_limits()
    with pytest.raises(OSError, match="no Landlock"):
        landlock.restrict_files(["/usr"])
    monkeypatch.setattr(sys, "platform", "darwin")
    assert landlock_version() == 0 and not seccomp.has_seccomp()


def test_limits_that_are_not_wanted_or_not_there_are_left_out() -> None:
    assert apply_limits(memory=1 << 40, limits=[]) == ()


def test_the_libraries_of_this_python_are_readable_and_the_project_is_not() -> None:
    paths = [Path(path) for path in library_paths()]
    assert any(Path(os.__file__).is_relative_to(path) for path in paths)
    assert any(Path(pytest.__file__).is_relative_to(path) for path in paths)
    assert not any((ROOT / "reasoner" / "store.py").is_relative_to(path) for path in paths)


# The filter, read by an interpreter of BPF: so the arm64 table is tried on any machine.


def decision(machine: str, number: int, arguments: tuple[int, ...] = (), threads: bool = False) -> int:
    column, architecture = seccomp.MACHINES[machine]
    data = struct.pack("<iIQ6Q", number, architecture, 0, *arguments, *[0] * (6 - len(arguments)))
    return interpret(seccomp._filter(column, architecture, threads), data)


def interpret(program: list[seccomp.Instruction], data: bytes) -> int:
    position, loaded = 0, 0
    while True:
        code, when_true, when_false, constant = program[position]
        if code == seccomp.RETURN:
            return constant
        if code == seccomp.LOAD:
            (loaded,) = struct.unpack_from("<I", data, constant)
            position += 1
            continue
        is_true = loaded == constant if code == seccomp.JUMP_EQUAL else bool(loaded & constant)
        position += 1 + (when_true if is_true else when_false)


REFUSED, NO_SUCH_CALL = seccomp.REFUSE | 1, seccomp.REFUSE | 38
MACHINES = list(seccomp.MACHINES)


@pytest.mark.parametrize("machine", MACHINES)
def test_the_filter_allows_its_list_and_nothing_else(machine: str) -> None:
    column = seccomp.MACHINES[machine][0]
    allowed = {numbers[column] for numbers in seccomp.ALLOWED.values()} - {None}
    special = {pair[column] for pair in (seccomp.OPEN, seccomp.OPENAT, seccomp.FCNTL, seccomp.CLONE, seccomp.CLONE3)}
    for number in range(600):
        if number not in special:
            assert decision(machine, number) == (seccomp.ALLOW if number in allowed else REFUSED), number
    assert decision(machine, 0x40000000) == REFUSED  # the x32 numbers


@pytest.mark.parametrize(
    ("machine", "calls"),
    [
        (
            "x86_64",
            dict(socket=41, connect=42, sendto=44, execve=59, fork=57, vfork=58, kill=62, ptrace=101, tgkill=234),
        ),
        ("aarch64", dict(socket=198, connect=203, sendto=206, execve=221, kill=129, ptrace=117, tgkill=131)),
    ],
)
def test_network_processes_and_signals_are_refused(machine: str, calls: dict[str, int]) -> None:
    assert {name for name, number in calls.items() if decision(machine, number) != REFUSED} == set()


@pytest.mark.parametrize("machine", MACHINES)
def test_files_are_opened_for_reading_alone(machine: str) -> None:
    openat = seccomp.OPENAT[seccomp.MACHINES[machine][0]]
    assert decision(machine, openat, (0, 0, os.O_RDONLY | os.O_CLOEXEC)) == seccomp.ALLOW
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_CREAT, os.O_TRUNC, os.O_APPEND, 0o20000000):
        assert decision(machine, openat, (0, 0, flags)) == REFUSED


@pytest.mark.parametrize("machine", MACHINES)
def test_clone_makes_threads_only_where_they_are_wanted(machine: str) -> None:
    column = seccomp.MACHINES[machine][0]
    clone, clone3 = seccomp.CLONE[column], seccomp.CLONE3[column]
    assert decision(machine, clone, (seccomp.CLONE_THREAD,), threads=True) == seccomp.ALLOW
    assert decision(machine, clone, (17,), threads=True) == REFUSED
    assert decision(machine, clone, (seccomp.CLONE_THREAD,), threads=False) == REFUSED
    assert decision(machine, clone3, threads=True) == NO_SUCH_CALL


def test_a_program_for_another_architecture_is_killed() -> None:
    program = seccomp._filter(*seccomp.MACHINES["x86_64"], False)
    assert interpret(program, struct.pack("<iIQ6Q", 0, 0x40000003, *[0] * 7)) == seccomp.KILL  # i386


# Messages: whatever the worker's side writes, reading ends with a message or a BadFrame.


def test_a_message_comes_as_it_went() -> None:
    ours, theirs = socket.socketpair()
    frames.send(ours, {"code": "é\0\ud800"}, 5)
    assert frames.read_from(theirs.fileno()) == {"code": "é\0\ud800"}
    frames.write_to(theirs.fileno(), {"value": "2"})
    assert frames.receive(ours, 5) == {"value": "2"}
    theirs.close()
    with pytest.raises(frames.BadFrame):
        frames.receive(ours, 5)
    ours.close()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.binary(max_size=50).map(lambda text: struct.pack("!I", len(text)) + text))
def test_noise_is_a_bad_frame_and_never_another_error(noise: bytes) -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(noise)
    theirs.close()
    with suppress(frames.BadFrame):
        assert isinstance(frames.receive(ours, 5), dict)
    ours.close()


@pytest.mark.parametrize("text", [b"[" * 200_000, b'{"a": ' + b"9" * 10_000 + b"}", b"[1]", b"\xff\xfe", b""])
def test_text_that_is_no_object_is_a_bad_frame(text: bytes) -> None:
    ours, theirs = socket.socketpair()
    theirs.settimeout(5)
    with suppress(OSError):
        theirs.sendall(struct.pack("!I", len(text)) + text)
    theirs.close()
    with pytest.raises(frames.BadFrame):
        frames.receive(ours, 5)
    ours.close()


def test_a_message_that_promises_too_much_is_refused_before_it_is_read() -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(struct.pack("!I", frames.MAX_FRAME + 1))
    with pytest.raises(frames.BadFrame, match="bytes"):
        frames.receive(ours, 5)
    ours.close(), theirs.close()


def test_a_side_that_says_nothing_is_late() -> None:
    ours, theirs = socket.socketpair()
    with pytest.raises(frames.Late):
        frames.receive(ours, 0.05)
    ours.close(), theirs.close()


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.text("x=+1;()[]'\"\n\r #é:,", max_size=60))
def test_splitting_loses_nothing_but_the_rest_of_the_last_line(source: str) -> None:
    head, last = split(source)
    plain = source.replace("\r\n", "\n").replace("\r", "\n")
    assert plain.startswith(head) and plain[len(head) :].startswith(last)
    if last:
        compile(f"(\n{last}\n)", "x", "eval")


DEEP = ["-", "1+", "not ", "lambda: ", "1**", "a<", "x=", "x if y else ", "a=\\\n", "@a\n", "await "]


@pytest.mark.parametrize("stack", [512, 8192])
def test_text_nested_deep_is_parsed_on_any_thread(stack: int) -> None:
    texts = [text * (length // len(text)) + "1" for text in DEEP for length in (4_000, 49_000)]
    program = f"""
import threading
from reasoner.checks.sandbox.splitting import split
threading.stack_size({stack} << 10)
thread = threading.Thread(target=lambda: print(sum(len("".join(split(text))) for text in {texts!r})))
thread.start()
thread.join()
"""
    ran = subprocess.run([sys.executable, "-"], input=program, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (ran.returncode, int(ran.stdout)) == (0, sum(map(len, texts)))


# No worker outlives its parent.


def children(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = path.read_text().rsplit(")", 1)[1].split()[:2]
            if int(parent) == pid and state != "Z":
                found.append(int(path.parent.name))
    return found


PARENT = """
import threading
from reasoner.checks.python import Interpreter
from reasoner.checks.sandbox import cpython
workers = [Interpreter(600, only="cpython"), Interpreter(2, only="monty")]
for worker in workers:
    worker.run("x = 1")
print(cpython._zygote._process.pid, workers[1]._session._session.worker_pid, flush=True)
for worker in workers:
    threading.Thread(target=worker.run, args=["while True: pass"], daemon=True).start()
print("busy", flush=True)
threading.Event().wait()
"""


@pytest.mark.skipif(bool(cpython.why_off()) or not Path("/proc").is_dir(), reason="the CPython worker is off here")
def test_kill_9_of_the_parent_leaves_no_worker_behind() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    try:
        zygote, monty = map(int, parent.stdout.readline().split())
        assert parent.stdout.readline() == "busy\n"
        started = [zygote, *children(zygote), monty]
        assert len(started) > 2
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()
    end = time.monotonic() + 60
    while any(is_alive(pid) for pid in started) and time.monotonic() < end:
        time.sleep(0.05)
    assert not [pid for pid in started if is_alive(pid)]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
