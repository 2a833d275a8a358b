"""Models under audit, as black boxes."""
