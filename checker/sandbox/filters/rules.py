"""Which calls are refused, at which level, and their numbers (Linux 6.1, asm/unistd_64.h and asm-generic).

Both levels refuse what reaches beyond the process or widens what it can do. Behind Landlock there are no
namespaces, so that what bubblewrap gives a probe of its own is refused there.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Tuple

LEVELS = ("bubblewrap", "landlock")
# AUDIT_ARCH_... of linux/audit.h
MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# The last call that the list knows; x32's numbers on x86_64 lie far above it.
NEWEST = 450


class Argument(NamedTuple):
    """A condition on the low word of an argument: masked, it is one of the values, or none of them."""

    place: int
    values: Tuple[int, ...]
    mask: int = 0xFFFFFFFF
    negated: bool = False


_ALWAYS = (
    # Other processes' memory, descriptors, pages, and where they are.
    "get_robust_list kcmp migrate_pages move_pages perf_event_open pidfd_getfd process_madvise "
    "process_mrelease process_vm_readv process_vm_writev ptrace userfaultfd "
    # Namespaces, mounts, files by other ways than their paths, watches of what others do with files.
    "chroot fanotify_init fanotify_mark fsconfig fsmount fsopen fspick inotify_add_watch inotify_init "
    "inotify_init1 lookup_dcookie mount mount_setattr move_mount name_to_handle_at open_by_handle_at "
    "open_tree pivot_root quotactl quotactl_fd setns sysfs umount2 unshare uselib ustat "
    # The kernel's keys, programs, modules, filters and other ways of doing input and output.
    "add_key bpf delete_module finit_module init_module io_cancel io_destroy io_getevents "
    "io_pgetevents io_setup io_submit io_uring_enter io_uring_register io_uring_setup kexec_file_load "
    "kexec_load keyctl landlock_add_rule landlock_create_ruleset landlock_restrict_self memfd_secret "
    "modify_ldt request_key seccomp "
    # The machine itself.
    "_sysctl acct adjtimex clock_adjtime clock_settime ioperm iopl nfsservctl reboot "
    "set_mempolicy_home_node setdomainname sethostname settimeofday swapoff swapon syslog vhangup "
    "vserver "
)
_LANDLOCK = (
    # Modes, owners, times and attributes: Landlock does not ask who may change them.
    "chmod chown fchmod fchmodat fchown fchownat fremovexattr fsetxattr futimesat lchown lremovexattr "
    "lsetxattr removexattr setxattr utime utimensat utimes "
    # Memory, queues and semaphores that all processes of a user share.
    "mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv "
    "msgsnd semctl semget semop semtimedop shmat shmctl shmdt shmget "
    # Sockets with a name or an address; how the user's other processes are scheduled.
    "accept accept4 bind connect ioprio_set listen sched_setattr sched_setparam sched_setscheduler "
    "setpriority socket "
)
_STREAM, _DATAGRAM, _PACKETS, _TYPE = 1, 2, 5, 0xF
_UNIX, _INET, _INET6 = 1, 2, 10
_TCP, _UDP = 6, 17
_Conditions = Tuple[Tuple[str, Tuple[Argument, ...]], ...]
_ALWAYS_IF: _Conditions = (
    ("clone", (Argument(0, (0,), 0x7E020000),)),  # no CLONE_NEW...
    ("ioctl", (Argument(1, (0x5412, 0x541C), negated=True),)),  # TIOCSTI, TIOCLINUX: a terminal's input
    ("personality", (Argument(0, (0, 0xFFFFFFFF)),)),  # as it is, or a question
    # PR_SET_DUMPABLE, which would hide the process from the checker; PR_SET_SECCOMP; PR_SET_MM.
    ("prctl", (Argument(0, (4, 22, 35), negated=True),)),
)
# A local socket could be one with a path that is shown; a pair of datagram sockets could write to one.
_PAIR = (Argument(0, (_UNIX,)), Argument(1, (_STREAM, _PACKETS), _TYPE))
_BUBBLEWRAP_IF: _Conditions = (
    # The network is empty. AF_VSOCK leads to a virtual machine's host from any network namespace.
    ("socket", (
        Argument(0, (_INET, _INET6)),
        Argument(1, (_STREAM, _DATAGRAM), _TYPE),
        Argument(2, (0, _TCP, _UDP)),
    )),
    ("socketpair", _PAIR),
)  # fmt: skip
_LANDLOCK_IF: _Conditions = (
    ("socketpair", _PAIR),
    # Of its own alone: the user's other processes have limits, too.
    ("prlimit64", (Argument(0, (0,)),)),
    ("sched_setaffinity", (Argument(0, (0,)),)),
)


def missing() -> Tuple[str, ...]:
    """Calls that answer as if there were none of the name."""
    return ("clone3",)


def refused(level: str) -> List[str]:
    """Calls that are refused whatever their arguments."""
    return _ALWAYS.split() + (_LANDLOCK.split() if level == "landlock" else [])


def conditional(level: str) -> _Conditions:
    """Calls that are refused unless all conditions on their arguments hold."""
    return _ALWAYS_IF + (_LANDLOCK_IF if level == "landlock" else _BUBBLEWRAP_IF)


def exists(name: str, machine: str) -> bool:
    """Whether a kind of machine has a call of this name."""
    return number(name, machine) >= 0


def number(name: str, machine: str) -> int:
    """The number of a call, or -1."""
    return NUMBERS[name][list(MACHINES).index(machine)]


# By name: on x86_64, on aarch64; -1 where there is none.
NUMBERS: Dict[str, Tuple[int, int]] = {
    "_sysctl": (156, -1), "accept": (43, 202), "accept4": (288, 242), "acct": (163, 89),
    "add_key": (248, 217), "adjtimex": (159, 171), "bind": (49, 200), "bpf": (321, 280), "chmod": (90, -1),
    "chown": (92, -1), "chroot": (161, 51), "clock_adjtime": (305, 266), "clock_settime": (227, 112),
    "clone": (56, 220), "clone3": (435, 435), "connect": (42, 203), "delete_module": (176, 106),
    "fanotify_init": (300, 262), "fanotify_mark": (301, 263), "fchmod": (91, 52), "fchmodat": (268, 53),
    "fchown": (93, 55), "fchownat": (260, 54), "finit_module": (313, 273), "fremovexattr": (199, 16),
    "fsconfig": (431, 431), "fsetxattr": (190, 7), "fsmount": (432, 432), "fsopen": (430, 430),
    "fspick": (433, 433), "futimesat": (261, -1), "get_robust_list": (274, 100), "init_module": (175, 105),
    "inotify_add_watch": (254, 27), "inotify_init": (253, -1), "inotify_init1": (294, 26),
    "io_cancel": (210, 3), "io_destroy": (207, 1), "io_getevents": (208, 4), "io_pgetevents": (333, 292),
    "io_setup": (206, 0), "io_submit": (209, 2), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "io_uring_setup": (425, 425), "ioctl": (16, 29), "ioperm": (173, -1),
    "iopl": (172, -1), "ioprio_set": (251, 30), "kcmp": (312, 272), "kexec_file_load": (320, 294),
    "kexec_load": (246, 104), "keyctl": (250, 219), "landlock_add_rule": (445, 445),
    "landlock_create_ruleset": (444, 444), "landlock_restrict_self": (446, 446), "lchown": (94, -1),
    "listen": (50, 201), "lookup_dcookie": (212, 18), "lremovexattr": (198, 15), "lsetxattr": (189, 6),
    "memfd_secret": (447, 447), "migrate_pages": (256, 238), "modify_ldt": (154, -1), "mount": (165, 40),
    "mount_setattr": (442, 442), "move_mount": (429, 429), "move_pages": (279, 239),
    "mq_getsetattr": (245, 185), "mq_notify": (244, 184), "mq_open": (240, 180),
    "mq_timedreceive": (243, 183), "mq_timedsend": (242, 182), "mq_unlink": (241, 181), "msgctl": (71, 187),
    "msgget": (68, 186), "msgrcv": (70, 188), "msgsnd": (69, 189), "name_to_handle_at": (303, 264),
    "nfsservctl": (180, 42), "open_by_handle_at": (304, 265), "open_tree": (428, 428),
    "perf_event_open": (298, 241), "personality": (135, 92), "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41), "prctl": (157, 167), "prlimit64": (302, 261), "process_madvise": (440, 440),
    "process_mrelease": (448, 448), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "ptrace": (101, 117), "quotactl": (179, 60), "quotactl_fd": (443, 443), "reboot": (169, 142),
    "removexattr": (197, 14), "request_key": (249, 218), "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274), "sched_setparam": (142, 118), "sched_setscheduler": (144, 119),
    "seccomp": (317, 277), "semctl": (66, 191), "semget": (64, 190), "semop": (65, 193),
    "semtimedop": (220, 192), "set_mempolicy_home_node": (450, 450), "setdomainname": (171, 162),
    "sethostname": (170, 161), "setns": (308, 268), "setpriority": (141, 140), "settimeofday": (164, 170),
    "setxattr": (188, 5), "shmat": (30, 196), "shmctl": (31, 195), "shmdt": (67, 197), "shmget": (29, 194),
    "socket": (41, 198), "socketpair": (53, 199), "swapoff": (168, 225), "swapon": (167, 224),
    "sysfs": (139, -1), "syslog": (103, 116), "umount2": (166, 39), "unshare": (272, 97),
    "uselib": (134, -1), "userfaultfd": (323, 282), "ustat": (136, -1), "utime": (132, -1),
    "utimensat": (280, 88), "utimes": (235, -1), "vhangup": (153, 58), "vserver": (236, -1),
}  # fmt: skip
