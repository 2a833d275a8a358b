"""How gunicorn serves the audit. One worker: it waits, the sandbox's children work.

gunicorn reads these names; see its documentation, "Settings".
"""

from __future__ import annotations

import os
import sys
from typing import Any

from leakgauge import logs
from leakgauge.sandbox.lockdown import hide_from_others
from leakgauge.service.app import sandbox_of
from leakgauge.service.lifecycle import begin
from leakgauge.service.settings import Settings

_settings = Settings.from_environment()

wsgi_app = "leakgauge.service.app:from_environment()"
bind = f"0.0.0.0:{os.environ.get('SAGEMAKER_BIND_TO_PORT') or 8080}"

worker_class = "leakgauge.service.worker.WholeRequestWorker"
worker_connections = 4_096  # connections that wait for a request cost a descriptor each, and no thread
backlog = 2_048
workers = 1
# One thread for each request that may be admitted, and some that answer /ping and refuse the rest.
threads = _settings.slots + _settings.queue + 8
worker_tmp_dir = "/dev/shm"  # noqa: S108 - a heartbeat file, which a read-only image has no other place for
control_socket_disable = True

timeout = 3_700  # longer than any caller waits
graceful_timeout = 25  # SageMaker kills after 30
keepalive = 75  # longer than the load balancers in front keep an idle connection

accesslog = None  # the service writes its own line, without what the caller sent
logconfig_dict = logs.settings(level=logs.level(), console=sys.stderr.isatty())


def on_starting(_server: Any) -> None:
    """Keep the environment of the master, credentials and all, from whoever runs under its user."""
    hide_from_others()


def post_worker_init(worker: Any) -> None:
    """Start importing the audit's libraries, while the worker answers /ping already."""
    begin(sandbox_of(worker.wsgi), stop_seconds=_settings.stop_seconds)


def worker_exit(_server: Any, worker: Any) -> None:
    """Leave no process and no file behind."""
    application = getattr(worker, "wsgi", None)
    if application is not None:
        sandbox_of(application).close()
