"""Workers that are reached by Dask: a task is a model to be trained, and what it answers comes back.

A Dask worker never opens a bundle: it has the models trained by sandboxed processes of its own, which end
some time after the last task. It is sent the bundle, or where it finds that, and rows; it sends back bytes.
When it is lost, Dask gives its tasks to another.
"""

from __future__ import annotations

import atexit
import logging
import secrets
import socket
import threading
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import distributed

from leakgauge.errors import BadParameters, JsonValue
from leakgauge.model_pipe import Fit
from leakgauge.version import __version__
from leakgauge.workers.child import Source
from leakgauge.workers.dealer import Outcome
from leakgauge.workers.local import LocalWorkers

_log = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 15.0
_SCHEMES: Final = frozenset({"tcp", "tls", "ws", "wss"})
_HINT: Final = "Give the address that the scheduler prints, such as tcp://10.0.0.5:8786."
IDLE_SECONDS: Final = 120.0
"""After so long without a task a Dask worker ends what it keeps for an audit."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """The bundle that is audited, as Dask workers are told of it.

    Attributes
    ----------
    audit
        a name that no other audit has.
    source
        where every worker finds it, or its content.
    overrides
        the parameters of the audit.
    version
        of Leakgauge; another one might train other models.
    """

    audit: str
    source: Source = field(repr=False)  # Dask logs what a task that fails was given
    overrides: Mapping[str, JsonValue] = field(repr=False)
    version: str = __version__

    @classmethod
    def found(cls, source: Path, overrides: Mapping[str, JsonValue]) -> Bundle:
        """A file or folder that every worker finds in the same place."""
        return cls(secrets.token_hex(8), source.resolve(), dict(overrides))

    @classmethod
    def sent(cls, source: Path, overrides: Mapping[str, JsonValue]) -> Bundle:
        """A zip or a folder, whose content is sent to each worker."""
        return cls(secrets.token_hex(8), _content(source), dict(overrides))


class DaskWorkers:
    """The workers of a Dask cluster.

    Parameters
    ----------
    client
        of the cluster.
    bundle
        what is audited.
    """

    def __init__(self, client: Any, bundle: Bundle) -> None:
        self._client = client
        self._bundle = bundle
        self._kept: Any = None
        self._submitted = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kept = None  # with the last reference the cluster forgets the bundle

    def prepare(self) -> None:
        """Send the bundle, or where it is.

        It is the outcome of a task: Dask makes that anew where the worker that has it is lost, and data not.
        """
        if self._kept is None:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
                key = f"leakgauge-{self._bundle.audit}"
                self._kept = self._client.submit(_itself, self._bundle, key=key, pure=False)

    def count(self) -> int:
        """How many models the cluster trains at once, as of now; 0 where its scheduler is gone."""
        try:
            return sum(self._client.nthreads().values())
        except Exception as error:  # noqa: BLE001 -- a cluster that cannot be asked has no workers
            _log.warning("the Dask cluster does not answer", extra={"type": type(error).__name__})
            return 0

    def submit(self, fit: Fit) -> Outcome:
        """Have a model trained by any of them; it is lost where the cluster is."""
        self._submitted += 1
        key = f"leakgauge-{self._bundle.audit}-{self._submitted}"
        try:
            self.prepare()
            return _Task(self._client.submit(train, self._kept, fit, key=key, pure=False))
        except Exception as error:  # noqa: BLE001 -- likewise
            _log.warning("the Dask cluster takes nothing", extra={"type": type(error).__name__})
            lost: Future[bytes | None] = Future()
            lost.set_result(None)
            return lost


class _Task:
    """A task of a cluster that may be gone when it is called off."""

    def __init__(self, future: Any) -> None:
        self._future = future

    def result(self, timeout: float) -> bytes | None:
        """What it gave, which is bytes or nothing, whoever sent it."""
        found = self._future.result(timeout)
        return found if isinstance(found, bytes) else None

    def done(self) -> bool:
        """Whether it has come to its end."""
        return bool(self._future.done())

    def cancel(self) -> None:
        """It is wanted no more."""
        try:
            self._future.cancel()
        except Exception as error:  # noqa: BLE001 -- likewise
            _log.info("the Dask cluster was gone", extra={"type": type(error).__name__})


def _host_and_port(address: str) -> tuple[str, int]:
    """Where a scheduler listens, by its address.

    Raises
    ------
    BadParameters
        `dask_address` for what is no address.
    """
    try:
        parts = urlsplit(address)
        if parts.scheme in _SCHEMES and parts.hostname and parts.port:
            return parts.hostname, parts.port
    except ValueError:  # of a port that there is not
        pass
    raise BadParameters("dask_address", "That is no address of a Dask scheduler.", hint=_HINT)


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """A client of the cluster whose scheduler has this address.

    Raises
    ------
    BadParameters
        `dask_address` for what is no address, `dask_cluster` when nobody answers there.
    """
    place = _host_and_port(address)
    client: Any
    try:
        # a client that finds nobody leaves threads behind, so it is made where somebody listens
        socket.create_connection(place, timeout=CONNECT_SECONDS).close()
        client = distributed.Client(
            address,  # type: ignore[no-untyped-call]  # Dask types a part
            timeout=CONNECT_SECONDS,
            set_as_default=False,
        )
    except (OSError, ValueError) as error:
        raise BadParameters(
            "dask_cluster",
            f"No Dask scheduler of a like version answers at that address ({type(error).__name__}).",
            hint=f"{_HINT} See that this machine may connect to it.",
        ) from None
    try:
        yield client
    finally:
        client.close()


class Keeper:
    """The processes that this Dask worker keeps, for each audit as many as it has threads.

    Attributes
    ----------
    trained
        how many models they have trained.
    """

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._kept: dict[str, _Kept] = {}
        self._closed = False
        self.trained = 0
        atexit.register(self.close)

    def train(self, bundle: Bundle, fit: Fit, *, threads: int) -> bytes | None:
        """What a model answers; None where it cannot be trained."""
        with self._changing:
            if self._closed:
                return None
            kept = self._kept.get(bundle.audit)
            if kept is None:
                kept = self._kept[bundle.audit] = _Kept.of(bundle, threads)
            kept.busy += 1
        try:
            answers = kept.workers.submit(fit).result()
            self.trained += answers is not None
            return answers
        finally:
            with self._changing:
                kept.busy -= 1
                kept.tasks += 1
                if not kept.busy:
                    timer = threading.Timer(IDLE_SECONDS, self._end_idle, (bundle.audit, kept.tasks))
                    timer.daemon = True
                    timer.start()

    def _end_idle(self, audit: str, tasks: int) -> None:
        """End what has done no task since it had done so many."""
        with self._changing:
            kept = self._kept.get(audit)
            if kept is None or kept.busy or kept.tasks != tasks:
                return
            del self._kept[audit]
        kept.workers.close()

    def close(self) -> None:
        """End every process. Final."""
        with self._changing:
            self._closed = True
            ending, self._kept = list(self._kept.values()), {}
        for kept in ending:
            kept.workers.close()


@dataclass(slots=True)
class _Kept:
    """What is kept for one audit."""

    workers: LocalWorkers
    busy: int = 0
    tasks: int = 0

    @classmethod
    def of(cls, bundle: Bundle, threads: int) -> _Kept:
        workers = LocalWorkers(bundle.source, bundle.overrides, workers=threads)
        workers.prepare()
        return cls(workers)


KEEPER = Keeper()


def train(bundle: Bundle, fit: Fit) -> bytes | None:
    """The task: what a model answers; None where it cannot be trained.

    Raises
    ------
    RuntimeError
        on a worker with another version of Leakgauge.
    """
    if bundle.version != __version__:
        raise RuntimeError("this worker has another version of Leakgauge than the audit")
    return KEEPER.train(bundle, fit, threads=distributed.get_worker().state.nthreads)


def _itself(bundle: Bundle) -> Bundle:
    return bundle


def _content(source: Path) -> Source:
    """What is in a zip, or in the files of a folder; what begins with a dot is none of a bundle."""
    if source.is_file():
        return source.read_bytes()
    names = sorted(path.relative_to(source) for path in source.rglob("*"))
    return tuple(
        (name.as_posix(), (source / name).read_bytes())
        for name in names
        if not any(part.startswith(".") for part in name.parts)
        and not (source / name).is_symlink()
        and (source / name).is_file()
    )
