"""kube-scheduler, for the imitated API server: pods are put on nodes that have room for them, where their claims have disks."""
import re
import time

import imitated_claims


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def amount(text):
    match = re.fullmatch(r"([0-9.]+)(m|k|M|G|T|Ki|Mi|Gi|Ti|)", str(text))
    factors = {"m": 1e-3, "": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
    return float(match.group(1)) * factors[match.group(2)]


def merge(into, patch, strategic):
    for key, value in patch.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value, strategic)
        elif strategic and isinstance(value, list) and isinstance(into.get(key), list) and key in ("conditions", "containerStatuses", "addresses"):
            name = "name" if key == "containerStatuses" else "type"
            for item in value:
                same = next((each for each in into[key] if each.get(name) == item.get(name)), None)
                if same is None:
                    into[key].append(item)
                elif key == "containerStatuses":
                    same.clear()
                    same.update(item)
                else:
                    same.update(item)
        else:
            into[key] = value


def requests(pod):
    total = {}
    for container in pod["spec"]["containers"]:
        for name, value in container.get("resources", {}).get("requests", {}).items():
            total[name] = total.get(name, 0) + amount(value)
    return total


def tolerates(pod, taint):
    for toleration in pod["spec"].get("tolerations", []):
        if toleration.get("key") not in (None, taint["key"]):
            continue
        if toleration.get("operator", "Equal") == "Exists" or toleration.get("value", "") == taint.get("value", ""):
            return True
    return False


def labels_match(pod, labels):
    for key, value in pod["spec"].get("nodeSelector", {}).items():
        if labels.get(key) != value:
            return False
    required = pod["spec"].get("affinity", {}).get("nodeAffinity", {}).get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    return any(all(labels.get(each["key"]) in each["values"] for each in term.get("matchExpressions", []))
               for term in required["nodeSelectorTerms"])


def why_not(store, pod, node):
    if node["spec"].get("unschedulable"):
        return ["node(s) were unschedulable"]
    for taint in node["spec"].get("taints") or []:
        if taint["effect"] != "PreferNoSchedule" and not tolerates(pod, taint):
            return ["node(s) had untolerated taint(s)"]
    if not labels_match(pod, node["metadata"].get("labels", {})):
        return ["node(s) didn't match Pod's node affinity/selector"]
    free = {name: amount(value) for name, value in node["status"]["allocatable"].items()}
    for (kind, _, _), other in store.objects.items():
        if kind == "pods" and other["spec"].get("nodeName") == node["metadata"]["name"] and other["status"].get("phase") not in ("Succeeded", "Failed"):
            for name, value in requests(other).items():
                free[name] = free.get(name, 0) - value
    return [f"Insufficient {name}" for name, value in requests(pod).items() if value > free.get(name, 0) + 1e-9]


def schedule_one(store, pod):
    nodes = store.of("nodes")
    reasons, fitting = {}, []
    claims, late = imitated_claims.why_not(store, pod)
    for node in nodes:
        against = [claims] if claims else why_not(store, pod, node)
        if not against:
            fitting.append(node)
        for reason in against:
            reasons[reason] = reasons.get(reason, 0) + 1
    if fitting:
        loads = {node["metadata"]["name"]: sum(1 for (kind, _, _), other in store.objects.items()
                                               if kind == "pods" and other["spec"].get("nodeName") == node["metadata"]["name"]) for node in fitting}
        chosen = min(loads, key=lambda name: (loads[name], name))
        if late:
            return imitated_claims.select(store, late, chosen)
        pod["spec"]["nodeName"] = chosen
        condition = {"type": "PodScheduled", "status": "True", "lastTransitionTime": now()}
    else:
        told = ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))
        if claims:
            told = claims
        message = f"0/{len(nodes)} nodes are available: {told}. no new claims to deallocate, preemption: 0/{len(nodes)} nodes are available: {len(nodes)} Preemption is not helpful for scheduling."
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message, "lastTransitionTime": now()}
        before = next((each for each in pod["status"].get("conditions", []) if each["type"] == "PodScheduled"), {})
        if before.get("message") == message:
            return
    merge(pod, {"status": {"conditions": [condition]}}, True) if "conditions" in pod["status"] else pod["status"].update({"conditions": [condition]})
    store.note("pods", "MODIFIED", pod)


def schedule(store):
    while True:
        with store.changed:
            imitated_claims.control(store)
            waiting = [pod for (kind, _, _), pod in store.objects.items()
                       if kind == "pods" and not pod["spec"].get("nodeName") and not pod["metadata"].get("deletionTimestamp")]
            for pod in waiting:
                schedule_one(store, pod)
            store.changed.wait(0.2)
