#!/usr/bin/env python3
"""A Kubernetes cluster for tests, in namespaces of its own:

  unshare --uts --net --mount --mount-proc --pid --fork --kill-child python3 cluster.py FOLDER BINARIES

BINARIES is a folder with etcd, kube-apiserver, kube-scheduler and kube-controller-manager (tests/clouds/build_kubernetes.sh makes one):
then they are the control plane. Empty: api_server.py imitates it. The nodes are kubelet.py's either way.

Prints "READY FOLDER real|imitated" when the nodes are ready, or "SKIP why". FOLDER/kubeconfig has the contexts `lab` (namespace default,
an administrator), `crowded` (the same server, namespace small with a quota of one pod), `eve` (may do nothing) and more, see `contexts`. Then takes
commands from standard input, a line each, and answers "OK …" or "ERROR why":
  evict|oom|die NODE POD    the pod ends that way
  lose NODE                 the node is gone, and Kubernetes has noticed
  slow NODE SECONDS         its pods take so long to start
  find NODE                 it is back, without what ran on it
  cordon NODE, open NODE    no new pods, and pods again
  delete NAMESPACE POD      as somebody else would
  autoscaler on|off         there is one
  speak v4|v5               what the kubelets choose of the protocols for exec
  pods                      "OK namespace/name=phase@node …"
  claims                    "OK name=phase …"; `shelf` is there from the beginning
  disks                     how many there are beside that of `shelf`
  hold POD CLAIM            somebody else's pod mounts a claim
"""
import base64
import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from disks import Provisioner  # noqa: E402
from kube_api import Api, run  # noqa: E402
from kubelet import Kubelets  # noqa: E402

NET = "10.55.0"
SERVER = f"{NET}.254"
PORT, KUBELET_PORT = 6443, 10250
TOKENS = {"admin": "admin-token", "eve": "eve-token", "blind": "blind-token"}


class Failed(Exception):
    pass


class Cluster:
    def __init__(self, folder, binaries):
        self.folder, self.binaries = folder, binaries
        self.children = []

    def file(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.file(name), "w") as out:
            out.write(text)
        return self.file(name)

    def program(self, name, *flags):
        log = open(self.file(name + ".log"), "ab")
        words = [os.path.join(self.binaries, name), *flags]
        self.children.append(subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def network(self):
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", "isbr", "type", "bridge")
        run("ip", "addr", "add", f"{SERVER}/24", "dev", "isbr")
        run("ip", "link", "set", "isbr", "up")
        run("mount", "--make-rprivate", "/")
        # Names of network namespaces are this cluster's alone.
        os.makedirs("/run/netns", exist_ok=True)
        run("mount", "-t", "tmpfs", "tmpfs", "/run/netns")
        os.makedirs(self.file("pods"), exist_ok=True)
        run("mount", "-t", "tmpfs", "tmpfs", self.file("pods"))

    def certificates(self):
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
            "/CN=isobar-test-ca", "-keyout", self.file("ca.key"), "-out", self.file("ca.crt"))
        self.certificate("server", "/CN=kube-apiserver", f"IP:{SERVER},IP:127.0.0.1,IP:10.0.0.1,DNS:kubernetes,DNS:api.lab.test")
        self.certificate("kubelet", "/CN=kubelet", f"IP:{SERVER}")
        self.certificate("client", "/O=system:masters/CN=apiserver-kubelet-client", None)
        self.certificate("ada", "/O=system:masters/CN=ada", None)
        run("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.file("sa.key"))
        run("openssl", "pkey", "-in", self.file("sa.key"), "-pubout", "-out", self.file("sa.pub"))

    def certificate(self, name, subject, names):
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject, "-keyout",
            self.file(name + ".key"), "-out", self.file(name + ".csr"))
        text = "extendedKeyUsage=serverAuth,clientAuth\n" + (f"subjectAltName={names}\n" if names else "")
        self.write(name + ".ext", text)
        run("openssl", "x509", "-req", "-in", self.file(name + ".csr"), "-CA", self.file("ca.crt"), "-CAkey", self.file("ca.key"),
            "-CAcreateserial", "-days", "2", "-extfile", self.file(name + ".ext"), "-out", self.file(name + ".crt"))

    def data(self, name):
        with open(self.file(name), "rb") as content:
            return base64.b64encode(content.read()).decode()

    def contexts(self):
        ca = self.data("ca.crt")
        plugin = self.write("plugin.sh", "#!/bin/sh\necho run >>" + self.file("plugin.runs") + "\n[ -n \"$KUBERNETES_EXEC_INFO\" ] || exit 3\n"
                            "echo '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"'"
                            + f"$(cat {self.file('plugin.token')})" + "'\"}}'\n")
        os.chmod(plugin, 0o755)
        self.write("plugin.token", TOKENS["admin"])
        users = {name: {"token": token} for name, token in TOKENS.items()}
        users["ada"] = {"client-certificate-data": self.data("ada.crt"), "client-key-data": self.data("ada.key")}
        users["plugin"] = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": plugin, "interactiveMode": "Never"}}
        users["stranger"] = {"token": "no-such-token"}
        server = f"https://{SERVER}:{PORT}"
        clusters = {"lab": {"server": server, "certificate-authority-data": ca},
                    "named": {"server": server, "certificate-authority-data": ca, "tls-server-name": "api.lab.test"},
                    "away": {"server": f"https://{SERVER}:6444", "certificate-authority-data": ca}}
        contexts = {"lab": ("lab", "admin", "default"), "lab/ada": ("named", "ada", "default"), "crowded": ("lab", "admin", "small"),
                    "eve": ("lab", "eve", "default"), "blind": ("lab", "blind", "default"), "plugin": ("lab", "plugin", "default"),
                    "stranger": ("lab", "stranger", "default"), "away": ("away", "admin", "default")}
        config = {"apiVersion": "v1", "kind": "Config", "current-context": "lab",
                  "clusters": [{"name": name, "cluster": cluster} for name, cluster in clusters.items()],
                  "users": [{"name": name, "user": user} for name, user in users.items()],
                  "contexts": [{"name": name, "context": {"cluster": cluster, "user": user, "namespace": space}}
                               for name, (cluster, user, space) in contexts.items()]}
        self.write("kubeconfig", json.dumps(config))

    def control_plane(self):
        self.write("tokens.csv", "".join(f'{token},{name},{name}{",system:masters" if name == "admin" else ""}\n' for name, token in TOKENS.items()))
        self.program("etcd", "--data-dir", self.file("etcd"), "--listen-client-urls", "http://127.0.0.1:2379", "--advertise-client-urls",
                     "http://127.0.0.1:2379", "--listen-peer-urls", "http://127.0.0.1:2380", "--unsafe-no-fsync")
        self.program("kube-apiserver", "--etcd-servers=http://127.0.0.1:2379", f"--secure-port={PORT}", f"--bind-address={SERVER}",
                     f"--advertise-address={SERVER}", f"--tls-cert-file={self.file('server.crt')}",
                     f"--tls-private-key-file={self.file('server.key')}", f"--client-ca-file={self.file('ca.crt')}",
                     f"--token-auth-file={self.file('tokens.csv')}", "--authorization-mode=RBAC",
                     "--service-account-issuer=https://kubernetes.default.svc", f"--service-account-key-file={self.file('sa.pub')}",
                     f"--service-account-signing-key-file={self.file('sa.key')}", "--service-cluster-ip-range=10.0.0.0/24",
                     f"--kubelet-client-certificate={self.file('client.crt')}", f"--kubelet-client-key={self.file('client.key')}",
                     f"--kubelet-certificate-authority={self.file('ca.crt')}", "--kubelet-preferred-address-types=InternalIP",
                     # The kubelets here speak WebSocket and no SPDY, into which the server would translate.
                     "--feature-gates=TranslateStreamCloseWebsocketRequests=false")
        self.await_server()
        admin = self.write("admin.conf", json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "a", "users": [{"name": "u", "user": {"token": TOKENS["admin"]}}],
            "clusters": [{"name": "c", "cluster": {"server": f"https://{SERVER}:{PORT}", "certificate-authority": self.file("ca.crt")}}],
            "contexts": [{"name": "a", "context": {"cluster": "c", "user": "u"}}]}))
        self.program("kube-scheduler", f"--kubeconfig={admin}", "--leader-elect=false", "--secure-port=0",
                     f"--authentication-kubeconfig={admin}", f"--authorization-kubeconfig={admin}")
        self.program("kube-controller-manager", f"--kubeconfig={admin}", "--leader-elect=false", "--secure-port=0",
                     f"--service-account-private-key-file={self.file('sa.key')}", f"--root-ca-file={self.file('ca.crt')}",
                     "--controllers=serviceaccount-controller,root-ca-certificate-publisher-controller,node-lifecycle-controller,"
                     "taint-eviction-controller,pod-garbage-collector-controller,namespace-controller,resourcequota-controller,"
                     "persistentvolume-binder-controller,ephemeral-volume-controller,persistentvolumeclaim-protection-controller,"
                     "persistentvolume-protection-controller,garbage-collector-controller")

    def imitation(self):
        log = open(self.file("api_server.log"), "ab")
        here = os.path.dirname(os.path.abspath(__file__))
        words = [sys.executable, os.path.join(here, "api_server.py"), SERVER, str(PORT), self.file("server.crt"), self.file("server.key"),
                 self.file("ca.crt"), json.dumps(TOKENS)]
        self.children.append(subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        self.await_server()

    def await_server(self):
        self.api = Api(SERVER, PORT, self.file("ca.crt"), TOKENS["admin"])
        end = time.time() + 90
        while time.time() < end:
            for child in self.children:
                if child.poll() is not None:
                    name = os.path.basename(child.args[1] if child.args[0] == sys.executable else child.args[0]).removesuffix(".py")
                    with open(self.file(name + ".log"), errors="replace") as log:
                        raise Failed(f"{name} ended: {log.read()[-600:]}")
            try:
                if self.api.call("GET", "/api/v1/namespaces/default")[0] == 200:
                    return
            except (OSError, ValueError):
                pass
            time.sleep(0.1)
        raise Failed("the API server does not answer")

    def post(self, path, body):
        code, said = self.api.call("POST", path, body)
        if code not in (200, 201, 409):
            raise Failed(f"{path}: {code} {said.get('message')}")

    def populate(self):
        self.post("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "small"}})
        self.post("/api/v1/namespaces/small/resourcequotas",
                  {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}, "spec": {"hard": {"pods": "1"}}})
        # Blind may do all with pods in its namespace, and see nothing else.
        rules = [{"apiGroups": [""], "resources": ["pods", "pods/exec", "pods/log"], "verbs": ["create", "get", "list", "watch", "delete"]}]
        rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default"
        self.post(f"{rbac}/roles", {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "pods"}, "rules": rules})
        self.post(f"{rbac}/rolebindings",
                  {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "pods"},
                   "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "pods"},
                   "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "blind"}]})
        for space in ("default", "small"):
            self.await_account(space)
        self.shelf()

    def shelf(self):
        """A volume and a claim of it that are there before anyone asks, bound by hand."""
        some = {"storage": "1Gi"}
        claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "shelf", "annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
                 "spec": {"accessModes": ["ReadWriteMany"], "volumeName": "shelf", "storageClassName": "", "resources": {"requests": some}}}
        self.post("/api/v1/namespaces/default/persistentvolumeclaims", claim)
        uid = self.api.call("GET", "/api/v1/namespaces/default/persistentvolumeclaims/shelf")[1]["metadata"]["uid"]
        self.post("/api/v1/persistentvolumes",
                  {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "shelf"},
                   "spec": {"capacity": some, "accessModes": ["ReadWriteMany"], "hostPath": {"path": "/shelf"},
                            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": "shelf", "namespace": "default", "uid": uid}}})
        for path in ("/api/v1/persistentvolumes/shelf", "/api/v1/namespaces/default/persistentvolumeclaims/shelf"):
            self.api.call("PATCH", path + "/status", {"status": {"phase": "Bound", "accessModes": ["ReadWriteMany"], "capacity": some}}
                          if "claims" in path else {"status": {"phase": "Bound"}}, "application/merge-patch+json")

    def await_account(self, space):
        end = time.time() + 30
        while time.time() < end:
            if self.api.call("GET", f"/api/v1/namespaces/{space}/serviceaccounts/default")[0] == 200:
                return
            time.sleep(0.1)
        raise Failed(f"namespace {space} has no service account")

    def start(self):
        self.network()
        self.certificates()
        self.contexts()
        if self.binaries:
            self.control_plane()
        else:
            self.imitation()
        self.populate()
        disks = Provisioner(self.folder, self.api)
        disks.register()
        disks.start()
        self.kubelets = Kubelets(self.folder, self.api, NET, "is", SERVER, KUBELET_PORT, self.file("kubelet.crt"), self.file("kubelet.key"))
        self.kubelets.start()
        self.kubelets.add("w1", 4, 8)
        self.kubelets.add("w2", 4, 8)
        self.kubelets.add("gpu1", 8, 32, {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}, 4,
                          [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}])
        self.kubelets.add("spot1", 2, 4, {"cloud.google.com/gke-spot": "true"}, 0,
                          [{"key": "cloud.google.com/gke-spot", "value": "true", "effect": "NoSchedule"}])

    def pods(self):
        items = self.api.call("GET", "/api/v1/pods")[1]["items"]
        return " ".join(f"{pod['metadata']['namespace']}/{pod['metadata']['name']}={pod['status']['phase']}@{pod['spec'].get('nodeName', '')}"
                        for pod in items)

    def command(self, words):
        if words[0] == "pods":
            return self.pods()
        if words[0] == "claims":
            items = self.api.call("GET", "/api/v1/persistentvolumeclaims")[1]["items"]
            return " ".join(f"{item['metadata']['name']}={item['status']['phase']}" for item in items)
        if words[0] == "hold":  # somebody else's pod, that mounts a claim
            spec = {"terminationGracePeriodSeconds": 1, "containers": [{"name": "c", "image": "any", "command": ["/bin/sleep", "1000"], "volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
                    "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": words[2]}}]}
            self.post("/api/v1/namespaces/default/pods", {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": words[1]}, "spec": spec})
            return ""
        if words[0] == "disks":
            items = self.api.call("GET", "/api/v1/persistentvolumes")[1]["items"]
            return str(sum(item["metadata"]["name"] != "shelf" for item in items))
        if words[0] == "services":
            items = self.api.call("GET", "/api/v1/namespaces/default/services")[1]["items"]
            return " ".join(f"{item['metadata']['name']}={','.join(str(port['port']) for port in item['spec']['ports'])}"
                            for item in items if "isobar.dev/owner" in item["metadata"].get("labels", {}))
        verb, node = words[0], words[1]
        if verb == "autoscaler":
            path, name = "/api/v1/namespaces/kube-system/configmaps", "cluster-autoscaler-status"
            if node == "on":
                self.post(path, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"status": "Running"}})
            else:
                self.api.call("DELETE", f"{path}/{name}", {})
            return ""
        if verb == "balance":  # what a cloud's controller says once its load balancer is there
            code, said = self.api.call("PATCH", f"/api/v1/namespaces/default/services/{node}/status",
                                       {"status": {"loadBalancer": {"ingress": [{"ip": words[2]}]}}}, "application/merge-patch+json")
            if code != 200:
                raise Failed(said.get("message"))
            return ""
        if verb == "speak":
            self.kubelets.protocols = [f"{node}.channel.k8s.io"]
            return ""
        if verb == "delete":
            code, said = self.api.call("DELETE", f"/api/v1/namespaces/{node}/pods/{words[2]}", {})
            if code != 200:
                raise Failed(said.get("message"))
            return ""
        if verb in ("cordon", "open"):
            body = {"spec": {"unschedulable": verb == "cordon"}}
            code, said = self.api.call("PATCH", f"/api/v1/nodes/{node}", body, "application/merge-patch+json")
            if code != 200:
                raise Failed(said.get("message"))
            return ""
        self.kubelets.nodes[node].command(verb, words[2] if len(words) > 2 else "")
        return ""

    def end(self):
        for child in self.children:
            child.kill()


def main():
    folder, binaries = sys.argv[1], sys.argv[2]
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    cluster = Cluster(folder, binaries)
    try:
        cluster.start()
        print(f"READY {folder} {'real' if binaries else 'imitated'}", flush=True)
        for line in sys.stdin:
            try:
                print(f"OK {cluster.command(line.split())}", flush=True)
            except (Failed, RuntimeError, OSError, KeyError) as failure:
                print(f"ERROR {failure}", flush=True)
    except (Failed, RuntimeError, OSError) as failure:
        print(f"SKIP {str(failure)[-700:]}".replace("\n", " "), flush=True)
    finally:
        cluster.end()


if __name__ == "__main__":
    main()
