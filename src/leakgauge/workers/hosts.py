"""The hosts of one job: the first leads the audit and trains beside it, the others train until it ends.

Dask's scheduler runs on the first host, and listens on that host's own address alone, as every worker does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import dask
import distributed

from leakgauge.errors import JsonValue
from leakgauge.sandbox.parent import ModelTraining
from leakgauge.workers.dealer import Dealer, tell
from leakgauge.workers.local import fitting
from leakgauge.workers.on_dask import KEEPER, Bundle, DaskWorkers

_log = logging.getLogger(__name__)

PORT: Final = 8786
_OWN_NAME_SECONDS: Final = 30.0
LEADER_SECONDS: Final = 300.0
"""How long the other hosts wait for the first: images are not everywhere there at the same time."""
_LOOK_SECONDS: Final = 0.2

# Nobody looks at pages of a job, and what is not served needs no guard.
_SETTINGS: Final[dict[str, list[str]]] = {
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}
_MEMORY_IS_WATCHED_BY_THE_SANDBOX: Final = 0


class Ending(Protocol):
    """Says whether to stop; a `threading.Event` is one."""

    def is_set(self) -> bool:
        """Whether to."""


@contextmanager
def led(host: str, source: Path, overrides: Mapping[str, JsonValue]) -> Iterator[ModelTraining | None]:
    """What the audit of the first host is given to have its reference models trained by all hosts.

    With the end of the context the other hosts are told to stop, so files that they might cut short, as they
    end, are written before. Where no scheduler can be started, the audit goes on alone, and the log says so.

    Parameters
    ----------
    host
        this one's name.
    source, overrides
        the bundle, which every host has in the same place, and the parameters of the audit.
    """
    with ExitStack() as stack:
        training = None
        try:
            client = stack.enter_context(_cluster(host))
            workers = stack.enter_context(DaskWorkers(client, Bundle.found(source, overrides)))
            dealer = stack.enter_context(Dealer(workers))
            training = ModelTraining(dealer.attach)
        except Exception as error:  # noqa: BLE001 -- whatever keeps hosts apart, one is enough
            _log.warning(
                "the other hosts cannot be reached: the audit goes on alone",
                extra={"type": type(error).__name__},
            )
        yield training
        if training is not None:
            tell(dealer)


@contextmanager
def _cluster(host: str) -> Iterator[Any]:
    """A client of a new cluster, which has this host's own workers until others come."""
    make: Any = distributed  # which types a part of it
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(_SETTINGS))
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="leakgauge-"))
        cluster = make.LocalCluster(
            n_workers=1,
            threads_per_worker=fitting(),
            processes=False,
            protocol="tcp://",
            host=_address(host, seconds=_OWN_NAME_SECONDS),
            scheduler_port=PORT,
            dashboard_address=None,
            local_directory=folder,
            memory_limit=_MEMORY_IS_WATCHED_BY_THE_SANDBOX,
        )
        stack.callback(_close, cluster)
        client = make.Client(cluster, set_as_default=False)
        stack.callback(_close, client)
        stack.callback(KEEPER.close)
        yield client


def _close(part: Any) -> None:
    """Close a part of a cluster, of which others may have broken by then."""
    try:
        part.close()
    except Exception as error:  # noqa: BLE001 -- the audit has ended
        _log.warning("the cluster did not end well", extra={"type": type(error).__name__})


def follow(host: str, leader: str, *, ending: Ending) -> None:
    """Train what the first host wants trained, until it ends, or there is none.

    Parameters
    ----------
    host, leader
        the names of this one and of the first.
    ending
        looked at several times a second; once set, this ends, too.
    """
    logging.getLogger("distributed").setLevel(logging.WARNING)
    with dask.config.set(_SETTINGS), contextlib.closing(KEEPER):
        try:
            asyncio.run(_follow(host, leader, ending))
        except (TimeoutError, OSError, RuntimeError) as error:
            _log.warning("the first host was not found", extra={"type": type(error).__name__})
        else:
            _log.info("trained reference models for the first host", extra={"trained": KEEPER.trained})


async def _follow(host: str, leader: str, ending: Ending) -> None:
    life = asyncio.create_task(_live(host, leader))
    while not life.done() and not ending.is_set():
        await asyncio.wait([life], timeout=_LOOK_SECONDS)
    if not life.done():
        KEEPER.close()  # what is in training then ends at once
        life.cancel()
        await asyncio.wait([life])
    if not life.cancelled():
        life.result()


async def _live(host: str, leader: str) -> None:
    end = time.monotonic() + LEADER_SECONDS
    with tempfile.TemporaryDirectory(prefix="leakgauge-") as folder:
        worker: Any = distributed.Worker(
            f"tcp://{await asyncio.to_thread(_address, leader, seconds=LEADER_SECONDS)}:{PORT}",
            host=await asyncio.to_thread(_address, host, seconds=_OWN_NAME_SECONDS),
            nthreads=fitting(),
            local_directory=folder,
            memory_limit=_MEMORY_IS_WATCHED_BY_THE_SANDBOX,
            death_timeout=max(end - time.monotonic(), 1.0),
            dashboard=False,
        )
        async with worker:
            _log.info("trains reference models for the first host")
            await worker.finished()


def _address(host: str, *, seconds: float) -> str:
    """The address of a host, whose name may not be known yet.

    Raises
    ------
    OSError
        when it is not known in time.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            return socket.gethostbyname(host)
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(_LOOK_SECONDS)
