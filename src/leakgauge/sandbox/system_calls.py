"""The seccomp filters: system calls that an audit never needs and an attacker would like.

Two are put in force, one upon the other. The first denies by name what would do harm, with EPERM, so that
libraries which merely try (a shared-memory lock, a niceness) carry on. The second allows what numerical
code is known to use and answers everything else with ENOSYS, as a kernel does that has no such call:
what the kernel learns next year is not there, whatever it does, and libraries fall back on what was before.
Calls in the numbers of another architecture, x32 among them, kill the process.

The sample audits use 43 (membership) and 54 (inversion) calls; the second list holds these and their
kin, since libraries change from release to release. There is one list for the whole of an audit and not one
for loading and another for computing: libraries open files, map code and start threads until the report is
written, and what loading a model uses beside that is nothing that would do harm.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
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

_UNKNOWN = -1

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

# By their purpose, as above; some exist on one architecture alone.
_ALLOWED = {
    "reading and writing": "open openat openat2 creat close close_range read readv pread64 preadv preadv2 "
    "write writev pwrite64 pwritev pwritev2 lseek ftruncate fallocate fsync fdatasync sync_file_range "
    "fadvise64 readahead flock dup dup2 dup3 fcntl ioctl sendfile copy_file_range splice tee",
    "files and folders": "stat fstat lstat newfstatat statx statfs fstatfs access faccessat faccessat2 "
    "readlink readlinkat getdents getdents64 getcwd chdir fchdir mkdir mkdirat rmdir unlink unlinkat "
    "rename renameat renameat2 truncate umask getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr",
    # not memfd_create: files in memory are counted by no limit
    "memory": "mmap munmap mprotect mremap madvise brk msync mincore mlock mlock2 munlock mlockall "
    "munlockall mbind get_mempolicy set_mempolicy membarrier pkey_alloc pkey_free pkey_mprotect",
    "waiting": "poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait "
    "epoll_pwait2 eventfd eventfd2 pipe pipe2 futex futex_waitv nanosleep clock_nanosleep pause "
    "timerfd_create timerfd_settime timerfd_gettime signalfd signalfd4 restart_syscall",
    "time": "time gettimeofday clock_gettime clock_getres times alarm getitimer setitimer timer_create "
    "timer_settime timer_gettime timer_getoverrun timer_delete",
    "threads and their processors": "clone clone3 set_robust_list get_robust_list set_tid_address rseq "
    "arch_prctl set_thread_area get_thread_area sched_yield sched_getaffinity sched_setaffinity "
    "sched_getparam sched_getscheduler sched_getattr sched_get_priority_max sched_get_priority_min getcpu "
    "getpriority setpriority exit exit_group wait4 waitid",
    "signals": "rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigsuspend "
    "sigaltstack kill tgkill",
    "what a process knows of itself": "getpid getppid gettid getuid geteuid getgid getegid getresuid "
    "getresgid getgroups getpgid getpgrp getsid getrlimit prlimit64 getrusage capget prctl uname sysinfo "
    "getrandom",
}


def load_filters(seccomp: Any) -> None:
    """Put both filters in force for the calling process, for good.

    Raises
    ------
    OSError
        when the kernel or libseccomp refuses.
    """
    # in this order: the second leaves no way to load another
    denying_filter(seccomp).load()
    allowing_filter(seccomp).load()


def allowing_filter(seccomp: Any, *, architecture: int | None = None) -> Any:
    """The filter that leaves nothing but what is known; parameters as of `denying_filter`."""
    rules = _rules(seccomp, seccomp.ERRNO(errno.ENOSYS), architecture)
    # what the other filter denies keeps its EPERM: of two filters the stricter answer counts
    for call in {_FCHMODAT2, *_known(seccomp, _ALLOWED), *_known(seccomp, _DENIED)}:
        rules.add_rule(seccomp.ALLOW, call)
    return rules


def denying_filter(seccomp: Any, *, architecture: int | None = None) -> Any:
    """The filter that denies what would do harm, by name and by argument, ready to be loaded.

    Parameters
    ----------
    seccomp
        the module `pyseccomp`. Handed in, since importing it looks for its library by starting
        a program, which a child must not need to do.
    architecture
        for another one than this machine's, by the number that libseccomp gives it.
    """
    deny = seccomp.ERRNO(errno.EPERM)
    rules = _rules(seccomp, seccomp.ALLOW, architecture)
    for call in (_FCHMODAT2, *_known(seccomp, _DENIED)):
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


def _known(seccomp: Any, calls: Mapping[str, str]) -> list[str]:
    """Those that libseccomp knows; what an older one does not is answered as what the kernel may learn."""
    names = " ".join(calls.values()).split()
    return [name for name in names if seccomp.resolve_syscall(seccomp.Arch.NATIVE, name) != _UNKNOWN]


def _rules(seccomp: Any, otherwise: Any, architecture: int | None) -> Any:
    rules = seccomp.SyscallFilter(defaction=otherwise)
    rules.set_attr(seccomp.Attr.ACT_BADARCH, seccomp.KILL_PROCESS)
    if architecture is not None:
        rules.add_arch(architecture)
        rules.remove_arch(seccomp.system_arch())
    return rules
