"""Where untrusted bytes are opened: in a locked-down child of a preloaded server, and nowhere else."""
