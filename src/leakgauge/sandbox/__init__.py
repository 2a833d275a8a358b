"""Where untrusted bytes are opened, and nowhere else."""
