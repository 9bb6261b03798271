#!/usr/bin/env python3
"""Stands in for Lambda Cloud's API in tests: this project's own reading of its documentation, and no proof about Lambda itself.

  lambda_stand_in.py ADDRESS…

Listens on a free loopback port, prints "READY PORT", and ends when standard input does. Machine number n is at the address number n
modulo their count, where the test has put an SSH server. It keeps what it was told, boots a machine within half a second, takes one
launch a second (429 and Retry-After for more) and lists what it made a quarter of a second late.
Beside the API: GET /machines answers "ID STATUS NAME REGION TYPE" of every machine there ever was, a line each.
"""
import json
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "stand-in-key"
REGIONS = ["us-east-1", "us-west-2", "us-west-1"]
TYPES = {"cpu_4x_general": REGIONS[:2], "gpu_1x_a10": REGIONS, "gpu_8x_h100_sxm5": []}
BOOT_SECONDS, LISTED_SECONDS, LAUNCH_EVERY_SECONDS = 0.5, 0.25, 1.0
FIELDS = {"region_name", "instance_type_name", "ssh_key_names", "file_system_names", "file_system_mounts", "hostname", "name", "image",
          "user_data", "tags", "firewall_rulesets"}


class Refused(Exception):
    def __init__(self, status, code, message, retry_after=None):
        super().__init__(message)
        self.status, self.code, self.message, self.retry_after = status, code, message, retry_after


class Account:
    def __init__(self, addresses):
        self.addresses = addresses
        self.lock = threading.Lock()
        self.keys, self.machines = {}, {}
        self.last_launch = 0.0

    def status(self, machine):
        if machine["ended"]:
            return "terminated"
        return "active" if time.monotonic() - machine["made"] >= BOOT_SECONDS else "booting"

    def told(self, machine):
        status, order = self.status(machine), machine["order"]
        told = {"id": machine["id"], "name": order.get("name"), "status": status, "ssh_key_names": order["ssh_key_names"],
                "file_system_names": [], "region": {"name": order["region_name"], "description": "a stand-in"},
                "instance_type": {"name": order["instance_type_name"]}, "is_reserved": False, "tags": order.get("tags", [])}
        if status == "active":
            told["ip"] = told["private_ip"] = machine["address"]
        return told

    def instances(self, _):
        return [self.told(m) for m in self.machines.values() if not m["ended"] and time.monotonic() - m["made"] >= LISTED_SECONDS]

    def types(self, _):
        return {name: {"instance_type": {"name": name},
                       "regions_with_capacity_available": [{"name": r, "description": "a stand-in"} for r in regions]}
                for name, regions in TYPES.items()}

    def list_keys(self, _):
        return [{"id": name, "name": name, "public_key": key} for name, key in self.keys.items()]

    def add_key(self, body):
        if body["name"] in self.keys:
            raise Refused(400, "global/duplicate", "An SSH key with this name exists.")
        self.keys[body["name"]] = body["public_key"]
        return {"id": body["name"], **body}

    def launch(self, body):
        if time.monotonic() - self.last_launch < LAUNCH_EVERY_SECONDS:
            raise Refused(429, "global/too-many-requests", "Slow down.", retry_after=1)
        unknown = set(body) - FIELDS
        if unknown or len(body["ssh_key_names"]) != 1 or body["ssh_key_names"][0] not in self.keys:
            raise Refused(400, "global/invalid-parameters", f"Invalid request data: {sorted(unknown)}")
        if len(body.get("name") or "") > 64 or any(not t["value"] or not t["key"].islower() for t in body.get("tags", [])):
            raise Refused(400, "global/invalid-parameters", "A name or a tag is wrong.")
        if body["region_name"] not in TYPES.get(body["instance_type_name"], []):
            raise Refused(400, "instance-operations/launch/insufficient-capacity", "Not enough capacity to fulfill launch request.")
        self.last_launch = time.monotonic()
        machine = {"id": uuid.uuid4().hex, "order": body, "made": time.monotonic(), "ended": False,
                   "address": self.addresses[len(self.machines) % len(self.addresses)]}
        self.machines[machine["id"]] = machine
        return {"instance_ids": [machine["id"]]}

    def terminate(self, body):
        if any(i not in self.machines or self.machines[i]["ended"] for i in body["instance_ids"]):
            raise Refused(404, "global/object-does-not-exist", "There is no such instance.")
        for each in body["instance_ids"]:
            self.machines[each]["ended"] = True
        return {"terminated_instances": [self.told(self.machines[i]) for i in body["instance_ids"]]}


def make_handler(account):
    routes = {("GET", "/api/v1/instances"): account.instances, ("GET", "/api/v1/instance-types"): account.types,
              ("GET", "/api/v1/ssh-keys"): account.list_keys, ("POST", "/api/v1/ssh-keys"): account.add_key,
              ("POST", "/api/v1/instance-operations/launch"): account.launch,
              ("POST", "/api/v1/instance-operations/terminate"): account.terminate}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def reply(self, status, text, headers=()):
            body = text.encode()
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                if self.headers.get("Authorization") != f"Bearer {KEY}":
                    raise Refused(401, "global/invalid-api-key", "API key was invalid, expired, or deleted.")
                route = routes.get((self.command, self.path))
                if route is None:
                    raise Refused(404, "global/object-does-not-exist", "There is no such thing.")
                with account.lock:
                    self.reply(200, json.dumps({"data": route(json.loads(body) if body else {})}))
            except Refused as no:
                self.reply(no.status, json.dumps({"error": {"code": no.code, "message": no.message, "suggestion": None}}),
                           [("Retry-After", str(no.retry_after))] if no.retry_after else ())

        def do_GET(self):
            if self.path != "/machines":
                return self.answer()
            with account.lock:
                self.reply(200, "".join(f"{m['id']} {account.status(m)} {m['order'].get('name')} {m['order']['region_name']} "
                                        f"{m['order']['instance_type_name']}\n" for m in account.machines.values()))

        def do_POST(self):
            self.answer()

        def log_message(self, *_):
            pass

    return Handler


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), make_handler(Account(sys.argv[1:])))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"READY {server.server_address[1]}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
