"""What kube-controller-manager and the scheduler do about claims on storage, for the imitated API server.

Claims are bound to the volumes that name them, claims of a pod's own come and go with it, and one that a pod mounts is kept until that has
ended. Called with the store's lock held.
"""

SELECTED = "volume.kubernetes.io/selected-node"


def admit(store, item):
    """A new claim: of the usual class where it names none."""
    if "storageClassName" not in item["spec"]:
        for kind in store.of("storageclasses"):
            if kind["metadata"].get("annotations", {}).get("storageclass.kubernetes.io/is-default-class") == "true":
                item["spec"]["storageClassName"] = kind["metadata"]["name"]
    item["metadata"].setdefault("finalizers", ["kubernetes.io/pvc-protection"])
    item["status"] = {"phase": "Pending"}


def names_of(pod):
    """The claims of a pod: (name, template) with a template where it is the pod's own."""
    for volume in pod["spec"].get("volumes", []):
        if "persistentVolumeClaim" in volume:
            yield volume["persistentVolumeClaim"]["claimName"], None
        if "ephemeral" in volume:
            yield f"{pod['metadata']['name']}-{volume['name']}", volume["ephemeral"]["volumeClaimTemplate"]


def mounted(store, claim):
    meta = claim["metadata"]
    return any(pod["metadata"]["namespace"] == meta["namespace"] and pod["status"].get("phase") not in ("Succeeded", "Failed")
               and pod["spec"].get("nodeName") and any(name == meta["name"] for name, _ in names_of(pod)) for pod in store.of("pods"))


def make_own(store, pod):
    """The ephemeral-volume controller."""
    meta = pod["metadata"]
    for name, template in names_of(pod):
        if template and ("persistentvolumeclaims", meta["namespace"], name) not in store.objects and not meta.get("deletionTimestamp"):
            owner = {"apiVersion": "v1", "kind": "Pod", "name": meta["name"], "uid": meta["uid"], "controller": True}
            labels = template.get("metadata", {}).get("labels", {})
            store.create("persistentvolumeclaims", meta["namespace"],
                         {"apiVersion": "v1", "kind": "PersistentVolumeClaim",
                          "metadata": {"name": name, "labels": labels, "ownerReferences": [owner]}, "spec": dict(template["spec"])})


def bind(store, volume):
    """The volume binder: both sides of what a volume's claimRef says, or that the claim is gone."""
    wanted = volume["spec"].get("claimRef")
    if not wanted:
        return
    claim = store.objects.get(("persistentvolumeclaims", wanted["namespace"], wanted["name"]))
    if claim is None or claim["metadata"]["uid"] != wanted["uid"]:
        phase = "Released"
    else:
        phase = "Bound"
        if claim["spec"].get("volumeName") != volume["metadata"]["name"]:
            claim["spec"]["volumeName"] = volume["metadata"]["name"]
            claim["status"] = {"phase": "Bound", "accessModes": claim["spec"]["accessModes"], "capacity": volume["spec"]["capacity"]}
            store.note("persistentvolumeclaims", "MODIFIED", claim)
    if volume.get("status", {}).get("phase") != phase:
        volume["status"] = {"phase": phase}
        store.note("persistentvolumes", "MODIFIED", volume)


def control(store):
    for pod in store.of("pods"):
        make_own(store, pod)
    pods = {pod["metadata"]["uid"] for pod in store.of("pods")}
    for claim in store.of("persistentvolumeclaims"):
        owners = claim["metadata"].get("ownerReferences", [])
        orphan = owners and all(owner["uid"] not in pods for owner in owners)
        if (orphan or claim["metadata"].get("deletionTimestamp")) and not mounted(store, claim):
            store.drop("persistentvolumeclaims", claim)
    for volume in store.of("persistentvolumes"):
        bind(store, volume)


def why_not(store, pod):
    """What of a pod's claims keeps it from every node; and those that get a disk once it has a node."""
    late = []
    for name, _ in names_of(pod):
        claim = store.objects.get(("persistentvolumeclaims", pod["metadata"]["namespace"], name))
        if claim is None:
            return f'persistentvolumeclaim "{name}" not found', late
        if claim["metadata"].get("deletionTimestamp"):
            return f'persistentvolumeclaim "{name}" is being deleted', late
        if claim["status"]["phase"] == "Bound":
            continue
        kind = store.objects.get(("storageclasses", "", claim["spec"].get("storageClassName", "")), {})
        if kind.get("volumeBindingMode") != "WaitForFirstConsumer":
            return "pod has unbound immediate PersistentVolumeClaims", late
        late.append(claim)
    return None, late


def select(store, claims, node):
    """The scheduler has chosen: whoever makes disks may make these now."""
    for claim in claims:
        notes = claim["metadata"].setdefault("annotations", {})
        if notes.get(SELECTED) != node:
            notes[SELECTED] = node
            store.note("persistentvolumeclaims", "MODIFIED", claim)
