"""Live services as targets: the sandbox's end of the pipe to the broker (`leakgauge.endpoints`).

`asking` puts rows through the pipe, `table` and `images` are the two kinds of target that do so. The answers
come from a stranger: `forms` says what they are, and holds every further one to that.
"""
