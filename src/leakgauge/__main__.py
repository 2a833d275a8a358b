"""`python -m leakgauge` is the command line."""

from leakgauge.cli import main

if __name__ == "__main__":
    main(prog_name="leakgauge")
