"""The seccomp filter: system calls that an audit never needs and an attacker would like.

A deny list with default allow: numerical libraries use a wide and shifting set of harmless calls,
and a filter that breaks with every release of theirs would soon be switched off. What is denied
answers EPERM, so that libraries which merely try (a shared-memory lock, a niceness) carry on.
"""

from __future__ import annotations

import errno
import os
from typing import Any

_CLONE_THREAD = 0x00010000

_DENIED: dict[str, tuple[str | int, ...]] = {
    "other programs": ("execve", "execveat"),
    "other processes": ("fork", "vfork", "setsid", "setpgid"),
    "network": (
        *("socket", "socketpair", "connect", "bind", "listen", "accept", "accept4"),
        *("sendto", "sendmsg", "sendmmsg", "recvmsg", "recvmmsg"),
    ),
    "reaching into processes": (
        *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp"),
        *("pidfd_open", "pidfd_getfd", "pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo"),
        *("tkill", "move_pages", "migrate_pages"),
    ),
    "namespaces and mounts": (
        *("unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "swapon", "swapoff"),
        *("open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr"),
    ),
    "kernel surface": (
        *("bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register"),
        *("add_key", "request_key", "keyctl", "fanotify_init", "quotactl", "acct", "syslog", "personality"),
        *("init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot"),
        *("settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname", "setdomainname"),
        *("iopl", "ioperm", "vhangup", "open_by_handle_at", "name_to_handle_at", "lookup_dcookie"),
    ),
    "links, devices and ownership": (
        *("link", "linkat", "symlink", "symlinkat", "mknod", "mknodat"),
        *("chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat"),
        452,  # fchmodat2, by number: libseccomp 2.5 does not know the name; it is 452 everywhere
        *("setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr"),
    ),
    "own limits and identity": ("setrlimit", "capset", "setuid", "setgid", "setresuid", "setresgid"),
}


def load_filter(seccomp: Any) -> None:
    """Put the filter in force for the calling process, for good.

    Parameters
    ----------
    seccomp:
        the module `pyseccomp`. Handed in, since importing it looks for its library by starting
        a program, which a child must not need to do.

    Raises
    ------
    OSError
        when the kernel or libseccomp refuses.
    """
    deny = seccomp.ERRNO(errno.EPERM)
    rules = seccomp.SyscallFilter(defaction=seccomp.ALLOW)
    for calls in _DENIED.values():
        for call in calls:
            rules.add_rule(deny, call)
    # Threads are wanted, processes are not; the two differ in one flag of clone. The flags of
    # clone3 lie behind a pointer that a filter cannot follow: ENOSYS sends libc back to clone.
    rules.add_rule(deny, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, _CLONE_THREAD, 0))
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
    # abort() signals its own process; nobody else may be signalled.
    for call in ("kill", "tgkill"):
        rules.add_rule(deny, call, seccomp.Arg(0, seccomp.NE, os.getpid()))
    # Reading limits is common, raising them is what root could still do.
    rules.add_rule(deny, "prlimit64", seccomp.Arg(2, seccomp.NE, 0))
    rules.load()
