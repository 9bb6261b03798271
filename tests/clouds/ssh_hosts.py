#!/usr/bin/env python3
"""Machines with an SSH server each, on this one: a network namespace, processes, mounts and a home of their own.

  ssh_hosts.py FOLDER COUNT

Prints "READY" when all answer, or "SKIP why". FOLDER/ssh_config knows them as h1, h2, …; they reach one another by address.
Then takes commands from standard input, a line each, and answers "OK" or "ERROR why":
  kill N      the machine loses power: everything on it ends at once
  boot N      it comes up again, with its disk
  cut N       the network to it is gone, silently
  join N      and is there again
  rekey N     its host key is another one (takes effect with the next boot)
  fill N      its disk is full;  free N  it has room again
Ends all of it when standard input ends.
"""
import os
import shutil
import signal
import subprocess
import sys
import time

DISK_MEGABYTES = 400


class Failed(Exception):
    pass


def run(*words, check=True):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if check and done.returncode != 0:
        raise Failed(f"{' '.join(words)}: {done.stdout.decode(errors='replace').strip()}")
    return done


class Hosts:
    def __init__(self, folder, count):
        self.folder = folder
        self.count = count
        # One of many at once on this machine, by the process.
        self.tag = f"ib{os.getpid() % 46656:x}"
        self.net = f"10.{96 + os.getpid() // 250 % 16}.{os.getpid() % 250}"
        self.running = {}

    def file(self, name):
        return os.path.join(self.folder, name)

    def namespace(self, number):
        return f"{self.tag}n{number}"

    def address(self, number):
        return f"{self.net}.{number}"

    def make_key(self, name):
        for suffix in ("", ".pub"):
            if os.path.exists(self.file(name + suffix)):
                os.unlink(self.file(name + suffix))
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.file(name))

    def start(self):
        os.makedirs("/run/sshd", exist_ok=True)
        self.make_key("user_key")
        shutil.copy(self.file("user_key.pub"), self.file("authorized_keys"))
        run("ip", "link", "add", f"{self.tag}br", "type", "bridge")
        run("ip", "addr", "add", f"{self.net}.254/24", "dev", f"{self.tag}br")
        run("ip", "link", "set", f"{self.tag}br", "up")
        # Logins that images of clouds have, under which the machine's one user is known as well.
        with open("/etc/passwd") as real, open(self.file("passwd"), "w") as known:
            known.write(real.read())
            for login in ("ubuntu", "admin", "ec2-user"):
                known.write(f"{login}:x:0:0::{os.path.expanduser('~root')}:/bin/bash\n")
        with open(self.file("ssh_config"), "w") as config:
            config.write(f"IdentityFile {self.file('user_key')}\nIdentitiesOnly yes\nUserKnownHostsFile {self.file('known_hosts')}\n"
                         "StrictHostKeyChecking accept-new\nUser root\nLogLevel ERROR\n")
            for number in range(1, self.count + 1):
                config.write(f"Host h{number}\n  HostName {self.address(number)}\n")
        for number in range(1, self.count + 1):
            self.add(number)
        for number in range(1, self.count + 1):
            self.boot(number, wait=False)
        for number in range(1, self.count + 1):
            self.await_answer(number)

    def add(self, number):
        space, link = self.namespace(number), f"{self.tag}v{number}"
        run("ip", "netns", "add", space)
        run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", space)
        run("ip", "link", "set", link, "master", f"{self.tag}br", "up")
        run("ip", "-n", space, "addr", "add", f"{self.address(number)}/24", "dev", "eth0")
        run("ip", "-n", space, "link", "set", "eth0", "up")
        run("ip", "-n", space, "link", "set", "lo", "up")
        run("ip", "-n", space, "route", "add", "default", "via", f"{self.net}.254")
        self.make_key(f"host_key{number}")
        home = self.file(f"home{number}")
        os.makedirs(home, exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m,mode=700", "isobar-test", home)
        with open(self.file(f"sshd{number}.conf"), "w") as config:
            config.write(f"Port 22\nListenAddress {self.address(number)}\nHostKey {self.file('host_key')}{number}\nPidFile none\n"
                         f"AuthorizedKeysFile {self.file('authorized_keys')}\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
                         "KbdInteractiveAuthentication no\nUseDNS no\nMaxSessions 100\nMaxStartups 200\nPermitRootLogin yes\n"
                         "PrintMotd no\nSubsystem sftp internal-sftp\n")

    def boot(self, number, wait=True):
        home = os.path.expanduser("~root")
        script = (f"hostname h{number}; mount --make-rprivate /; mount --bind {self.file('home')}{number} {home}; "
                  f"mount --bind {self.file('passwd')} /etc/passwd; "
                  f"exec /usr/sbin/sshd -D -e -f {self.file('sshd')}{number}.conf")
        log = open(self.file(f"sshd{number}.log"), "a")
        self.running[number] = subprocess.Popen(
            ["ip", "netns", "exec", self.namespace(number), "unshare", "-m", "-u", "-i", "-p", "-f", "--kill-child", "--mount-proc", "sh", "-c", script],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if wait:
            self.await_answer(number)

    def await_answer(self, number):
        # From within its own namespace: it may be cut off.
        for _ in range(400):
            done = run("ip", "netns", "exec", self.namespace(number), "bash", "-c", f"exec 3<>/dev/tcp/{self.address(number)}/22", check=False)
            if done.returncode == 0:
                return
            if self.running[number].poll() is not None:
                break
            time.sleep(0.02)
        with open(self.file(f"sshd{number}.log")) as log:
            raise Failed(f"the SSH server of h{number} does not answer: {log.read()[-400:]}")

    def kill(self, number):
        process = self.running.pop(number, None)
        if process:
            # unshare ends its child, the first process of the host, and with it the kernel ends everything there.
            process.send_signal(signal.SIGKILL)
            process.wait()
            for _ in range(200):
                if not run("ip", "netns", "pids", self.namespace(number), check=False).stdout.split():
                    return
                time.sleep(0.02)

    def fill(self, number):
        path = self.file(f"home{number}/filler")
        with open(path, "wb") as filler:
            try:
                while True:
                    filler.write(b"\0" * (1 << 20))
                    filler.flush()
            except OSError:
                pass

    def command(self, verb, number):
        if verb == "kill":
            self.kill(number)
        elif verb == "boot":
            self.boot(number)
        elif verb == "cut":
            run("ip", "link", "set", f"{self.tag}v{number}", "nomaster")
        elif verb == "join":
            run("ip", "link", "set", f"{self.tag}v{number}", "master", f"{self.tag}br")
        elif verb == "rekey":
            self.make_key(f"host_key{number}")
        elif verb == "fill":
            self.fill(number)
        elif verb == "free":
            os.unlink(self.file(f"home{number}/filler"))
        else:
            raise Failed(f"what is {verb}?")

    def end(self):
        for number in list(self.running):
            self.kill(number)
        for number in range(1, self.count + 1):
            run("ip", "link", "del", f"{self.tag}v{number}", check=False)
            run("ip", "netns", "del", self.namespace(number), check=False)
            run("umount", "-l", self.file(f"home{number}"), check=False)
        run("ip", "link", "del", f"{self.tag}br", check=False)


def main():
    folder, count = sys.argv[1], int(sys.argv[2])
    if os.geteuid() != 0:
        print("SKIP namespaces for hosts need root", flush=True)
        return
    for tool in ("/usr/sbin/sshd", "/usr/bin/ssh"):
        if not os.access(tool, os.X_OK):
            print(f"SKIP {tool} is missing (Debian: openssh-server, openssh-client)", flush=True)
            return
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    hosts = Hosts(folder, count)
    try:
        hosts.start()
        print("READY", flush=True)
        for line in sys.stdin:
            verb, number = line.split()
            try:
                hosts.command(verb, int(number))
                print("OK", flush=True)
            except (Failed, OSError) as failure:
                print(f"ERROR {failure}", flush=True)
    except Failed as failure:
        print(f"SKIP {failure}", flush=True)
    finally:
        hosts.end()


if __name__ == "__main__":
    main()
