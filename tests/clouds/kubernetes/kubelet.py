#!/usr/bin/env python3
"""Kubelets for tests: nodes of a Kubernetes cluster on this machine, whose pods are real processes.

Registers its nodes with an API server, watches for pods that the scheduler puts on them, and runs each pod's container as a process in
namespaces of its own (network, processes, mounts, host name), with this machine's files below it, read through an overlay that the pod
alone writes to: which image is named does not matter, but that one of `never.pull/…` cannot be pulled. Serves the kubelet's own HTTPS
interface for exec and logs, by WebSocket (v4.channel.k8s.io and v5.channel.k8s.io).

Its nodes may be made to fail: see `Kubelet.command`.
"""
import base64
import hashlib
import http.client
import json
import os
import select
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time
import urllib.parse


def run(*words, check=True):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stdout.decode(errors='replace').strip()}")
    return done


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class Api:
    """The API server, as one user."""

    def __init__(self, host, port, ca=None, token=None):
        self.host, self.port, self.token = host, port, token
        self.context = ssl.create_default_context(cafile=ca) if ca else None

    def connection(self, timeout=30):
        if self.context:
            return http.client.HTTPSConnection(self.host, self.port, context=self.context, timeout=timeout)
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def headers(self, kind="application/json"):
        headers = {"Content-Type": kind, "Accept": "application/json"}
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        return headers

    def call(self, method, path, body=None, kind="application/json"):
        connection = self.connection()
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, self.headers(kind))
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else {}
        finally:
            connection.close()


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
        claims = {}
        for volume in self.pod["spec"].get("volumes", []):
            if "persistentVolumeClaim" in volume:
                claims[volume["name"]] = self.kubelet.cluster.claim(volume["persistentVolumeClaim"]["claimName"])
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


class Kubelet:
    """One node."""

    def __init__(self, cluster, name, cpus, memory_gib, labels=None, gpus=0, taints=None, device="nvidia.com/gpu"):
        self.cluster, self.name = cluster, name
        self.cpus, self.memory_gib, self.labels, self.gpus = cpus, memory_gib, dict(labels or {}), gpus
        self.taints, self.device = taints or [], device
        self.folder = os.path.join(cluster.folder, "pods", name)
        os.makedirs(self.folder, exist_ok=True)
        self.pods = {}
        self.lost = False
        self.slow = 0.0
        self.refused = set()
        self.mutex = threading.RLock()

    def register(self):
        status = {
            "capacity": {"cpu": str(self.cpus), "memory": f"{self.memory_gib}Gi", "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "for tests",
                            "lastHeartbeatTime": now(), "lastTransitionTime": now()}],
            "addresses": [{"type": "InternalIP", "address": self.cluster.node_address}, {"type": "Hostname", "address": self.name}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self.cluster.port}},
            "nodeInfo": {"architecture": "amd64", "operatingSystem": "linux", "kubeletVersion": "v1.36.3", "osImage": "tests", "bootID": "",
                         "containerRuntimeVersion": "isobar://1", "kernelVersion": os.uname().release, "kubeProxyVersion": "",
                         "machineID": "", "systemUUID": ""},
        }
        if self.gpus:
            status["capacity"][self.device] = str(self.gpus)
        status["allocatable"] = dict(status["capacity"])
        labels = {"kubernetes.io/hostname": self.name, "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux"}
        labels.update(self.labels)
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": self.name, "labels": labels}, "spec": {"taints": self.taints},
                "status": status}
        code, _ = self.cluster.api.call("POST", "/api/v1/nodes", node)
        if code not in (200, 201, 409):
            raise RuntimeError(f"node {self.name} is not taken: {code}")
        code, said = self.cluster.api.call("PATCH", f"/api/v1/nodes/{self.name}/status", {"status": status},
                                           "application/strategic-merge-patch+json")
        if code != 200:
            raise RuntimeError(f"the status of {self.name} is not taken: {code} {said.get('message')}")
        self.beat()
        # A controller taints nodes that have just come; they are ready by now.
        self.cluster.api.call("PATCH", f"/api/v1/nodes/{self.name}", {"spec": {"taints": self.taints}}, "application/merge-patch+json")

    def beat(self):
        if self.lost:
            return
        path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        micro = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                 "metadata": {"name": self.name, "namespace": "kube-node-lease"},
                 "spec": {"holderIdentity": self.name, "leaseDurationSeconds": 40, "renewTime": micro}}
        code, _ = self.cluster.api.call("PATCH", f"{path}/{self.name}", {"spec": lease["spec"]}, "application/merge-patch+json")
        if code == 404:
            self.cluster.api.call("POST", path, lease)

    def tell(self, pod, status):
        if self.lost:
            return
        name, space = pod["metadata"]["name"], pod["metadata"]["namespace"]
        self.cluster.api.call("PATCH", f"/api/v1/namespaces/{space}/pods/{name}/status", {"status": status},
                              "application/strategic-merge-patch+json")

    def container_status(self, process, state, ready):
        container = process.container()
        return [{"name": container["name"], "image": container["image"], "imageID": "", "ready": ready, "restartCount": 0, "started": ready,
                 "state": state}]

    def conditions(self, ready):
        value = "True" if ready else "False"
        return [{"type": kind, "status": value, "lastTransitionTime": now()} for kind in ("Initialized", "ContainersReady", "Ready")]

    def take(self, pod):
        uid = pod["metadata"]["uid"]
        with self.mutex:
            known = self.pods.get(uid)
            if pod["metadata"].get("deletionTimestamp"):
                if not self.lost:
                    threading.Thread(target=self.end, args=(pod,), daemon=True).start()
                return
            if known or self.lost or pod.get("status", {}).get("phase", "Pending") != "Pending":
                return
            process = Process(pod, self)
            self.pods[uid] = process
        threading.Thread(target=self.begin, args=(process,), daemon=True).start()

    def waiting(self, process, reason, message=""):
        self.tell(process.pod, {"phase": "Pending", "startTime": process.started,
                                "containerStatuses": self.container_status(process, {"waiting": {"reason": reason, "message": message}}, False)})

    def begin(self, process):
        image = process.container()["image"]
        self.waiting(process, "ContainerCreating")
        if self.slow:
            time.sleep(self.slow)
        if image.startswith("never.pull/"):
            self.waiting(process, "ErrImagePull", f'failed to pull and unpack image "{image}": not found')
            time.sleep(1)
            self.waiting(process, "ImagePullBackOff", f'Back-off pulling image "{image}"')
            return
        try:
            process.start()
            if process.first() is None:
                with open(os.path.join(process.folder, "log"), errors="replace") as log:
                    raise RuntimeError(log.read()[-300:])
        except (RuntimeError, OSError) as failure:
            self.waiting(process, "CreateContainerError", str(failure))
            return
        self.tell(process.pod, {"phase": "Running", "podIP": process.address, "podIPs": [{"ip": process.address}],
                                "hostIP": self.cluster.node_address, "startTime": process.started, "conditions": self.conditions(True),
                                "containerStatuses": self.container_status(process, {"running": {"startedAt": now()}}, True)})
        code = process.process.wait()
        # The shell that unshare ran became the first process: its end is that of the container.
        with self.mutex:
            verdict = process.verdict or {}
        ended = {"exitCode": verdict.get("exitCode", code if code >= 0 else 128 - code),
                 "reason": verdict.get("containerReason", "Completed" if code == 0 else "Error"), "startedAt": process.started,
                 "finishedAt": now()}
        status = {"phase": "Succeeded" if ended["exitCode"] == 0 and not verdict else "Failed", "conditions": self.conditions(False),
                  "containerStatuses": self.container_status(process, {"terminated": ended}, False)}
        for key in ("reason", "message"):
            if key in verdict:
                status[key] = verdict[key]
        if "condition" in verdict:
            status["conditions"].append(verdict["condition"])
        self.tell(process.pod, status)

    def end(self, pod):
        """As asked: with grace, then for good, and then the API server is told that it is gone."""
        uid, name, space = pod["metadata"]["uid"], pod["metadata"]["name"], pod["metadata"]["namespace"]
        with self.mutex:
            process = self.pods.get(uid)
            if process and getattr(process, "ending", False):
                return
            if process:
                process.ending = True
        if process and process.process:
            grace = pod["metadata"].get("deletionGracePeriodSeconds") or 0
            process.ask_to_end()
            end = time.time() + grace
            while time.time() < end and process.process.poll() is None:
                time.sleep(0.02)
            process.kill()
        if process:
            process.clean()
            with self.mutex:
                self.pods.pop(uid, None)
        self.cluster.api.call("DELETE", f"/api/v1/namespaces/{space}/pods/{name}",
                              {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0, "preconditions": {"uid": uid}})

    def running(self, name):
        with self.mutex:
            for process in self.pods.values():
                if process.pod["metadata"]["name"].startswith(name) and process.process:
                    return process
        return None

    def ready(self, value):
        condition = {"type": "Ready", "status": value, "reason": "KubeletReady" if value == "True" else "NodeStatusUnknown",
                     "lastHeartbeatTime": now(), "lastTransitionTime": now()}
        self.cluster.api.call("PATCH", f"/api/v1/nodes/{self.name}/status", {"status": {"conditions": [condition]}},
                              "application/strategic-merge-patch+json")

    def command(self, verb, argument):
        if verb == "slow":
            self.slow = float(argument)
        elif verb in ("evict", "oom", "die"):
            process = self.running(argument)
            if not process:
                raise RuntimeError(f"no pod {argument} runs on {self.name}")
            if verb == "evict":
                process.verdict = {"exitCode": 137, "containerReason": "Error", "reason": "Evicted",
                                   "message": "The node was low on resource: memory. Threshold quantity: 100Mi, available: 40Mi.",
                                   "condition": {"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet",
                                                 "message": "The node was low on resource: memory.", "lastTransitionTime": now()}}
            elif verb == "oom":
                process.verdict = {"exitCode": 137, "containerReason": "OOMKilled"}
            process.kill()
        elif verb == "lose":
            # What the controller of nodes does once a kubelet has been silent for long enough.
            self.ready("Unknown")
            with self.mutex:
                self.lost = True
                processes = list(self.pods.values())
            for process in processes:
                path = f"/api/v1/namespaces/{process.pod['metadata']['namespace']}/pods/{process.pod['metadata']['name']}/status"
                self.cluster.api.call("PATCH", path, {"status": {"conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": now()}]}},
                                      "application/strategic-merge-patch+json")
                process.kill()
        elif verb == "find":
            with self.mutex:
                processes, self.pods = list(self.pods.values()), {}
                self.lost = False
            for process in processes:
                process.clean()
            self.register()
            for pod in self.cluster.api.call("GET", "/api/v1/pods")[1]["items"]:
                if pod["spec"].get("nodeName") == self.name and pod["metadata"].get("deletionTimestamp"):
                    self.end(pod)
        else:
            raise RuntimeError(f"what is {verb}?")

    def close(self):
        self.lost = True
        for process in list(self.pods.values()):
            process.clean()


class Kubelets:
    """All nodes, and the interface that the API server asks of them."""

    def __init__(self, folder, api, net, tag, node_address, port, certificate, key):
        self.folder, self.api, self.net, self.tag = folder, api, net, tag
        self.node_address, self.port = node_address, port
        self.addresses = set(range(10, 250))
        self.nodes = {}
        self.protocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"]
        self.certificate, self.key = certificate, key
        self.ending = False
        self.mutex = threading.Lock()

    def take_address(self):
        with self.mutex:
            return self.addresses.pop()

    def claim(self, name):
        path = os.path.join(self.folder, "claims", name)
        os.makedirs(path, exist_ok=True)
        return path

    def add(self, *arguments, **named):
        node = Kubelet(self, *arguments, **named)
        self.nodes[node.name] = node
        node.register()

    def start(self):
        threading.Thread(target=self.watch, daemon=True).start()
        threading.Thread(target=self.serve, daemon=True).start()
        threading.Thread(target=self.beat, daemon=True).start()

    def beat(self):
        while not self.ending:
            for node in list(self.nodes.values()):
                try:
                    node.beat()
                except OSError:
                    pass
            time.sleep(5)

    def take(self, pod):
        node = self.nodes.get(pod.get("spec", {}).get("nodeName"))
        if node:
            node.take(pod)

    def watch(self):
        while not self.ending:
            try:
                code, listed = self.api.call("GET", "/api/v1/pods")
                if code != 200:
                    time.sleep(0.2)
                    continue
                for pod in listed["items"]:
                    self.take(pod)
                self.follow(listed["metadata"]["resourceVersion"])
            except (OSError, ValueError, http.client.HTTPException):
                time.sleep(0.2)

    def follow(self, version):
        connection = self.api.connection(timeout=65)
        connection.request("GET", f"/api/v1/pods?watch=true&resourceVersion={version}&timeoutSeconds=60", headers=self.api.headers())
        answer = connection.getresponse()
        while not self.ending:
            line = answer.readline()
            if not line:
                return
            event = json.loads(line)
            if event["type"] == "ERROR":
                return
            if event["type"] == "DELETED":
                self.forget(event["object"])
            else:
                self.take(event["object"])

    def forget(self, pod):
        node = self.nodes.get(pod.get("spec", {}).get("nodeName"))
        process = node.pods.pop(pod["metadata"]["uid"], None) if node else None
        if process and not getattr(process, "ending", False):
            process.clean()

    # ---- exec

    def serve(self):
        listener = socket.socket(socket.AF_INET6 if ":" in self.node_address else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.node_address, self.port))
        listener.listen(64)
        context = None
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate, self.key)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self.serve_one, args=(connection, context), daemon=True).start()

    def serve_one(self, connection, context):
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context:
                connection = context.wrap_socket(connection, server_side=True)
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connection.recv(65536)
                if not piece:
                    return
                head += piece
            head, rest = head.split(b"\r\n\r\n", 1)
            lines = head.decode().split("\r\n")
            headers = {}
            for line in lines[1:]:
                name, _, value = line.partition(":")
                headers[name.strip().lower()] = value.strip()
            self.answer(connection, lines[0].split()[1], headers, rest)
        except (OSError, ValueError, IndexError):
            pass
        finally:
            try:
                connection.close()
            except OSError:
                pass

    def find(self, space, name):
        for node in self.nodes.values():
            if node.lost:
                continue
            for process in list(node.pods.values()):
                if process.pod["metadata"]["name"] == name and process.pod["metadata"]["namespace"] == space:
                    return process
        return None

    def plain(self, connection, status, text, kind="text/plain"):
        body = text.encode()
        connection.sendall(f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)

    def answer(self, connection, target, headers, rest):
        url = urllib.parse.urlsplit(target)
        query = urllib.parse.parse_qs(url.query)
        parts = url.path.strip("/").split("/")
        process = self.find(parts[1], parts[2]) if len(parts) >= 4 else None
        if not process:
            return self.plain(connection, "404 Not Found", "pod does not exist")
        if parts[0] == "containerLogs":
            with open(os.path.join(process.folder, "log"), errors="replace") as log:
                return self.plain(connection, "200 OK", log.read())
        if parts[0] != "exec" or "websocket" not in headers.get("upgrade", "").lower():
            return self.plain(connection, "400 Bad Request", "exec by WebSocket alone")
        offered = [word.strip() for word in headers.get("sec-websocket-protocol", "").split(",")]
        protocol = next((each for each in self.protocols if each in offered), None)
        if not protocol:
            return self.plain(connection, "403 Forbidden", "no protocol in common")
        words = query.get("command", [])
        # What was piped through a proxy may have another spelling.
        stdin = query.get("stdin", query.get("input", ["0"]))[0] in ("1", "true")
        child = process.exec(words, stdin)
        accept = base64.b64encode(hashlib.sha1((headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        connection.sendall(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n").encode())
        Exec(connection, child, protocol, rest).run()


class Exec:
    """Channels over a WebSocket, and a process."""

    def __init__(self, connection, child, protocol, rest):
        self.connection, self.child, self.protocol, self.buffer = connection, child, protocol, rest
        self.mutex = threading.Lock()

    def send(self, opcode, payload):
        head = bytes([0x80 | opcode])
        if len(payload) < 126:
            head += bytes([len(payload)])
        elif len(payload) < 65536:
            head += struct.pack("!BH", 126, len(payload))
        else:
            head += struct.pack("!BQ", 127, len(payload))
        with self.mutex:
            self.connection.sendall(head + payload)

    def take(self, count):
        while len(self.buffer) < count:
            piece = self.connection.recv(65536)
            if not piece:
                raise EOFError
            self.buffer += piece
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def frame(self):
        first, second = self.take(2)
        length = second & 0x7F
        if length == 126:
            length = struct.unpack("!H", self.take(2))[0]
        elif length == 127:
            length = struct.unpack("!Q", self.take(8))[0]
        if not second & 0x80:
            raise EOFError  # a client masks
        mask = self.take(4)
        payload = self.take(length)
        key = int.from_bytes((mask * (length // 4 + 1))[:length], "big") if length else 0
        return first & 0x0F, (int.from_bytes(payload, "big") ^ key).to_bytes(length, "big") if length else b""

    def listen(self):
        try:
            while True:
                opcode, payload = self.frame()
                if opcode == 8:
                    break
                if opcode == 9:
                    self.send(10, payload)
                elif opcode in (1, 2) and payload:
                    if payload[0] == 0 and self.child.stdin:
                        self.child.stdin.write(payload[1:])
                        self.child.stdin.flush()
                    elif payload[0] == 255 and payload[1:2] == b"\0" and self.protocol.startswith("v5") and self.child.stdin:
                        self.child.stdin.close()
        except (EOFError, OSError, ValueError):
            pass
        try:
            if self.child.stdin:
                self.child.stdin.close()
        except OSError:
            pass

    def carry(self, stream, channel):
        try:
            while True:
                piece = os.read(stream.fileno(), 32768)
                if not piece:
                    return
                self.send(2, bytes([channel]) + piece)
        except (OSError, ValueError):
            return

    def run(self):
        try:
            for channel in (0, 1, 2):
                self.send(2, bytes([channel]) if channel else b"\1")
            if self.child is None:
                status = {"metadata": {}, "status": "Failure", "message": "container not found", "reason": "InternalError", "code": 500}
                return self.send(2, b"\3" + json.dumps(status).encode())
            carriers = [threading.Thread(target=self.carry, args=(stream, channel), daemon=True)
                        for stream, channel in ((self.child.stdout, 1), (self.child.stderr, 2))]
            for carrier in carriers:
                carrier.start()
            threading.Thread(target=self.listen, daemon=True).start()
            code = self.child.wait()
            for carrier in carriers:
                carrier.join(2)
            if code == 0:
                status = {"metadata": {}, "status": "Success"}
            else:
                code = 128 - code if code < 0 else code
                status = {"metadata": {}, "status": "Failure", "message": f"command terminated with non-zero exit code: {code}",
                          "reason": "NonZeroExitCode", "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]}}
            self.send(2, b"\3" + json.dumps(status).encode())
            self.send(8, struct.pack("!H", 1000))
            self.connection.settimeout(1)
            time.sleep(0.05)
        except OSError:
            pass
        finally:
            if self.child and self.child.poll() is None:
                self.child.kill()
