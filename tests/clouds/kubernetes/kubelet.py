#!/usr/bin/env python3
"""Kubelets for tests: nodes of a Kubernetes cluster on this machine, whose pods are real processes.

Registers its nodes with an API server, watches for pods that the scheduler puts on them, and runs each pod's container as a process in
namespaces of its own (network, processes, mounts, host name), with this machine's files below it, read through an overlay that the pod
alone writes to: which image is named does not matter, but that one of `never.pull/…` cannot be pulled. Serves the kubelet's own HTTPS
interface for exec and logs, by WebSocket (v4.channel.k8s.io and v5.channel.k8s.io).

Its nodes may be made to fail: see `Kubelet.command`.
"""
import http.client
import json
import os
import threading
import time

from kube_api import now
from kubelet_exec import KubeletServer
from pod_process import Process


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

    def add(self, *arguments, **named):
        node = Kubelet(self, *arguments, **named)
        self.nodes[node.name] = node
        node.register()

    def start(self):
        threading.Thread(target=self.watch, daemon=True).start()
        threading.Thread(target=KubeletServer(self).serve, daemon=True).start()
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
