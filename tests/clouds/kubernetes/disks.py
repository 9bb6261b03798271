"""Disks behind claims: the provisioner of a test's cluster, and where its kubelets find a disk. Disks are folders.

Of the storage classes `shelf` (the usual one) makes a disk at once, `late` when a pod that mounts it has got a node, `stuck` never.
"""
import os
import shutil
import threading
import time

CLASSES = {"shelf": "Immediate", "late": "WaitForFirstConsumer", "stuck": "Immediate"}
PROVISIONER = "isobar.dev/folders"
SELECTED = "volume.kubernetes.io/selected-node"


def folder_of(volume, folder):
    path = os.path.join(folder, "claims", os.path.basename(volume["spec"]["hostPath"]["path"]))
    os.makedirs(path, exist_ok=True)
    return path


def disk_of(api, folder, space, claim):
    code, found = api.call("GET", f"/api/v1/namespaces/{space}/persistentvolumeclaims/{claim}")
    if code != 200:
        raise RuntimeError(f'persistentvolumeclaim "{claim}" not found')
    code, volume = api.call("GET", "/api/v1/persistentvolumes/" + found["spec"].get("volumeName", "-"))
    if code != 200:
        raise RuntimeError(f'persistentvolumeclaim "{claim}" is not bound')
    return folder_of(volume, folder)


class Provisioner:
    def __init__(self, folder, api):
        self.folder, self.api = folder, api

    def register(self):
        for name, mode in CLASSES.items():
            usual = {"storageclass.kubernetes.io/is-default-class": "true"} if name == "shelf" else {}
            self.api.call("POST", "/apis/storage.k8s.io/v1/storageclasses",
                          {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name, "annotations": usual},
                           "provisioner": PROVISIONER, "reclaimPolicy": "Delete", "volumeBindingMode": mode})

    def start(self):
        threading.Thread(target=self.work, daemon=True).start()

    def work(self):
        while True:
            try:
                for claim in self.api.call("GET", "/api/v1/persistentvolumeclaims")[1]["items"]:
                    self.provide(claim)
                for volume in self.api.call("GET", "/api/v1/persistentvolumes")[1]["items"]:
                    self.take_back(volume)
            except (OSError, ValueError, KeyError):
                pass
            time.sleep(0.1)

    def provide(self, claim):
        kind = claim["spec"].get("storageClassName")
        late = CLASSES.get(kind) == "WaitForFirstConsumer"
        if claim["spec"].get("volumeName") or claim["metadata"].get("deletionTimestamp") or kind not in ("shelf", "late"):
            return
        if late and SELECTED not in claim["metadata"].get("annotations", {}):
            return
        meta = claim["metadata"]
        name = "pv-" + meta["uid"]
        self.api.call("POST", "/api/v1/persistentvolumes",
                      {"apiVersion": "v1", "kind": "PersistentVolume",
                       "metadata": {"name": name, "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER}},
                       "spec": {"capacity": claim["spec"]["resources"]["requests"], "accessModes": claim["spec"]["accessModes"],
                                "persistentVolumeReclaimPolicy": "Delete", "storageClassName": kind, "hostPath": {"path": "/" + name},
                                "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": meta["name"],
                                             "namespace": meta["namespace"], "uid": meta["uid"]}}})

    def take_back(self, volume):
        """Its claim is gone: the disk goes with all that is in it."""
        ours = volume["metadata"].get("annotations", {}).get("pv.kubernetes.io/provisioned-by") == PROVISIONER
        if ours and volume.get("status", {}).get("phase") == "Released":
            shutil.rmtree(folder_of(volume, self.folder), ignore_errors=True)
            self.api.call("DELETE", "/api/v1/persistentvolumes/" + volume["metadata"]["name"], {})
