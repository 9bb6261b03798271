"""A pod's container as a process in namespaces of its own."""
import os
import shutil
import signal
import subprocess
import time

from kube_api import now, run
from disks import disk_of


class Process:
    """One container: `unshare` holds it, and ends with it."""

    def __init__(self, pod, kubelet):
        self.pod, self.kubelet = pod, kubelet
        self.uid = pod["metadata"]["uid"]
        self.folder = os.path.join(kubelet.folder, self.uid)
        self.number = kubelet.cluster.take_address()
        self.address = f"{kubelet.cluster.net}.{self.number}"
        self.space = f"{kubelet.cluster.tag}p{self.number}"
        self.link = f"{kubelet.cluster.tag}q{self.number}"
        self.process = None
        self.verdict = None  # what a fault said of it
        self.started = now()

    def container(self):
        return self.pod["spec"]["containers"][0]

    def environment(self):
        values = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
                  "HOSTNAME": self.pod["metadata"]["name"]}
        for variable in self.container().get("env", []):
            if "value" in variable:
                values[variable["name"]] = variable["value"]
        return values

    def claims(self):
        """By the name of each volume that is a claim: the folder that stands for its disk."""
        meta, found = self.pod["metadata"], {}
        for volume in self.pod["spec"].get("volumes", []):
            name = volume.get("persistentVolumeClaim", {}).get("claimName")
            if "ephemeral" in volume:
                name = f"{meta['name']}-{volume['name']}"
            if name:
                found[volume["name"]] = disk_of(self.kubelet.cluster.api, self.kubelet.cluster.folder, meta["namespace"], name)
        return found

    def start(self):
        root = os.path.join(self.folder, "root")
        for name in ("upper", "work", "root"):
            os.makedirs(os.path.join(self.folder, name), exist_ok=True)
        run("ip", "netns", "add", self.space)
        run("ip", "link", "add", self.link, "type", "veth", "peer", "name", "eth0", "netns", self.space)
        run("ip", "link", "set", self.link, "master", f"{self.kubelet.cluster.tag}br", "up")
        run("ip", "-n", self.space, "addr", "add", f"{self.address}/24", "dev", "eth0")
        run("ip", "-n", self.space, "link", "set", "eth0", "up")
        run("ip", "-n", self.space, "link", "set", "lo", "up")
        run("ip", "-n", self.space, "route", "add", "default", "via", f"{self.kubelet.cluster.net}.254")
        mounts = [f"mount -t tmpfs isobar-test {self.folder}/disk", f"mkdir {self.folder}/disk/u {self.folder}/disk/w",
                  f"mount -t overlay -o lowerdir=/,upperdir={self.folder}/disk/u,workdir={self.folder}/disk/w overlay {root}",
                  f"mount -t proc proc {root}/proc", f"mount --rbind /dev {root}/dev", f"mount -t tmpfs tmpfs {root}/tmp",
                  f"mount -t tmpfs tmpfs {root}/root"]
        os.makedirs(os.path.join(self.folder, "disk"), exist_ok=True)
        claims = self.claims()
        for mount in self.container().get("volumeMounts", []):
            path = root + mount["mountPath"]
            if mount["mountPath"].startswith("/var/run/secrets"):
                continue
            mounts.append(f"mkdir -p {path}")
            source = claims.get(mount["name"])
            mounts.append(f"mount --bind {source} {path}" if source else f"mount -t tmpfs -o mode=1777 tmpfs {path}")
        words = self.container().get("command", []) + self.container().get("args", [])
        with open(os.path.join(self.folder, "start"), "w") as script:
            script.write("set -e\nhostname " + self.pod["metadata"]["name"] + "\nmount --make-rprivate /\n" + "\n".join(mounts) +
                         f"\nexec chroot {root} env -i " + " ".join(self.quote(f"{k}={v}") for k, v in self.environment().items()) +
                         " " + " ".join(self.quote(word) for word in words) + "\n")
        log = open(os.path.join(self.folder, "log"), "ab")
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", self.space, "unshare", "-m", "-u", "-i", "-p", "-f", "--kill-child", "sh", os.path.join(self.folder, "start")],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    @staticmethod
    def quote(text):
        return "'" + text.replace("'", "'\\''") + "'"

    def first(self):
        """The process that is 1 in there."""
        for _ in range(200):
            try:
                with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as children:
                    found = children.read().split()
                if found and os.readlink(f"/proc/{found[0]}/root") != "/":
                    return int(found[0])
            except OSError:
                pass
            if self.process.poll() is not None:
                return None
            time.sleep(0.02)
        return None

    def exec(self, words, stdin):
        first = self.first()
        if first is None:
            return None
        environment = [f"{k}={v}" for k, v in self.environment().items()]
        return subprocess.Popen(
            ["nsenter", "-t", str(first), "-m", "-u", "-i", "-n", "-p", "-r", "-w", "env", "-i"] + environment + words,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)

    def ask_to_end(self):
        first = self.first()
        if first:
            try:
                os.kill(first, signal.SIGTERM)
            except ProcessLookupError:
                pass

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def clean(self):
        self.kill()
        for _ in range(100):
            if not run("ip", "netns", "pids", self.space, check=False).stdout.split():
                break
            time.sleep(0.02)
        run("ip", "link", "del", self.link, check=False)
        run("ip", "netns", "del", self.space, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.kubelet.cluster.addresses.add(self.number)
