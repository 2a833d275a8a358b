"""The training table of trees, rebuilt from the model file alone.

`rebuilding` chooses the method and says how far it came; `regression` reads trees of numbers,
`classification` those of classes by `message_passing` over the bags that `bootstrap` draws again;
`placing` says of which leaves messages are sure and what that rules out;
`midpoints` turns boxes into values; `comparison` holds the result against the true table.
"""

from leakgauge.model_contents.reconstruction.comparison import KnownTable
from leakgauge.model_contents.reconstruction.effort import SECONDS, SECONDS_IN_AUDITS
from leakgauge.model_contents.reconstruction.rebuilding import Rebuilt, rebuild, rebuilt_table

__all__ = ["SECONDS", "SECONDS_IN_AUDITS", "KnownTable", "Rebuilt", "rebuild", "rebuilt_table"]
