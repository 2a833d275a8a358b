"""What runs inside the sandbox: one file a job, and one table of them."""
