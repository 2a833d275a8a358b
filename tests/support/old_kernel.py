"""Run a program as on a kernel without Landlock: `old_kernel.py COMMAND...`."""

import errno
import os
import sys

import pyseccomp

if __name__ == "__main__":
    rules = pyseccomp.SyscallFilter(defaction=pyseccomp.ALLOW)
    rules.add_rule(pyseccomp.ERRNO(errno.ENOSYS), 444)
    rules.load()
    os.execvp(sys.argv[1], sys.argv[1:])
