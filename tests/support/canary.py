"""A file that no uploaded model may touch: named anew in each process, in a folder that all may write to.

A fixed name would make a run red for a file of an earlier one, which another user could not even remove.
"""

from __future__ import annotations

import secrets
from pathlib import Path

CANARY = Path("/tmp", f"leakgauge-canary-{secrets.token_hex(8)}")
