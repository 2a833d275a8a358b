"""Workers as a command line asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from leakgauge.errors import BadParameters, JsonValue
from leakgauge.extras import check
from leakgauge.sandbox.parent import ModelTraining
from leakgauge.workers.dealer import Dealer, Workers, tell
from leakgauge.workers.local import LocalWorkers


def check_hired(*, workers: int | None, dask: str | None, service: bool) -> None:
    """See that what is asked for goes together.

    Parameters
    ----------
    service
        whether a live service is audited.

    Raises
    ------
    BadParameters
        `workers` where it does not.
    AuditFailed
        `missing_extra` for Dask without its library.
    """
    if workers is not None and dask is not None:
        raise BadParameters(
            "workers",
            "Workers were asked for twice, here and on a Dask cluster.",
            hint="Give --workers or --dask.",
        )
    if service and (workers is not None or dask is not None):
        raise BadParameters(
            "workers",
            "A live service is only asked: nothing is trained, so there is nothing for workers.",
            hint="Leave out --workers and --dask.",
        )
    if dask is not None:
        check("dask")


@contextmanager
def hired(
    source: Path, overrides: Mapping[str, JsonValue], *, workers: int | None, dask: str | None
) -> Iterator[ModelTraining | None]:
    """What an audit is given to have its reference models trained by workers; None for no workers.

    Parameters
    ----------
    source, overrides
        the bundle and the parameters of the audit.
    workers
        how many processes of this machine; None for none.
    dask
        address of a scheduler; None for none.

    Raises
    ------
    BadParameters
        where there is no such cluster.
    """
    if workers is None and dask is None:
        yield None
        return
    with ExitStack() as stack:
        team: Workers
        if dask is not None:
            # imported late: no other audit needs Dask
            from leakgauge.workers.on_dask import Bundle, DaskWorkers, connected

            client = stack.enter_context(connected(dask))
            team = stack.enter_context(DaskWorkers(client, Bundle.sent(source, overrides)))
        else:
            team = stack.enter_context(LocalWorkers(source, overrides, workers=workers or 1))
        dealer = stack.enter_context(Dealer(team))
        yield ModelTraining(dealer.attach)
        tell(dealer)
