"""Single layers of the sandbox: the filter on both architectures, Landlock, users, workspaces, removal."""

from __future__ import annotations

import fcntl
import os
import struct
import tempfile
from pathlib import Path

import pyseccomp
import pytest

from leakgauge.errors import LimitExceeded
from leakgauge.sandbox import landlock, user_isolation
from leakgauge.sandbox.machine import tasks_granted
from leakgauge.sandbox.quota import exceeds
from leakgauge.sandbox.removal import remove_tree
from leakgauge.sandbox.resources import ResourceLimits, slots_in_memory
from leakgauge.sandbox.system_calls import allowing_filter, denying_filter
from leakgauge.sandbox.workspace import Workspace, sweep

GIB = 1 << 30

# --- the filters ------------------------------------------------------------------------------------

ARCHITECTURES = {"x86-64": pyseccomp.Arch.X86_64, "arm64": pyseccomp.Arch.AARCH64}
ALLOWED, EPERM, ENOSYS, KILLED = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000


def evaluated(program, number, arguments=(), *, architecture):
    """What the filter says to a system call: a classic BPF machine, as small as filters need it."""
    data = struct.pack("<iIQ6Q", number, architecture, 0, *(*arguments, *[0] * 6)[:6])
    place = accumulator = 0
    while True:
        code, true, false, operand = struct.unpack_from("<HBBI", program, 8 * place)
        place += 1
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("<I", data, operand)
            case 0x54:
                accumulator &= operand
            case 0x05:
                place += operand
            case 0x15 | 0x25 | 0x35 | 0x45:
                met = {
                    0x15: accumulator == operand,
                    0x25: accumulator > operand,
                    0x35: accumulator >= operand,
                    0x45: bool(accumulator & operand),
                }[code]
                place += true if met else false
            case 0x06:
                return operand
            case _:
                raise AssertionError(f"unknown instruction {code:#x}")


def program_of(rules):
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def strictest(answers):
    """Of what several filters say, as the kernel has it: actions are compared as signed numbers."""
    return min(answers, key=lambda answer: answer - (1 << 32) if answer >= KILLED else answer)


@pytest.fixture(params=ARCHITECTURES)
def said(request):
    """What both filters say together, on one architecture, to a system call's name and arguments."""
    architecture = ARCHITECTURES[request.param]
    native = architecture == pyseccomp.system_arch()
    programs = [
        program_of(made(pyseccomp, architecture=None if native else architecture))
        for made in (denying_filter, allowing_filter)
    ]

    def say(name, *arguments):
        number = pyseccomp.resolve_syscall(architecture, name) if isinstance(name, str) else name
        return strictest(
            evaluated(program, number, arguments, architecture=architecture) for program in programs
        )

    return say


@pytest.mark.parametrize(
    "name",
    [
        *("execve", "execveat", "socket", "connect", "sendto", "ptrace", "process_vm_readv", "pidfd_open"),
        *("unshare", "setns", "mount", "bpf", "io_uring_setup", "keyctl", "linkat", "symlinkat", "fchmodat"),
        *("fchownat", "setxattr", "utimensat", "setuid", "setrlimit", "capset", "shmget", "mq_open", 452),
    ],
)
def test_denied_on_every_architecture(said, name):
    assert said(name) == EPERM


@pytest.mark.parametrize(
    "name",
    [
        "read",
        "write",
        "openat",
        "mmap",
        "futex",
        "exit_group",
        "getrandom",
        "sched_getaffinity",
        "newfstatat",
    ],
)
def test_allowed_on_every_architecture(said, name):
    assert said(name) == ALLOWED


def test_decided_by_arguments_on_every_architecture(said):
    thread, process = 0x003D0F00, 0x01200011
    assert (said("clone", thread), said("clone", process)) == (ALLOWED, EPERM)
    assert said("clone3") == ENOSYS
    assert (said("kill", os.getpid(), 6), said("kill", 1, 9)) == (ALLOWED, EPERM)
    assert (said("prlimit64", 0, 7, 0), said("prlimit64", 0, 7, 1 << 40)) == (ALLOWED, EPERM)
    assert (said("prctl", 15), said("prctl", 1), said("prctl", 4)) == (ALLOWED, EPERM, EPERM)
    assert (said("fcntl", 3, 1), said("fcntl", 3, 8), said("fcntl", 3, 10)) == (ALLOWED, EPERM, EPERM)
    # the kernel looks at 32 bits of these; what stands above must not hide them
    assert (said("ioctl", 0, 0x5401), said("ioctl", 0, 1 << 32 | 0x5412)) == (ALLOWED, EPERM)


@pytest.mark.parametrize("number", [453, 462, 469, 511, 600, 1_000, 100_000, 0x3FFF_FFFF])
def test_what_the_kernel_may_learn_is_not_there(said, number):
    assert said(number) == ENOSYS


@pytest.mark.parametrize(
    "name", ["memfd_create", "seccomp", "inotify_init1", "quotactl_fd", "landlock_restrict_self", "futimesat"]
)
def test_what_no_list_names_is_not_there_either(said, name):
    number = pyseccomp.resolve_syscall(pyseccomp.system_arch(), name)
    if number is not None and number > 0:
        assert said(name) in (ENOSYS, EPERM)


@pytest.mark.parametrize("made", [denying_filter, allowing_filter])
def test_calls_of_another_architecture_end_the_process(made):
    program = program_of(made(pyseccomp))
    for number in (0, 1, 59, 600):
        assert evaluated(program, number, architecture=0x40000003) == KILLED  # 32 bit
        if pyseccomp.system_arch() == pyseccomp.Arch.X86_64:
            x32 = 0x4000_0000 | number
            assert evaluated(program, x32, architecture=pyseccomp.Arch.X86_64) == KILLED


# --- Landlock --------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [38, 95, 1])
def test_a_kernel_without_landlock_speaks_version_0(monkeypatch, code):
    def missing(number, *arguments):
        raise OSError(code, "no")

    monkeypatch.setattr(landlock, "_call", missing)
    assert landlock.version() == 0


def test_another_error_of_the_kernel_is_not_taken_for_no_landlock(monkeypatch):
    def broken(number, *arguments):
        raise OSError(5, "no")

    monkeypatch.setattr(landlock, "_call", broken)
    with pytest.raises(OSError, match="no"):
        landlock.version()


@pytest.mark.parametrize(
    ("spoken", "files", "network", "scoped"),
    [(1, 13, 0, 0), (2, 14, 0, 0), (3, 15, 0, 0), (4, 15, 3, 0), (5, 16, 3, 0), (6, 16, 3, 3), (9, 16, 3, 3)],
)
def test_no_right_is_asked_for_that_a_version_does_not_know(
    monkeypatch, tmp_path, spoken, files, network, scoped
):
    asked, allowed = [], []

    def kernel(number, *arguments):
        if number == 444 and arguments[0] is None:
            return spoken
        if number == 444:
            asked.append(arguments[0]._obj)
            return os.open("/dev/null", os.O_RDONLY)
        if number == 445:
            allowed.append(arguments[2]._obj.allowed)
        return 0

    monkeypatch.setattr(landlock, "_call", kernel)
    landlock.restrict(readable=[tmp_path, tmp_path / "missing"], writable=[tmp_path])
    (ruleset,) = asked
    assert (ruleset.files, ruleset.network, ruleset.scoped) == ((1 << files) - 1, network, scoped)
    assert len(allowed) == 2
    assert all(rights & ~ruleset.files == 0 for rights in allowed)
    assert not any(rights & 1 for rights in allowed), "execution is granted"


# --- users -----------------------------------------------------------------------------------------


def test_users_that_are_taken_are_not_given_out_twice():
    taken = set()
    for _ in range(606):
        user = user_isolation.free_user(taken)
        assert 60_578 <= user <= 61_183
        assert user not in taken
        taken.add(user)
    assert user_isolation.free_user(taken) is None


def test_why_there_are_no_users(monkeypatch, tmp_path):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert user_isolation.obstacle(tmp_path) == "not started as root"
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(user_isolation, "_effective_capabilities", lambda: 0)
    assert "without the capabilities" in user_isolation.obstacle(tmp_path)
    monkeypatch.setattr(user_isolation, "_effective_capabilities", lambda: ~0)
    monkeypatch.setattr(user_isolation, "_mapped", lambda table: False)
    assert "user namespace" in user_isolation.obstacle(tmp_path)
    monkeypatch.setattr(user_isolation, "_mapped", lambda table: True)
    monkeypatch.setattr(user_isolation, "_open_to", lambda user, paths, mode: False)
    assert "Python" in user_isolation.obstacle(tmp_path)
    monkeypatch.setattr(user_isolation, "_open_to", lambda user, paths, mode: mode != os.X_OK)
    assert "temporary files" in user_isolation.obstacle(tmp_path / "workspace")
    monkeypatch.setattr(user_isolation, "_open_to", lambda user, paths, mode: True)
    assert user_isolation.obstacle(tmp_path / "workspace") is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_what_another_user_can_read_is_found_out_by_becoming_it(monkeypatch):
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        top = Path(name)
        top.chmod(0o755)
        for folder in ("packages/open", "private/packages", "private/link", "mixed/closed"):
            (top / folder).mkdir(parents=True, mode=0o755)
        (top / "packages" / "module.py").touch(0o644)
        (top / "mixed" / "gone").symlink_to(top / "nowhere")  # of no use to anybody
        (top / "private" / "link").rmdir()
        (top / "private" / "link").symlink_to(top / "packages")

        def reads(folder):
            monkeypatch.setattr("sys.path", [str(top / folder), str(top / "missing"), ""])
            monkeypatch.setattr("sys.prefix", str(top))
            monkeypatch.setattr("sys.base_prefix", str(top))
            return user_isolation._open_to(60_600, user_isolation._needed(), os.R_OK | os.X_OK)

        assert reads("packages")
        assert reads("private/link")
        assert reads("mixed")
        (top / "mixed" / "closed").chmod(0o700)  # a package, installed with another umask
        assert not reads("mixed")
        (top / "packages" / "module.py").chmod(0o600)
        assert not reads("packages")
        (top / "packages" / "module.py").chmod(0o644)
        (top / "private").chmod(0o700)
        assert not reads("private/packages")
        assert not reads("private/link")  # it leads to where everybody may read, by a way that few may go


@pytest.mark.parametrize(
    ("table", "mapped"),
    [("0 0 4294967295\n", True), ("0 100000 65536\n", True), ("0 1000 1\n", False), ("0 0 1000\n", False)],
)
def test_a_namespace_is_asked_for_its_users(tmp_path, table, mapped):
    (tmp_path / "uid_map").write_text(table)
    assert user_isolation._mapped(tmp_path / "uid_map") is mapped


# --- workspaces ------------------------------------------------------------------------------------


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_a_workspace_does_not_tell_what_lies_in_it(temporary):
    workspace = Workspace()
    folder = workspace.new_folder()
    assert workspace.path.stat().st_mode & 0o777 == 0o311
    assert folder.stat().st_mode & 0o777 == 0o700
    assert len(folder.name) == 32
    workspace.remove()
    assert list(temporary.iterdir()) == []


def test_deserted_workspaces_are_swept_and_used_ones_left_alone(temporary):
    used, deserted = Workspace(), Workspace()
    deserted.new_folder()
    os.close(deserted.lock)  # as when every process of it was killed
    (temporary / "leakgauge-sandbox-not-ours").write_text("precious")
    (temporary / "leakgauge-sandbox-link").symlink_to(temporary)
    (temporary / "leakgauge-sandbox-unlocked").mkdir()
    sweep(temporary)
    assert not deserted.path.exists()
    assert used.exists()
    assert (temporary / "leakgauge-sandbox-not-ours").read_text() == "precious"
    assert (temporary / "leakgauge-sandbox-unlocked").exists()
    used.remove()


def test_a_lock_outlives_the_process_that_took_it_where_another_inherited_it(temporary):
    workspace = Workspace()
    inherited = os.dup(workspace.lock)
    os.close(workspace.lock)
    sweep(temporary)
    assert workspace.exists()
    fcntl.flock(inherited, fcntl.LOCK_UN)
    os.close(inherited)
    sweep(temporary)
    assert not workspace.exists()


def test_a_full_disk_is_told_as_such(temporary, monkeypatch):
    workspace = Workspace()

    def full(self, mode=0o777):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.mkdir", full)
        with pytest.raises(LimitExceeded) as raised:
            workspace.new_folder()
    assert raised.value.code == "limit_exceeded.disk"
    workspace.remove()


# --- removal ---------------------------------------------------------------------------------------


def test_links_are_removed_and_not_followed(tmp_path):
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    (outside / "precious").write_text("years of work")
    (inside / "deeper").mkdir(parents=True)
    (inside / "link").symlink_to(outside)
    (inside / "deeper" / "link").symlink_to(outside)
    (inside / "deeper" / "file").symlink_to(outside / "precious")
    os.mkfifo(inside / "pipe")
    remove_tree(inside)
    assert not inside.exists()
    assert (outside / "precious").read_text() == "years of work"
    (tmp_path / "link").symlink_to(outside)
    remove_tree(tmp_path / "link")
    assert (outside / "precious").exists()


def test_folders_wide_and_deep_and_closed_are_removed(tmp_path):
    folder = tmp_path / "folder"
    for name in ("a", "b", "c"):
        (folder / name / "inner" / "innermost").mkdir(parents=True)
        (folder / name / "inner" / "file").touch()
    (folder / "a" / "inner").chmod(0)
    (folder / "b").chmod(0o500)
    deep = os.open(folder / "c", os.O_RDONLY)
    for _ in range(1_100):
        os.mkdir("d", dir_fd=deep)
        deeper = os.open("d", os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = deeper
    os.close(deep)
    remove_tree(folder)
    assert not folder.exists()


def test_what_is_not_there_needs_no_removal(tmp_path):
    remove_tree(tmp_path / "missing")


# --- shares ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("granted", "slots"), [(512 << 20, 1), (2 * GIB, 1), (4 * GIB, 2), (16 * GIB, 10), (64 * GIB, 42)]
)
def test_memory_says_how_many_audits_run_at_once(monkeypatch, granted, slots):
    monkeypatch.setattr("leakgauge.sandbox.resources.memory_granted", lambda: granted)
    assert slots_in_memory() == slots
    limits = ResourceLimits().shared(slots)
    assert slots * limits.data_bytes <= max(granted, 512 << 20)
    assert limits.data_bytes >= 512 << 20


@pytest.mark.parametrize(
    ("granted", "slots", "tasks"), [(256, 1, 192), (256, 2, 96), (100, 4, 32), (None, 8, 512)]
)
def test_threads_keep_within_the_containers_limit(monkeypatch, granted, slots, tasks):
    monkeypatch.setattr("leakgauge.sandbox.resources.tasks_granted", lambda: granted)
    assert ResourceLimits().shared(slots).tasks == tasks


@pytest.mark.parametrize(
    ("name", "text", "tasks"),
    [("pids.max", "256", 256), ("pids/pids.max", "64", 64), ("pids.max", "max", None)],
)
def test_tasks_granted(tmp_path, name, text, tasks):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text + "\n")
    assert tasks_granted(Path(tmp_path)) == tasks


# --- quota -----------------------------------------------------------------------------------------


def passed(folder, *, most_bytes=1 << 30, most_entries=1_000, owner=None):
    owner = os.geteuid() if owner is None else owner
    return exceeds(folder, owner=owner, most_bytes=most_bytes, most_entries=most_entries)


def test_files_and_folders_are_counted_however_deep_they_lie(tmp_path):
    for name in ("a", "b", "a/c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    assert not passed(tmp_path, most_entries=6)
    assert passed(tmp_path, most_entries=5)


def test_bytes_are_those_that_take_room(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "full").write_bytes(bytes(1 << 20))
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    os.sync()
    assert not passed(tmp_path, most_bytes=2 << 20)
    assert passed(tmp_path, most_bytes=1 << 19)


def test_what_belongs_to_somebody_else_is_not_looked_into(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").touch()
    assert not passed(tmp_path, owner=os.geteuid() + 1, most_entries=0)


def test_folders_without_end_are_too_much(tmp_path):
    deep = tmp_path
    for _ in range(100):
        deep = deep / "d"
        deep.mkdir()
    assert passed(tmp_path)


def test_folders_that_lead_elsewhere_or_are_gone_are_not_followed(tmp_path):
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    for folder in (outside, inside):
        folder.mkdir()
    for number in range(10):
        (outside / f"{number}").touch()
    (inside / "link").symlink_to(outside)
    assert not passed(inside, most_entries=5)
    assert not passed(tmp_path / "gone", most_entries=0)
