"""A zip or a folder -> a checked `Bundle` on disk.

What comes in is not trusted. Three rules hold throughout:

* no name from the sender ever reaches the file system: unpacked files get names
  of ours, so that no path can leave the folder they are written into;
* sizes that an archive declares may refuse it early, but only bytes counted
  while reading let it pass;
* a file has one name however it came (in a zip, in `data.zip`, loose, in a
  folder, in capitals), so that the same content gives the same report.

Nothing in here parses a table, an image or a model.
"""

from leakgauge.bundle.limits import Limits
from leakgauge.bundle.model import (
    AnswersBundle,
    Bundle,
    BundledFile,
    ImageArrays,
    ImageFolder,
    ImageMembershipBundle,
    ImageSet,
    InversionBundle,
    Kind,
    MembershipBundle,
    ProfilesBundle,
)
from leakgauge.bundle.opening import open_bundle, open_folder, open_images, unpack

__all__ = [
    "AnswersBundle",
    "Bundle",
    "BundledFile",
    "ImageArrays",
    "ImageFolder",
    "ImageMembershipBundle",
    "ImageSet",
    "InversionBundle",
    "Kind",
    "Limits",
    "MembershipBundle",
    "ProfilesBundle",
    "open_bundle",
    "open_folder",
    "open_images",
    "unpack",
]
