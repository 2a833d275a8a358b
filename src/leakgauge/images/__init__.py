"""Images that come from outside: read, and fitted to what a model takes.

Both audits use this room: inversion for the image of a class, membership for sets of
images. Nothing in it opens a model.
"""
