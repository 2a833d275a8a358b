"""Image classifiers as targets, whatever format they come in."""
