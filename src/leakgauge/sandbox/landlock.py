"""Landlock: which files a process may see and change, decided by the process itself, for good.

Spoken to by system calls, since libc has no wrappers: three calls and two structures, laid out as
in linux/landlock.h. Every version of the interface knows more rights; rights that a kernel does
not know must not be asked for, so the version comes first.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path

# The same numbers on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_GIVE_VERSION = 1
_RULE_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_REFER, _TRUNCATE = 1 << 13, 1 << 14

# A library is mapped, never executed: EXECUTE is granted nowhere.
_READ = _READ_FILE | _READ_DIR
_OWN = _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER | _TRUNCATE
_FILES_ONLY = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE

# How many rights on files each version knows, from the first: REFER came second, TRUNCATE third,
# device control fifth.
_FILE_RIGHTS = (13, 14, 15, 15, 16)
_NETWORK_SINCE, _SCOPES_SINCE = 4, 6
_BIND_AND_CONNECT = 0b11
_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11

_NOT_THERE = {errno.ENOSYS, errno.EOPNOTSUPP}

_libc = ctypes.CDLL(None, use_errno=True)


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def version() -> int:
    """The version of Landlock that the kernel speaks; 0 where it speaks none."""
    try:
        return _call(_CREATE_RULESET, None, 0, _GIVE_VERSION)
    except OSError as error:
        # Some container engines deny what they do not know with EPERM.
        if error.errno in _NOT_THERE or error.errno == errno.EPERM:
            return 0
        raise


def restrict(*, readable: Iterable[Path], writable: Iterable[Path]) -> None:
    """Leave the calling process these files and folders, and what lies beneath, and nothing else.

    Needs no_new_privs. Network by TCP, abstract sockets and signals to others are given up as well,
    where the kernel knows how.

    Parameters
    ----------
    readable, writable
        paths that do not exist are passed over.

    Raises
    ------
    OSError
        when the kernel refuses.
    """
    spoken = version()
    files = (1 << _FILE_RIGHTS[min(spoken, len(_FILE_RIGHTS)) - 1]) - 1
    asked = _Ruleset(
        files=files,
        network=_BIND_AND_CONNECT if spoken >= _NETWORK_SINCE else 0,
        scoped=_ABSTRACT_SOCKETS_AND_SIGNALS if spoken >= _SCOPES_SINCE else 0,
    )
    ruleset = _call(_CREATE_RULESET, ctypes.byref(asked), ctypes.sizeof(asked), 0)
    try:
        for paths, rights in ((readable, _READ), (writable, _OWN)):
            for path in paths:
                _allow(ruleset, path, rights & files)
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what cannot be opened needs no permission
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _FILES_ONLY
        rule = _Beneath(allowed=rights, parent=descriptor)
        _call(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(descriptor)


def _call(number: int, *arguments: object) -> int:
    words = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    found = int(_libc.syscall(ctypes.c_long(number), *words))
    if found < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return found
