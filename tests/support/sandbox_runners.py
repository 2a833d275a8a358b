"""What the sandbox's tests run in a child in place of an audit: `function(job, progress)` of a request."""

from __future__ import annotations

import ctypes
import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from leakgauge.errors import AuditFailed, BadBundle, BadParameters, Busy
from leakgauge.jobs.table import Job


def running(function):
    """The job that is a function of this file."""
    return Job(function, f"sandbox_runners:{function}")


def _finish(job, **facts):
    (job.report / "report.json").write_text(json.dumps(facts))


def echo(job, progress):
    progress.report("reading", 0.25)
    size = job.source.stat().st_size if job.source.is_file() else None
    progress.report("writing", 1.0)
    (job.report / "output.csv").write_text("a,b\n1,2\n")
    (job.report / "report.html").write_text("<!doctype html><title>report</title>")
    _finish(
        job,
        size=size,
        overrides=dict(job.overrides),
        time_budget=job.time_budget,
        only=job.only,
        head={"sentence": "It is so."},
        verdict={"severity": "low", "sentence": "Nothing leaks.", "reasons": []},
        attacks=[
            {
                "name": "gap",
                "status": "measured",
                "metrics": {"auc": {"value": 0.5}, "accuracy": {"value": 0.25}},
            },
            {"name": "rmia", "status": "not_applicable"},
        ],
    )


def held_to_a_policy(job, progress):
    """A real report, held to the policy among the parameters as audits hold theirs."""
    from report_examples import membership_report

    from leakgauge.parameters import membership_parameters
    from leakgauge.report.gate import held_to
    from leakgauge.report.model import Audited
    from leakgauge.report.writers import write

    parameters = membership_parameters(overrides=job.overrides)
    made = membership_report(n=60)
    ran = tuple(attack for attack in made.attacks if attack.status == "measured")
    audited = Audited(dataclasses.replace(made, attacks=ran))
    write(held_to(audited, parameters.policy), job.report)


def told_parameters(job, progress):
    """A real report that holds the parameters the audit was told, defaults included."""
    from report_examples import membership_report

    from leakgauge.parameters import membership_parameters
    from leakgauge.report.model import Audited
    from leakgauge.report.writers import write

    parameters = membership_parameters(overrides=job.overrides).model_dump(mode="json")
    write(Audited(dataclasses.replace(membership_report(n=60), parameters=parameters)), job.report)


def surroundings(job, progress):
    _finish(
        job,
        environment=dict(os.environ),
        descriptors=sorted(int(path.name) for path in Path("/proc/self/fd").iterdir()),
        umask=os.umask(0o077),
        session=os.getsid(0) == os.getpid(),
        time_left=job.time_left(),
        folder=str(Path.cwd()),
        niceness=os.nice(0),
    )


def spin(job, progress):
    progress.report("spinning", 0.1)
    while True:
        pass


def sleep(job, progress):
    progress.report("sleeping", 0.1)
    time.sleep(600)


def nap(job, progress):
    time.sleep(1)
    echo(job, progress)


def ignore_termination(job, progress):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGXCPU):
        signal.signal(number, signal.SIG_IGN)
    spin(job, progress)


def allocate(job, progress):
    kept = []
    while True:
        kept.append(bytearray(16 << 20))


def segfault(job, progress):
    ctypes.string_at(1)


def segfault_of_the_model(job, progress):
    progress.opened("model")
    ctypes.string_at(1)


def abort_of_the_model(job, progress):
    progress.opened("model")
    os.abort()


def killed_with_the_model_open(job, progress):
    progress.opened("model")
    os.kill(os.getpid(), signal.SIGKILL)


def stopped_with_the_model_open(job, progress):
    progress.opened("model")
    os._exit(3)


def segfault_once(job, progress):
    """Dies with the upload that it finds, and not with what the test then puts in its place."""
    first = job.source.read_bytes()
    progress.report("reading", 0.5)
    progress.opened("model")
    if first.startswith(b"once"):
        while job.source.read_bytes() == first:
            time.sleep(0.01)
        ctypes.string_at(1)
    progress.report("reading", 0.25)
    sleep(job, progress) if first.startswith(b"sleep") else echo(job, progress)


def abort(job, progress):
    os.abort()


def refuse(job, progress):
    raise BadBundle("not_a_zip", "This is no zip.", hint="Send a zip.", details={"file": "x"})


def fail(job, progress):
    raise AuditFailed("stuck", "It stuck.", hint="Try again.")


def crash_with_a_secret(job, progress):
    secret = "Alice,42"
    raise KeyError(f"no such row: {secret}")


def leave_early(job, progress):
    os._exit(0)


def huge_file(job, progress):
    with (job.scratch / "huge").open("wb") as file:
        while True:
            file.write(bytes(1 << 20))


def write_many_files(job, progress):
    """Empty ones, without end."""
    number = 0
    while True:
        (job.scratch / str(number)).touch()
        number += 1


def write_many_small_files(job, progress):
    """Each far below the limit on one file, in folders of which some are closed."""
    number = 0
    while True:
        folder = job.report / str(number)
        folder.mkdir()
        (folder / "file").write_bytes(bytes(1 << 20))
        number += 1
        time.sleep(0.01)


def write_within_bounds(job, progress):
    for number in range(50):
        (job.scratch / str(number)).write_bytes(bytes(1 << 16))
    time.sleep(2.0)
    echo(job, progress)


def look_around(job, progress):
    """Who this is, what lies in the folder that it was given, and what can be done there."""
    found = {}
    for path in sorted(job.source.rglob("*")):
        name = str(path.relative_to(job.source))
        if path.is_symlink():
            found[name] = "link"
        elif path.is_file():
            found[name] = path.read_text()
        else:
            found[name] = "folder" if path.is_dir() else "special"
    changes = {
        "new": lambda: (job.source / "new").touch(),
        "changed": lambda: (job.source / "model.pkl").write_text("x"),
        "removed": lambda: (job.source / "model.pkl").unlink(),
    }
    possible = []
    for name, change in changes.items():
        try:
            change()
        except OSError:
            continue
        possible.append(name)
    _finish(job, user=os.geteuid(), found=found, possible=possible, folder=str(job.source))


def leave_a_folder(job, progress):
    _finish(job)
    (job.report / "folder").mkdir()


def leave_a_strange_name(job, progress):
    _finish(job)
    (job.report / "-rf *").write_text("")


def leave_nothing(job, progress):
    pass


def use_threads(job, progress):
    found = []
    threads = [threading.Thread(target=found.append, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _finish(job, found=sorted(found))


def print_secrets(job, progress):
    print("SECRET-OUT")
    print("SECRET-ERR", file=sys.stderr)
    os.write(1, b"SECRET-RAW")
    _finish(job)


def _attempts():
    def kill_the_parent():
        os.kill(os.getppid(), 0)

    def connect():
        socket.create_connection(("127.0.0.1", 1), timeout=1)

    def system_call(number, *arguments):
        def call():
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.syscall(number, *arguments) < 0:
                raise OSError(ctypes.get_errno(), "system call")

        return call

    return {
        "execve": lambda: os.execv("/bin/true", ["true"]),
        "subprocess": lambda: subprocess.run(["/bin/true"], check=True),
        "fork": os.fork,
        "posix_spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
        "socket": socket.socket,
        "unix_socket": lambda: socket.socket(socket.AF_UNIX),
        "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
        "connect": connect,
        "kill": kill_the_parent,
        "kill_all": lambda: os.kill(-1, 0),
        "pidfd_open": lambda: os.pidfd_open(os.getppid()),
        "ptrace": system_call(101, 16, os.getppid(), 0, 0),
        "symlink": lambda: Path("link").symlink_to("/etc/passwd"),
        "hard_link": lambda: os.link("/etc/hostname", "link"),
        "chmod": lambda: Path().chmod(0o777),
        "chown": lambda: os.chown(".", 1, 1),
        "mknod": lambda: os.mkfifo("pipe"),
        "chroot": lambda: os.chroot("."),
        "unshare": system_call(272, 0x10000000),
        "bpf": system_call(321, 0, 0, 0),
        "io_uring": system_call(425, 1, 0),
        "userfaultfd": system_call(323, 0),
        "keyctl": system_call(250, 0, 0, 0, 0, 0),
        "fchmodat2": system_call(452, -100, 0, 0, 0),
        "setrlimit": system_call(160, 9, (ctypes.c_ulong * 2)(1 << 40, 1 << 40)),
        "prlimit": system_call(302, 0, 9, (ctypes.c_ulong * 2)(1 << 40, 1 << 40), 0),
        "setuid": lambda: os.setuid(1),
    }


def try_everything(job, progress):
    outcomes = {}
    for name, attempt in _attempts().items():
        try:
            attempt()
            outcomes[name] = "allowed"
        except OSError as error:
            outcomes[name] = error.errno
    _finish(job, outcomes=outcomes)


def clone_three(job, progress):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall(435, 0, 0)
    _finish(job, errno=ctypes.get_errno())


def write_to_the_parent(data):
    def run(job, progress):
        os.write(3, data)
        _finish(job)

    return run


garbage_events = write_to_the_parent(b"\x00\xff not json\n")
nested_events = write_to_the_parent(b"[" * 100_000 + b"\n")
huge_number = write_to_the_parent(b'{"progress": ["a", %s]}\n' % (b"9" * 4_000))
thousand_huge_numbers = write_to_the_parent(b'{"progress": [%s]}\n' % b",".join([b"9" * 200] * 1_000))
huge_number_to_look_at = write_to_the_parent(b'{"shown": {"loss": %s}}\n' % (b"9" * 4_000))
infinite_to_look_at = write_to_the_parent(b'{"shown": {"loss": 1e999}}\n')
nested_to_look_at = write_to_the_parent(b'{"shown": {"loss": %s%s}}\n' % (b"[" * 900, b"]" * 900))
other_layers = write_to_the_parent(b'{"layers": ["limits"]}\n')
unknown_layers = write_to_the_parent(b'{"layers": ["moat", "drawbridge"]}\n')
busy = write_to_the_parent(
    json.dumps({"error": Busy("queue_full", "", hint="", details={"retry_after": 9}).body()}).encode() + b"\n"
)
strange_events = write_to_the_parent(b'{"progress": ["a", "b"]}\n')
not_finite_events = write_to_the_parent(b'{"progress": ["a", NaN]}\n')
forged_frames = write_to_the_parent(b'{"crash": {"type": "X\\u001b[2J", "frames": []}}\n')
two_endings = write_to_the_parent(b'{"done": true}\n')
unknown_family = write_to_the_parent(b'{"error": {"code": "no.such", "message": "", "hint": ""}}\n')


def endless_line(job, progress):
    while True:
        os.write(3, b"x" * 65_536)


def endless_events(job, progress):
    while True:
        os.write(3, b'{"progress": ["%s", 0.5]}\n' % (b"a" * 4_000))


def steering_stage(job, progress):
    progress.report("\x1b[2Jcleared\n{forged}", 7.0)
    _finish(job)


def falling_progress(job, progress):
    for stage, fraction in (("a", 0.5), ("b", 0.2), ("c", -3.0), ("d", 0.75)):
        progress.report(stage, fraction)
    _finish(job)


def import_frameworks(job, progress):
    import joblib
    import pandas as pd
    import sklearn.ensemble
    import torch

    x = pd.DataFrame({"x": [0.0, 1.0] * 20})
    sklearn.ensemble.RandomForestClassifier(n_estimators=3, n_jobs=2).fit(x, [0, 1] * 20)
    sizes = joblib.Parallel(n_jobs=2)(joblib.delayed(len)(word) for word in ("a", "bc"))
    _finish(job, sizes=sizes, sum=float(torch.ones(512, 512).matmul(torch.ones(512, 512)).sum()))


def by_name(job, progress):
    """Run what the first word of the upload names: one server then serves every test."""
    name = job.source.read_bytes()[:100].split(b" ")[0].decode("ascii", "replace")
    runner = globals().get(name)
    if runner is None:
        raise BadBundle("not_a_zip", "The upload is not a zip.", hint="Send a zip.")
    runner(job, progress)


def refuse_parameters(job, progress):
    problems = ["seed\x1b[2J is negative", {"parameter": "x", "message": "y"}]
    raise BadParameters("invalid", "Two are wrong.", hint="Correct them.", details={"problems": problems})


def refuse_at_length(job, progress):
    raise BadBundle("not_a_zip", "This is no zip. " * 1_000, hint="Send a zip.")


def start_threads(job, progress):
    waiting = threading.Event()
    while True:
        try:
            threading.Thread(target=waiting.wait, daemon=True).start()
        except RuntimeError:
            raise BadBundle("refused", "The kernel starts no more.", hint="None.") from None


def map_a_hundred_gigabytes(job, progress):
    bytearray(100 << 30)


def leave_files_everywhere(job, progress):
    """Files wherever anybody may write, by a user who may not even own this temporary folder."""
    _leave_files(job)
    raise BadBundle("done", "Done.", hint="None.")


def leave_files_and_sleep(job, progress):
    progress.report(" ".join(_leave_files(job)), 0.1)
    time.sleep(600)


def _leave_files(job):
    left = []
    for folder in ("/tmp", "/dev/shm", "/var/tmp", job.scratch.parents[2]):
        try:
            file = Path(folder, f"leakgauge-left-behind-{os.getpid()}")
            file.write_text("x")
        except OSError:
            continue
        left.append(str(folder))
    return left


def audit_with_hogs(job, progress):
    """A membership audit with an attack that takes all memory and one that never ends.

    An attack that comes after the first needs half of what there was. The clock goes as
    fast as the one without an end reports its progress.
    """
    import numpy as np

    from leakgauge.exhaustion import Time
    from leakgauge.jobs import audit as audit_job
    from leakgauge.membership import audit as membership
    from leakgauge.membership.protocol import Attack

    def fill(target, pool, *, rng, progress):
        kept = []
        while True:
            kept.append(np.ones(1 << 20))

    def need(target, pool, *, rng, progress):
        needed = np.ones((256 << 20) // 8)  # half of what its test grants
        return target.probabilities(pool.x)[:, 0] * needed[: len(pool)]

    def go_on(target, pool, *, rng, progress):
        while True:
            seconds[0] -= 1.0
            progress.report("going on", 0.5)

    attacks = [
        Attack(function.__name__, function.__name__, "probabilities", "nobody", function)
        for function in (fill, need, go_on)
    ]
    seconds = [1_000.0]
    audit_job.Time = lambda _: Time(lambda: seconds[0])
    own = membership.ATTACKS
    membership.ATTACKS = (*attacks, *(attack for attack in own if attack.name == "gap"))
    audit_job.audit(job, progress)


def build_a_maze(job, progress):
    """Folders that nobody may enter, and folders too deep for a path."""
    closed = job.scratch / "closed"
    (closed / "inner").mkdir(parents=True)
    (closed / "inner" / "file").write_text("x")
    (job.scratch / "forbidden").mkdir(0)
    os.chdir(job.scratch)
    for _ in range(1_500):
        Path("d").mkdir()
        os.chdir("d")
    Path("bottom").write_text("x")
    raise BadBundle("done", "Done.", hint="None.")


def hold_sixty_threads(job, progress):
    waiting = threading.Event()
    for _ in range(60):
        threading.Thread(target=waiting.wait, daemon=True).start()
    time.sleep(600)
