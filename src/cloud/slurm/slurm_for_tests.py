#!/usr/bin/env python3
"""A real Slurm of three nodes, for as long as standard input stays open.

  unshare --uts --net --mount --mount-proc --pid --fork --kill-child python3 slurm_for_tests.py

It is the first process of namespaces of its own: every port is free there, the host's name can be given away, and whatever the
daemons and their jobs started ends with this script, however that comes about. One line is printed: "READY FOLDER", whose slurm.conf
is for SLURM_CONF, or "SKIP why". Then each line of standard input is a wish, answered by "DONE": "kill NODE" ends a node's slurmd,
and "start NODE" starts it anew.
"""
import ctypes
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time

START_SECONDS = 30
NODES = ("w1", "w2", "gpu01")

CONF = """\
ClusterName=probe
SlurmctldHost=ctl(127.0.0.1)
SlurmctldPort=6817
SlurmctldPidFile={d}/slurmctld.pid
SlurmctldLogFile={d}/log/slurmctld.log
SlurmdPidFile={d}/slurmd-%n.pid
SlurmdLogFile={d}/log/slurmd-%n.log
SlurmdSpoolDir={d}/spool/%n
StateSaveLocation={d}/state
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={d}/munge.sock
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_min_interval=100000,bf_interval=1
MpiDefault=none
ReturnToService=2
KillWait=1
MessageTimeout=5
GresTypes=gpu
SlurmdParameters=config_overrides
AccountingStorageType=accounting_storage/none
NodeName=w1 NodeHostname=ctl NodeAddr=127.0.0.1 Port=6821 CPUs=4 RealMemory=4000
NodeName=w2 NodeHostname=ctl NodeAddr=127.0.0.1 Port=6822 CPUs=4 RealMemory=4000
NodeName=gpu01 NodeHostname=ctl NodeAddr=127.0.0.1 Port=6823 CPUs=8 RealMemory=16000 Gres=gpu:a100:4 Feature=a100,nvlink
PartitionName=debug Nodes=w[1-2] Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes=gpu01 MaxTime=1-00:00:00 State=UP
PartitionName=short Nodes=w[1-2],gpu01 MaxTime=10 DefaultTime=5 State=UP
PartitionName=closed Nodes=w1 State=DOWN
PartitionName=theirs Nodes=w1 AllowAccounts=physics State=UP
"""


class Skip(Exception):
    pass


def child(command, log):
    """Starts a daemon in the foreground, its words into a log."""
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                            preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_DFL))


def need():
    if os.geteuid() != 0:
        raise Skip("slurmd needs root")
    missing = [program for program in ("munged", "slurmctld", "slurmd", "sbatch", "setpriv", "ip") if not shutil.which(program)]
    if missing:
        raise Skip(f"{', '.join(missing)} not found: install slurm-wlm, munge, util-linux and iproute2")


def start_munged(folder, log):
    account = pwd.getpwnam("munge")
    keys = os.path.join(folder, "munge")
    os.mkdir(keys, 0o700)
    with open(os.open(os.path.join(keys, "key"), os.O_CREAT | os.O_WRONLY, 0o600), "wb") as key:
        key.write(os.urandom(64))
    for path in (folder, keys, os.path.join(keys, "key")):
        os.chown(path, account.pw_uid, account.pw_gid)
    socket = os.path.join(folder, "munge.sock")
    child(["setpriv", "--reuid=munge", "--regid=munge", "--clear-groups", "munged", "--foreground", f"--key-file={keys}/key",
           f"--socket={socket}", f"--pid-file={keys}/pid", f"--log-file={keys}/log", f"--seed-file={keys}/seed"], log)
    wait_for("munged", folder, lambda: os.path.exists(socket))
    os.chown(folder, 0, 0)


def start_slurmd(folder, node, log):
    return child(["slurmd", "-D", "-f", os.path.join(folder, "slurm.conf"), "-N", node], log)


def wait_for(what, folder, ready):
    end = time.monotonic() + START_SECONDS
    while not ready():
        if time.monotonic() > end:
            with open(os.path.join(folder, "log", "output"), errors="replace") as log:
                last = log.read().strip().splitlines()[-1:] or ["no output"]
            raise Skip(f"{what} was not ready within {START_SECONDS} s: {last[0]}")
        time.sleep(0.02)


def idle_nodes():
    sinfo = subprocess.run(["sinfo", "-h", "-N", "-p", "short", "-t", "idle", "-o", "%N"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return len(sinfo.stdout.split())


def start(folder):
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    # With loopback addresses alone, getaddrinfo(AI_ADDRCONFIG) finds no use in any IPv4 address, and Slurm asks it so.
    subprocess.run(["ip", "address", "add", "192.0.2.1/32", "dev", "lo"], check=True)
    ctypes.CDLL(None).sethostname(b"ctl", 3)
    for name in ("log", "state", *(f"spool/{node}" for node in NODES)):
        os.makedirs(os.path.join(folder, name))
    with open(os.path.join(folder, "slurm.conf"), "w") as conf:
        conf.write(CONF.format(d=folder))
    with open(os.path.join(folder, "gres.conf"), "w") as gres:
        gres.write(f"NodeName=gpu01 Name=gpu Type=a100 File={folder}/gpu[0-3]\n")
    for gpu in range(4):
        os.mknod(os.path.join(folder, f"gpu{gpu}"), 0o600 | stat.S_IFCHR, os.makedev(1, 3))  # slurmd looks only at what they are
    with open(os.path.join(folder, "cgroup.conf"), "w") as cgroup:
        cgroup.write("CgroupPlugin=cgroup/v1\n")
    os.environ["SLURM_CONF"] = os.path.join(folder, "slurm.conf")
    log = open(os.path.join(folder, "log", "output"), "w")
    start_munged(folder, log)
    child(["slurmctld", "-D", "-f", os.path.join(folder, "slurm.conf")], log)
    daemons = {node: start_slurmd(folder, node, log) for node in NODES}
    wait_for("Slurm", folder, lambda: idle_nodes() == len(NODES))
    return daemons, log


def main():
    folder = tempfile.mkdtemp(prefix="isobar-slurm-")
    os.chmod(folder, 0o755)
    try:
        need()
        daemons, log = start(folder)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # as the first process it inherits orphans, which nobody waits for
        print("READY", folder, flush=True)
        for line in sys.stdin:
            wish, node = line.split()
            if wish == "kill":
                os.kill(daemons[node].pid, signal.SIGKILL)
            else:
                daemons[node] = start_slurmd(folder, node, log)
            print("DONE", flush=True)
    except (Skip, OSError, KeyError, subprocess.CalledProcessError) as error:
        try:
            print("SKIP", error, flush=True)
        except BrokenPipeError:
            pass  # whoever asked is gone
    finally:
        shutil.rmtree(folder, ignore_errors=True)


main()
