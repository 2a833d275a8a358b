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

# By the value of one argument: (system call, which argument, value).
_DENIED_VALUES = (
    ("prctl", 0, 1),  # PR_SET_PDEATHSIG: what the layers before this one have set
    ("prctl", 0, 4),  # PR_SET_DUMPABLE: likewise
    ("prctl", 0, 0x59616D61),  # PR_SET_PTRACER: likewise
    ("fcntl", 1, 8),  # F_SETOWN: a descriptor that sends any signal to any process of the user
    ("fcntl", 1, 10),  # F_SETSIG: likewise
    ("fcntl", 1, 15),  # F_SETOWN_EX: likewise
    ("ioctl", 1, 0x5412),  # TIOCSTI: typing into somebody's terminal
    ("ioctl", 1, 0x541C),  # TIOCLINUX: likewise
)

_FCHMODAT2 = 452
"""By number, the same everywhere: libseccomp 2.5 does not know the name."""

# By their purpose; names are separated by spaces.
_DENIED = {
    "other programs": "execve execveat",
    "other processes": "fork vfork setsid setpgid",
    "network": "socket socketpair connect bind listen accept accept4 "
    "sendto sendmsg sendmmsg recvmsg recvmmsg",
    "reaching into processes": "ptrace process_vm_readv process_vm_writev process_madvise kcmp "
    "pidfd_open pidfd_getfd pidfd_send_signal rt_sigqueueinfo rt_tgsigqueueinfo "
    "tkill move_pages migrate_pages",
    "namespaces and mounts": "unshare setns mount umount2 pivot_root chroot swapon swapoff "
    "open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr",
    "kernel surface": "bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register "
    "add_key request_key keyctl fanotify_init quotactl acct syslog personality "
    "init_module finit_module delete_module kexec_load kexec_file_load reboot "
    "settimeofday clock_settime clock_adjtime adjtimex sethostname setdomainname "
    "iopl ioperm vhangup open_by_handle_at name_to_handle_at lookup_dcookie",
    "links, devices, ownership and dates": "link linkat symlink symlinkat mknod mknodat "
    "chmod fchmod fchmodat chown fchown lchown fchownat "
    "utime utimes utimensat futimesat "
    "setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr",
    "what outlives a process": "shmget shmat shmctl msgget msgsnd msgctl semget semop semctl "
    "mq_open mq_unlink mq_notify",
    "own limits and identity": "setrlimit capset setuid setgid setresuid setresgid setgroups",
}


def load_filter(seccomp: Any) -> None:
    """Put the filter in force for the calling process, for good.

    Raises
    ------
    OSError
        when the kernel or libseccomp refuses.
    """
    build_filter(seccomp).load()


def build_filter(seccomp: Any, *, architecture: int | None = None) -> Any:
    """The filter, ready to be loaded.

    Parameters
    ----------
    seccomp
        the module `pyseccomp`. Handed in, since importing it looks for its library by starting
        a program, which a child must not need to do.
    architecture
        for another one than this machine's, by the number that libseccomp gives it.
    """
    deny = seccomp.ERRNO(errno.EPERM)
    rules = seccomp.SyscallFilter(defaction=seccomp.ALLOW)
    if architecture is not None:
        rules.add_arch(architecture)
        rules.remove_arch(seccomp.system_arch())
    for call in [_FCHMODAT2, *" ".join(_DENIED.values()).split()]:
        rules.add_rule(deny, call)
    # Threads are wanted, processes are not; the two differ in one flag of clone. The flags of
    # clone3 lie behind a pointer that a filter cannot follow: ENOSYS sends libc back to clone.
    rules.add_rule(deny, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, _CLONE_THREAD, 0))
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
    # abort() signals its own process; nobody else may be signalled.
    for call in ("kill", "tgkill"):
        rules.add_rule(deny, call, seccomp.Arg(0, seccomp.NE, os.getpid()))
    for call, place, value in _DENIED_VALUES:
        # Compared as the kernel does, by the lower half: the upper one may hold anything.
        rules.add_rule(deny, call, seccomp.Arg(place, seccomp.MASKED_EQ, 0xFFFF_FFFF, value))
    # Reading limits is common, raising them is what root could still do.
    rules.add_rule(deny, "prlimit64", seccomp.Arg(2, seccomp.NE, 0))
    return rules
