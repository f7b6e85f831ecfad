"""seccomp: from here on the kernel answers this process only the calls that computing needs.

    has_seccomp()                      → True on Linux with CONFIG_SECCOMP_FILTER, x86-64 or arm64
    restrict_calls(threads=False)

A list of what is allowed, so that a call nobody thought of is refused too: no socket of any kind (TCP, UDP, Unix), no
fork, exec or signal to another process, no ptrace, no opening for writing. A refused call gives "Operation not
permitted". The filter is classic BPF, written out here; it cannot be undone. Numbers: the kernel's
arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h (arm64).

Not covered: other architectures (has_seccomp() is False there), and mistakes inside the allowed calls.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

from reasoner.checks.sandbox.libc import libc

# call → (number on x86-64, on arm64); None where the architecture has no such call
ALLOWED: dict[str, tuple[int | None, int | None]] = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "stat": (4, None),
    "fstat": (5, 80),
    "lstat": (6, None),
    "poll": (7, None),
    "lseek": (8, 62),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "pread64": (17, 67),
    "readv": (19, 65),
    "writev": (20, 66),
    "access": (21, None),
    "select": (23, None),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "nanosleep": (35, 101),
    "getitimer": (36, 102),
    "setitimer": (38, 103),
    "getpid": (39, 172),
    "exit": (60, 93),
    "uname": (63, 160),
    "getcwd": (79, 17),
    "readlink": (89, None),
    "gettimeofday": (96, 169),
    "getrlimit": (97, 163),
    "getrusage": (98, 165),
    "sysinfo": (99, 179),
    "times": (100, 153),
    "getuid": (102, 174),
    "getgid": (104, 176),
    "geteuid": (107, 175),
    "getegid": (108, 177),
    "getppid": (110, 173),
    "sigaltstack": (131, 132),
    "gettid": (186, 178),
    "time": (201, None),
    "futex": (202, 98),
    "sched_getaffinity": (204, 123),
    "getdents64": (217, 61),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "exit_group": (231, 94),
    "newfstatat": (262, 79),
    "readlinkat": (267, 78),
    "faccessat": (269, 48),
    "pselect6": (270, 72),
    "ppoll": (271, 73),
    "set_robust_list": (273, 99),
    "getrandom": (318, 278),
    "statx": (332, 291),
    "rseq": (334, 293),
    "faccessat2": (439, 439),
}
OPEN, OPENAT = (2, None), (257, 56)
CLONE, CLONE3 = (56, 220), (435, 435)
FCNTL = (72, 25)
WRITING = 0x1 | 0x2 | 0x40 | 0x200 | 0x400 | 0x400000  # O_WRONLY O_RDWR O_CREAT O_TRUNC O_APPEND __O_TMPFILE
CLONE_THREAD = 0x10000
FCNTL_READS = (1, 2, 3)  # F_GETFD, F_SETFD, F_GETFL: what listing a folder uses
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column above, AUDIT_ARCH

LOAD, JUMP_EQUAL, JUMP_ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06  # BPF_LD|W|ABS, JEQ|K, JSET|K, RET|K
NUMBER_AT, ARCHITECTURE_AT, ARGUMENT_AT = 0, 4, 16  # struct seccomp_data; an argument has 8 bytes, the low half first
ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
SET_NO_NEW_PRIVILEGES, SET_SECCOMP, FILTER = 38, 22, 2

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, constant


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def has_seccomp() -> bool:
    """Has the kernel filters, and do we know this machine's numbers?"""
    if sys.platform != "linux" or platform.machine() not in MACHINES:
        return False
    libc().prctl(SET_SECCOMP, FILTER, None, 0, 0)  # never succeeds: EFAULT says that only the program is missing
    return ctypes.get_errno() == errno.EFAULT


def restrict_calls(threads: bool) -> None:
    """Allow the calls above and no others; `threads`: may this process start threads of its own? Raises OSError."""
    if not has_seccomp():
        raise OSError("this kernel has no seccomp filters that we can write")
    instructions = _filter(*MACHINES[platform.machine()], threads)
    text = b"".join(struct.pack("HBBI", *each) for each in instructions)
    if libc().prctl(SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no-new-privileges was refused")
    program = _Program(len(instructions), text)
    if libc().prctl(SET_SECCOMP, FILTER, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), f"seccomp: {os.strerror(ctypes.get_errno())}")


def _filter(column: int, architecture: int, threads: bool) -> list[Instruction]:
    code: list[Instruction] = [
        (LOAD, 0, 0, ARCHITECTURE_AT),
        (JUMP_EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER_AT),
    ]
    for numbers in ALLOWED.values():
        code += _when(numbers[column], [(RETURN, 0, 0, ALLOW)])
    code += _when(OPENAT[column], _unless_any_bit(2, WRITING))
    code += _when(OPEN[column], _unless_any_bit(1, WRITING))
    code += _when(FCNTL[column], _if_one_of(1, FCNTL_READS))
    code += _when(CLONE3[column], [(RETURN, 0, 0, REFUSE | errno.ENOSYS)])  # the C library then takes clone
    if threads:
        code += _when(CLONE[column], _if_any_bit(0, CLONE_THREAD))
    return [*code, (RETURN, 0, 0, REFUSE | errno.EPERM)]


def _when(number: int | None, then: list[Instruction]) -> list[Instruction]:
    """`then` for the call of this number; the number stays loaded for the next comparison."""
    return [] if number is None else [(JUMP_EQUAL, 0, len(then), number), *then]


def _argument(index: int) -> Instruction:
    return (LOAD, 0, 0, ARGUMENT_AT + 8 * index)


def _unless_any_bit(index: int, bits: int) -> list[Instruction]:
    refuse, allow = (RETURN, 0, 0, REFUSE | errno.EPERM), (RETURN, 0, 0, ALLOW)
    return [_argument(index), (JUMP_ANY_BIT, 0, 1, bits), refuse, allow]


def _if_any_bit(index: int, bits: int) -> list[Instruction]:
    refuse, allow = (RETURN, 0, 0, REFUSE | errno.EPERM), (RETURN, 0, 0, ALLOW)
    return [_argument(index), (JUMP_ANY_BIT, 0, 1, bits), allow, refuse]


def _if_one_of(index: int, values: tuple[int, ...]) -> list[Instruction]:
    checks: list[Instruction] = []
    for value in values:
        checks += [(JUMP_EQUAL, 0, 1, value), (RETURN, 0, 0, ALLOW)]
    return [_argument(index), *checks, (RETURN, 0, 0, REFUSE | errno.EPERM)]
