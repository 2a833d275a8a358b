"""Pickles read without running anything of them: a scanner, then construction, on a virtual machine."""
