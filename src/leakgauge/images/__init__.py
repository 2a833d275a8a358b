"""Images that come from outside: read, and fitted to what a model takes.

Both audits use this room: inversion for the picture of a class, membership for sets of
pictures. Nothing in it opens a model.
"""
