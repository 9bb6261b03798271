#!/usr/bin/env python3
"""An imitation of a Kubernetes API server and scheduler, for where the real ones are not at hand:

  api_server.py ADDRESS PORT CERTIFICATE KEY CA TOKENS

It keeps what it is told in memory and answers as kube-apiserver does, as far as kubectl, kubelet.py and isobar ask: lists by page and label,
watches, patches, deletion with grace, quotas of pods, roles, reviews of what one may do, exec passed on to the kubelet. TOKENS is JSON:
user → token; `admin` and whoever shows a certificate of `system:masters` may do everything.
"""
import base64
import copy
import http.server
import json
import re
import socket
import ssl
import sys
import threading
import time
import urllib.parse
import uuid

import imitated_claims
from imitated_scheduler import merge, now, schedule

CORE = {"pods": "Pod", "nodes": "Node", "namespaces": "Namespace", "configmaps": "ConfigMap", "events": "Event",
        "serviceaccounts": "ServiceAccount", "resourcequotas": "ResourceQuota", "services": "Service",
        "persistentvolumes": "PersistentVolume", "persistentvolumeclaims": "PersistentVolumeClaim"}
GROUPS = {"coordination.k8s.io/v1": {"leases": "Lease"},
          "rbac.authorization.k8s.io/v1": {"roles": "Role", "rolebindings": "RoleBinding"},
          "storage.k8s.io/v1": {"storageclasses": "StorageClass"},
          "authorization.k8s.io/v1": {"selfsubjectaccessreviews": "SelfSubjectAccessReview"}}
CLUSTER_WIDE = {"nodes", "namespaces", "persistentvolumes", "storageclasses", "selfsubjectaccessreviews"}


class Refused(Exception):
    def __init__(self, code, reason, message):
        super().__init__(message)
        self.code, self.reason = code, reason

    def status(self):
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": str(self), "reason": self.reason,
                "code": self.code}


class Store:
    def __init__(self):
        self.changed = threading.Condition(threading.RLock())
        self.objects = {}  # (resource, namespace, name) → object
        self.version = 1
        self.log = []  # (version, resource, type, object)
        for space in ("default", "kube-system", "kube-node-lease"):
            self.create("namespaces", "", {"metadata": {"name": space}})

    def note(self, resource, kind, item):
        self.version += 1
        item["metadata"]["resourceVersion"] = str(self.version)
        self.log.append((self.version, resource, kind, copy.deepcopy(item)))
        del self.log[:-5000]
        self.changed.notify_all()

    def of(self, resource):
        return [item for (kind, _, _), item in list(self.objects.items()) if kind == resource]

    def drop(self, resource, item):
        del self.objects[(resource, item["metadata"].get("namespace", ""), item["metadata"]["name"])]
        self.note(resource, "DELETED", item)

    def get(self, resource, space, name):
        item = self.objects.get((resource, space, name))
        if item is None:
            raise Refused(404, "NotFound", f'{resource} "{name}" not found')
        return item

    def create(self, resource, space, item):
        with self.changed:
            meta = item.setdefault("metadata", {})
            name = meta.get("name", "")
            if not re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", name):
                raise Refused(422, "Invalid", f'{resource} "{name}" is invalid: metadata.name: Invalid value: "{name}"')
            if (resource, space, name) in self.objects:
                raise Refused(409, "AlreadyExists", f'{resource} "{name}" already exists')
            if resource != "namespaces" and space and ("namespaces", "", space) not in self.objects:
                raise Refused(404, "NotFound", f'namespaces "{space}" not found')
            if space:
                meta["namespace"] = space
            meta["uid"], meta["creationTimestamp"] = str(uuid.uuid4()), now()
            if resource == "pods":
                self.admit(space, name)
                item.setdefault("status", {"phase": "Pending"})
                item["spec"].setdefault("serviceAccountName", "default")
            if resource == "persistentvolumeclaims":
                imitated_claims.admit(self, item)
            self.objects[(resource, space, name)] = item
            self.note(resource, "ADDED", item)
            if resource == "namespaces":
                self.create("serviceaccounts", name, {"metadata": {"name": "default"}})
            return item

    def admit(self, space, name):
        for (resource, where, quota), item in self.objects.items():
            if resource != "resourcequotas" or where != space:
                continue
            hard = item["spec"]["hard"].get("pods")
            used = sum(1 for (kind, at, _), pod in self.objects.items()
                       if kind == "pods" and at == space and pod["status"].get("phase") not in ("Succeeded", "Failed"))
            if hard is not None and used + 1 > int(hard):
                raise Refused(403, "Forbidden", f'pods "{name}" is forbidden: exceeded quota: {quota}, requested: pods=1, used: pods={used}, '
                              f"limited: pods={hard}")

    def patch(self, resource, space, name, patch, strategic):
        with self.changed:
            item = self.get(resource, space, name)
            merge(item, patch, strategic)
            self.note(resource, "MODIFIED", item)
            return item

    def delete(self, resource, space, name, options):
        with self.changed:
            item = self.get(resource, space, name)
            wanted = options.get("preconditions", {}).get("uid")
            if wanted and wanted != item["metadata"]["uid"]:
                raise Refused(409, "Conflict", "the UID in the precondition does not match")
            grace = options.get("gracePeriodSeconds")
            if resource == "pods" and item["spec"].get("nodeName") and item["status"].get("phase") not in ("Succeeded", "Failed"):
                if grace is None:
                    grace = item["spec"].get("terminationGracePeriodSeconds", 30)
                if grace > 0:
                    if not item["metadata"].get("deletionTimestamp"):
                        item["metadata"]["deletionTimestamp"] = now()
                        item["metadata"]["deletionGracePeriodSeconds"] = grace
                        self.note(resource, "MODIFIED", item)
                    return item
            if resource == "persistentvolumeclaims" and imitated_claims.mounted(self, item):
                item["metadata"].setdefault("deletionTimestamp", now())
                self.note(resource, "MODIFIED", item)
                return item
            self.drop(resource, item)
            return item


# ---- what kubectl shows

COLUMNS = {"pods": ["Name", "Ready", "Status", "Restarts", "Age", "IP*", "Node*"],
           "nodes": ["Name", "Status", "Roles", "Age", "Version", "Internal-IP*"]}


def age(item):
    seconds = int(time.time() - time.mktime(time.strptime(item["metadata"]["creationTimestamp"], "%Y-%m-%dT%H:%M:%SZ")) + time.timezone)
    return f"{seconds}s" if seconds < 120 else f"{seconds // 60}m"


def cells(resource, item):
    name, status = item["metadata"]["name"], item.get("status", {})
    if resource == "pods":
        containers = status.get("containerStatuses", [])
        ready = sum(1 for each in containers if each["ready"])
        waiting = next((each["state"]["waiting"]["reason"] for each in containers if "waiting" in each["state"]), None)
        shown = "Terminating" if item["metadata"].get("deletionTimestamp") else waiting or status.get("reason") or status.get("phase")
        return [name, f"{ready}/{len(item['spec']['containers'])}", shown, "0", age(item), status.get("podIP", "<none>"),
                item["spec"].get("nodeName", "<none>")]
    is_ready = any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions", []))
    cordoned = ",SchedulingDisabled" if item["spec"].get("unschedulable") else ""
    return [name, ("Ready" if is_ready else "NotReady") + cordoned, "<none>", age(item), status.get("nodeInfo", {}).get("kubeletVersion", ""),
            status["addresses"][0]["address"]]


def table(resource, items, meta):
    columns = [{"name": name.rstrip("*"), "type": "string", "format": "name" if name == "Name" else "", "description": "",
                "priority": 1 if name.endswith("*") else 0} for name in COLUMNS[resource]]
    rows = [{"cells": cells(resource, item), "object": {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]}}
            for item in items]
    return {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": meta, "columnDefinitions": columns, "rows": rows}


# ---- who may do what

class Rights:
    def __init__(self, store, tokens):
        self.store = store
        self.users = {token: user for user, token in tokens.items()}

    def user_of(self, handler):
        header = handler.headers.get("Authorization", "")
        if header.startswith("Bearer "):
            user = self.users.get(header[7:])
            if user is None:
                raise Refused(401, "Unauthorized", "Unauthorized")
            return user, user == "admin"
        certificate = handler.connection.getpeercert()
        if certificate:
            names = {key: value for part in certificate["subject"] for key, value in part}
            return names.get("commonName"), names.get("organizationName") == "system:masters"
        return "system:anonymous", False

    def may(self, user, master, verb, resource, space):
        if master:
            return True
        with self.store.changed:
            for (kind, where, _), binding in self.store.objects.items():
                if kind != "rolebindings" or where != space or not any(each["name"] == user for each in binding["subjects"]):
                    continue
                role = self.store.objects.get(("roles", where, binding["roleRef"]["name"]), {"rules": []})
                if any(resource in rule["resources"] and verb in rule["verbs"] for rule in role["rules"]):
                    return True
        return False


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    store = rights = kubelet_context = None

    def log_message(self, *arguments):
        pass

    def reply(self, code, body):
        text = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def handle_all(self):
        try:
            length = int(self.headers.get("Content-Length") or 0)
            text = self.rfile.read(length)
            if length and "json" not in self.headers.get("Content-Type", "json"):
                raise Refused(415, "UnsupportedMediaType", "JSON alone is spoken here")
            body = json.loads(text) if length else {}
            self.serve(urllib.parse.urlsplit(self.path), body)
        except Refused as refused:
            self.reply(refused.code, refused.status())
        except (KeyError, ValueError, TypeError, AttributeError) as failure:
            self.reply(500, Refused(500, "InternalError", f"the imitation does not know this: {failure!r}").status())
        except (BrokenPipeError, ConnectionError, ssl.SSLError):
            self.close_connection = True

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = handle_all

    def serve(self, url, body):
        user, master = self.rights.user_of(self)
        parts = [urllib.parse.unquote(part) for part in url.path.strip("/").split("/")]
        query = {key: values[0] for key, values in urllib.parse.parse_qs(url.query, keep_blank_values=True).items()}
        if self.discover(parts):
            return
        group = "v1" if parts[:2] == ["api", "v1"] else "/".join(parts[1:3]) if parts[0] == "apis" and len(parts) > 3 else None
        rest = parts[2:] if group == "v1" else parts[3:]
        known = CORE if group == "v1" else GROUPS.get(group, {})
        space = ""
        if len(rest) >= 3 and rest[0] == "namespaces" and rest[2] in {**known, **CORE}:
            space, rest = rest[1], rest[2:]
        if not rest or rest[0] not in known:
            raise Refused(404, "NotFound", "the server could not find the requested resource")
        resource, name, sub = rest[0], rest[1] if len(rest) > 1 else "", rest[2] if len(rest) > 2 else ""
        if resource == "selfsubjectaccessreviews":
            return self.review(user, master, body)
        verbs = {"POST": "create", "PATCH": "patch", "PUT": "update", "DELETE": "delete" if name else "deletecollection"}
        verb = verbs.get(self.command, "get" if name else "watch" if query.get("watch") in ("true", "1") else "list")
        if sub == "exec":
            verb = "create"
        whole = resource + ("/" + sub if sub else "")
        if not self.rights.may(user, master, verb, whole, space):
            where = f' in the namespace "{space}"' if space else " at the cluster scope"
            named = f' "{name}"' if name else ""
            raise Refused(403, "Forbidden", f'{resource}{named} is forbidden: User "{user}" cannot {verb} resource "{whole}" in API group '
                          f'"{"" if group == "v1" else group.split("/")[0]}"{where}')
        if sub in ("exec", "log"):
            return self.pass_on(space, name, sub, url.query)
        self.act(verb, resource, "" if resource in CLUSTER_WIDE else space, name, query, body, known[resource], group)

    def act(self, verb, resource, space, name, query, body, kind, group):
        if verb in ("list", "watch"):
            return self.list(resource, space, query, kind, group) if verb == "list" else self.watch(resource, space, query)
        if verb == "deletecollection":
            for item in self.select(resource, space, query):
                self.store.delete(resource, item["metadata"]["namespace"], item["metadata"]["name"], body)
            return self.reply(200, {"kind": "Status", "apiVersion": "v1", "status": "Success"})
        if verb == "create":
            item = dict(body, kind=kind, apiVersion=group)
            return self.reply(201, self.store.create(resource, space, item))
        if verb in ("patch", "update"):
            strategic = "strategic" in self.headers.get("Content-Type", "")
            return self.reply(200, self.store.patch(resource, space, name, body, strategic))
        if verb == "delete":
            if "gracePeriodSeconds" in query:
                body = dict(body, gracePeriodSeconds=int(query["gracePeriodSeconds"]))
            return self.reply(200, self.store.delete(resource, space, name, body))
        with self.store.changed:
            item = self.store.get(resource, space, name)
            if resource in COLUMNS and "as=Table" in self.headers.get("Accept", ""):
                return self.reply(200, table(resource, [item], {}))
            return self.reply(200, item)

    def discover(self, parts):
        def resources(group, kinds):
            verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
            return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group,
                    "resources": [{"name": name, "singularName": kind.lower(), "namespaced": name not in CLUSTER_WIDE, "kind": kind, "verbs": verbs,
                                   "shortNames": {"pods": ["po"], "nodes": ["no"], "namespaces": ["ns"], "persistentvolumeclaims": ["pvc"]}.get(name, [])}
                                  for name, kind in kinds.items()]}
        if parts == ["version"]:
            self.reply(200, {"major": "1", "minor": "36", "gitVersion": "v1.36.3", "platform": "linux/amd64"})
        elif parts == ["openapi", "v3"]:
            self.reply(200, {"paths": {"api/v1": {"serverRelativeURL": "/openapi/v3/api/v1"}}})
        elif parts == ["openapi", "v3", "api", "v1"]:
            # Enough for kubectl to leave validation to the server.
            kinds = {f"/api/v1/namespaces/{{namespace}}/{name}/{{name}}":
                     {"patch": {"parameters": [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}], "responses": {},
                                "x-kubernetes-group-version-kind": {"group": "", "version": "v1", "kind": kind}}} for name, kind in CORE.items()}
            self.reply(200, {"openapi": "3.0.0", "info": {"title": "imitation", "version": "v1.36.3"}, "paths": kinds})
        elif parts == ["api"]:
            self.reply(200, {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
        elif parts == ["apis"]:
            groups = [{"name": group.split("/")[0], "versions": [{"groupVersion": group, "version": "v1"}],
                       "preferredVersion": {"groupVersion": group, "version": "v1"}} for group in GROUPS]
            self.reply(200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        elif parts == ["api", "v1"]:
            self.reply(200, resources("v1", CORE))
        elif parts[0] == "apis" and len(parts) == 3 and "/".join(parts[1:]) in GROUPS:
            self.reply(200, resources("/".join(parts[1:]), GROUPS["/".join(parts[1:])]))
        else:
            return False
        return True

    def review(self, user, master, body):
        wanted = body["spec"]["resourceAttributes"]
        resource = wanted["resource"] + ("/" + wanted["subresource"] if wanted.get("subresource") else "")
        allowed = self.rights.may(user, master, wanted["verb"], resource, wanted.get("namespace", ""))
        self.reply(201, dict(body, status={"allowed": allowed}))

    def select(self, resource, space, query):
        wanted = dict(part.split("=", 1) for part in query.get("labelSelector", "").replace("==", "=").split(",") if part)
        unwanted = [part.split("!=")[1] for part in query.get("fieldSelector", "").split(",") if part.startswith("status.phase!=")]
        names = [part.split("=")[1] for part in query.get("fieldSelector", "").split(",") if part.startswith("metadata.name=")]
        with self.store.changed:
            return [copy.deepcopy(item) for (kind, where, name), item in sorted(self.store.objects.items())
                    if kind == resource and (not space or where == space) and name in (names or [name])
                    and all(item["metadata"].get("labels", {}).get(key) == value for key, value in wanted.items())
                    and item.get("status", {}).get("phase") not in unwanted]

    def list(self, resource, space, query, kind, group):
        with self.store.changed:
            items, version = self.select(resource, space, query), self.store.version
        meta = {"resourceVersion": str(version)}
        begin = int(base64.b64decode(query["continue"])) if query.get("continue") else 0
        limit = int(query.get("limit") or 0)
        if limit and begin + limit < len(items):
            meta["continue"] = base64.b64encode(str(begin + limit).encode()).decode()
        items = items[begin:begin + limit] if limit else items
        if resource in COLUMNS and "as=Table" in self.headers.get("Accept", ""):
            return self.reply(200, table(resource, items, meta))
        self.reply(200, {"kind": kind + "List", "apiVersion": group, "metadata": meta, "items": items})

    def watch(self, resource, space, query):
        if query.get("sendInitialEvents"):  # as a server whose WatchList is off refuses it: newer kubectl then lists first
            raise Refused(422, "Invalid", "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature "
                          "gate is enabled")
        seen = int(query.get("resourceVersion") or 0)
        end = time.time() + int(query.get("timeoutSeconds") or 60)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

        def chunk(bytes_out):
            self.wfile.write(f"{len(bytes_out):x}\r\n".encode() + bytes_out + b"\r\n")
            self.wfile.flush()
        while time.time() < end:
            with self.store.changed:
                news = [each for each in self.store.log if each[0] > seen]
                if not news:
                    self.store.changed.wait(max(0.0, min(1.0, end - time.time())))
                    continue
            for version, kind, event, item in news:
                seen = version
                if kind == resource and (not space or item["metadata"].get("namespace") == space):
                    chunk(json.dumps({"type": event, "object": item}).encode() + b"\n")
        chunk(b"")

    # ---- the kubelet's part

    def pass_on(self, space, name, sub, query):
        with self.store.changed:
            pod = copy.deepcopy(self.store.get("pods", space, name))
            node = self.store.objects.get(("nodes", "", pod["spec"].get("nodeName", "")))
        if not node:
            raise Refused(400, "BadRequest", f"pod {name} does not have a host assigned")
        address = node["status"]["addresses"][0]["address"]
        port = node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"]
        wanted = urllib.parse.parse_qsl(query, keep_blank_values=True)
        container = dict(wanted).get("container") or pod["spec"]["containers"][0]["name"]
        renamed = {"stdin": "input", "stdout": "output", "stderr": "error"}
        passed = urllib.parse.urlencode([(renamed.get(key, key), value) for key, value in wanted if key != "container"])
        path = f"/{'exec' if sub == 'exec' else 'containerLogs'}/{space}/{name}/{container}?{passed}"
        try:
            there = self.kubelet_context.wrap_socket(socket.create_connection((address, port), 10), server_hostname=address)
        except OSError as failure:
            raise Refused(500, "InternalError", f"error dialing backend: {failure}") from failure
        kept = {"upgrade", "connection", "sec-websocket-key", "sec-websocket-version", "sec-websocket-protocol"}
        head = f"GET {path} HTTP/1.1\r\nHost: {address}:{port}\r\n"
        head += "".join(f"{key}: {value}\r\n" for key, value in self.headers.items() if key.lower() in kept) + "\r\n"
        there.settimeout(None)
        there.sendall(head.encode())
        self.close_connection = True
        threading.Thread(target=self.carry, args=(self.connection, there, True), daemon=True).start()
        self.carry(there, self.connection, False)

    @staticmethod
    def carry(source, sink, _):
        try:
            while True:
                piece = source.recv(65536)
                if not piece:
                    break
                sink.sendall(piece)
        except (OSError, ValueError):
            pass
        for each in (source, sink):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    context = None

    # Shaking hands in the thread of the connection, so that one that does not speak holds up nobody.
    def finish_request(self, request, client_address):
        try:
            request.settimeout(120)
            super().finish_request(self.context.wrap_socket(request, server_side=True), client_address)
        except (OSError, ssl.SSLError):
            pass


def main():
    address, port, certificate, key, ca, tokens = sys.argv[1:7]
    Handler.store = Store()
    Handler.rights = Rights(Handler.store, json.loads(tokens))
    Handler.kubelet_context = ssl.create_default_context(cafile=ca)
    Server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    Server.context.load_cert_chain(certificate, key)
    Server.context.load_verify_locations(ca)
    Server.context.verify_mode = ssl.CERT_OPTIONAL
    threading.Thread(target=schedule, args=(Handler.store,), daemon=True).start()
    Server((address, int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main()
