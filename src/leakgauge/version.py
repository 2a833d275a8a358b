"""The one place where the version stands: package, images, reports and listing take it from here."""

__version__ = "0.2.0"
