#!/usr/bin/env python3
"""Runs a command beside a real OpenStack: Debian's keystone, placement, glance, neutron and nova, with nova's fake driver, whose machines
are entries in its memory.

  run_with_openstack.py FOLDER COMMAND…
  run_with_openstack.py --long COMMAND…       in a folder in memory that goes afterwards; and only where ISOBAR_LONG is set

All of it is in a network namespace of its own, on the ports that these services usually have, with MariaDB and RabbitMQ, and ends with the
command. FOLDER gets their files and logs (some 300 MB, best in memory). The command finds OS_… variables of a user `ada` in a project
`lab`, a flavor m1.tiny, an image ubuntu-22.04, a network with a router to an external one. Prints "SKIP why" and exits with 77 where the
packages are not installed:

  apt-get install --no-install-recommends mariadb-server rabbitmq-server keystone placement-api glance-api nova-api nova-conductor \\
    nova-scheduler nova-compute neutron-server neutron-plugin-ml2 python3-pymysql
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

PROGRAMS = ["mariadbd", "keystone-manage", "placement-api", "glance-api", "neutron-server", "nova-api", "nova-compute", "nova-conductor",
            "nova-scheduler"]
RABBIT = "/usr/lib/rabbitmq/bin"
PASSWORD = "of-a-test"
AUTH = "http://127.0.0.1:5000"


class Cloud:
    def __init__(self, folder):
        self.folder = folder
        self.running = []
        self.env = dict(os.environ, HOME=folder, LANG="C.UTF-8", PYTHONPATH=self.file("python"), PYTHONWARNINGS="ignore")
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            self.env.pop(name, None)
        os.environ.pop("http_proxy", None)
        self.started = time.monotonic()

    def file(self, *names):
        return os.path.join(self.folder, *names)

    def say(self, what):
        print(f"[openstack] {time.monotonic() - self.started:5.1f} s  {what}", file=sys.stderr, flush=True)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.file(name)), exist_ok=True)
        with open(self.file(name), "w") as out:
            out.write(text)
        return self.file(name)

    def start(self, name, words, **more):
        out = open(self.file(f"{name}.log"), "wb")
        self.running.append(subprocess.Popen(words, env={**self.env, **more}, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                             start_new_session=True))

    def run(self, *words, **more):
        done = subprocess.run(words, env={**self.env, **more}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(words)}: {done.stdout.decode(errors='replace')[-2000:]}")
        return done.stdout.decode()

    def until(self, what, works, seconds=120):
        end = time.monotonic() + seconds
        while True:
            try:
                if works():
                    return self.say(what)
            except (OSError, RuntimeError, urllib.error.URLError) as failure:
                last = failure
                if time.monotonic() > end:
                    raise RuntimeError(f"{what}: {last}")
            if time.monotonic() > end:
                raise RuntimeError(f"{what}: not within {seconds} s")
            time.sleep(0.5)

    def call(self, method, url, body=None, token=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/json", **({"X-Auth-Token": token} if token else {})},
                                         method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
            return answer.headers, (json.loads(text) if text else None)

    def end(self):
        for process in reversed(self.running):
            try:
                os.killpg(process.pid, 15)
            except ProcessLookupError:
                pass
        time.sleep(1)
        for process in self.running:
            try:
                os.killpg(process.pid, 9)
            except ProcessLookupError:
                pass
            process.wait()

    # ---- the services

    def databases(self):
        data = self.file("mariadb")
        self.run("mariadb-install-db", "--no-defaults", f"--datadir={data}", "--user=root", "--skip-test-db",
                 "--auth-root-authentication-method=normal")
        self.start("mariadb", ["mariadbd", "--no-defaults", f"--datadir={data}", "--user=root", f"--socket={self.file('db.sock')}",
                               "--bind-address=127.0.0.1", "--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync",
                               "--max-connections=500", f"--pid-file={self.file('db.pid')}"])
        sql = ["mariadb", "--no-defaults", f"--socket={self.file('db.sock')}", "-uroot", "-e"]
        self.until("MariaDB answers", lambda: self.run(*sql, "SELECT 1") != "")
        for name in ("keystone", "placement", "glance", "neutron", "nova", "nova_api", "nova_cell0"):
            self.run(*sql, f"CREATE DATABASE {name} CHARACTER SET utf8mb3")
        self.rabbit = {"RABBITMQ_NODENAME": "rabbit@localhost", "RABBITMQ_MNESIA_BASE": self.file("rabbit"), "RABBITMQ_LOG_BASE": self.file("rabbit-log"),
                       "RABBITMQ_CONFIG_FILE": self.file("rabbit-none"), "RABBITMQ_ENABLED_PLUGINS_FILE": self.write("rabbit-plugins", "[]."),
                       "RABBITMQ_PID_FILE": self.file("rabbit.pid"), "ERL_EPMD_ADDRESS": "127.0.0.1", "RABBITMQ_CONF_ENV_FILE": self.file("rabbit-none")}
        self.start("rabbitmq", [f"{RABBIT}/rabbitmq-server"], **self.rabbit)
        self.until("RabbitMQ answers", lambda: self.is_open(5672))

    def is_open(self, port):
        import socket
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True

    def database(self, name):
        return f"mysql+pymysql://root@127.0.0.1/{name}?charset=utf8"

    def common(self, name):
        return (f"[DEFAULT]\ntransport_url=rabbit://guest:guest@127.0.0.1:5672/\nlog_file={self.file(name + '.service.log')}\n"
                f"state_path={self.file('state')}\nlock_path={self.file('locks')}\n")

    def locks(self):
        return f"[oslo_concurrency]\nlock_path={self.file('locks')}\n"

    def user(self, name, section="keystone_authtoken"):
        return (f"[{section}]\nauth_type=password\nauth_url={AUTH}\nwww_authenticate_uri={AUTH}\nusername={name}\npassword={PASSWORD}\n"
                f"project_name=service\nuser_domain_name=Default\nproject_domain_name=Default\nregion_name=RegionOne\n")

    def keystone(self):
        config = self.write("keystone/keystone.conf",
                            f"[DEFAULT]\nlog_file={self.file('keystone.service.log')}\n[database]\nconnection={self.database('keystone')}\n"
                            f"[token]\nprovider=fernet\n[fernet_tokens]\nkey_repository={self.file('keystone/fernet')}\n"
                            f"[credential]\nkey_repository={self.file('keystone/credential')}\n")
        manage = ["keystone-manage", "--config-file", config]
        self.run(*manage, "db_sync")
        for kind in ("fernet_setup", "credential_setup"):
            self.run(*manage, kind, "--keystone-user", "root", "--keystone-group", "root")
        self.run(*manage, "bootstrap", "--bootstrap-password", PASSWORD, "--bootstrap-region-id", "RegionOne",
                 *[word for kind in ("public", "internal", "admin") for word in (f"--bootstrap-{kind}-url", f"{AUTH}/v3/")])
        self.start("keystone", ["keystone-wsgi-public", "--host", "127.0.0.1", "--port", "5000"],
                   OS_KEYSTONE_CONFIG_DIR=self.file("keystone"), OS_KEYSTONE_CONFIG_FILES=config)
        self.until("Keystone answers", lambda: self.call("GET", f"{AUTH}/v3/"))
        self.token = self.sign_in("admin", "admin")
        self.people()

    def sign_in(self, user, project):
        headers, _ = self.call("POST", f"{AUTH}/v3/auth/tokens", {"auth": {
            "identity": {"methods": ["password"], "password": {"user": {"name": user, "domain": {"id": "default"}, "password": PASSWORD}}},
            "scope": {"project": {"name": project, "domain": {"id": "default"}}}}})
        return headers["X-Subject-Token"]

    def admin(self, method, path, body=None):
        return self.call(method, f"{AUTH}/v3/{path}", body, self.token)[1]

    def people(self):
        roles = {role["name"]: role["id"] for role in self.admin("GET", "roles")["roles"]}
        for project, users, role in (("service", ["placement", "glance", "neutron", "nova"], "admin"), ("lab", ["ada"], "member")):
            made = self.admin("POST", "projects", {"project": {"name": project, "domain_id": "default"}})["project"]["id"]
            for name in users:
                user = self.admin("POST", "users", {"user": {"name": name, "domain_id": "default", "password": PASSWORD}})["user"]["id"]
                self.admin("PUT", f"projects/{made}/users/{user}/roles/{roles[role]}")
        for name, kind, url in (("nova", "compute", "http://127.0.0.1:8774/v2.1"), ("placement", "placement", "http://127.0.0.1:8778"),
                                ("glance", "image", "http://127.0.0.1:9292"), ("neutron", "network", "http://127.0.0.1:9696")):
            service = self.admin("POST", "services", {"service": {"name": name, "type": kind}})["service"]["id"]
            for interface in ("public", "internal", "admin"):
                self.admin("POST", "endpoints", {"endpoint": {"service_id": service, "interface": interface, "region_id": "RegionOne", "url": url}})
        self.say("users, projects and endpoints are there")

    def placement(self):
        config = self.write("placement/placement.conf", f"[DEFAULT]\nlog_file={self.file('placement.service.log')}\n[placement_database]\n"
                            f"connection={self.database('placement')}\n[api]\nauth_strategy=keystone\n{self.user('placement')}")
        self.run("placement-manage", "--config-file", config, "db", "sync")
        self.start("placement", ["placement-api", "--host", "127.0.0.1", "--port", "8778"], OS_PLACEMENT_CONFIG_DIR=self.file("placement"))

    def glance(self):
        os.makedirs(self.file("images"), exist_ok=True)
        paste = "/usr/share/glance/glance-api-paste.ini" if os.path.exists("/usr/share/glance/glance-api-paste.ini") else "/etc/glance/glance-api-paste.ini"
        config = self.write("glance/glance-api.conf", self.common("glance") +
                            "bind_host=127.0.0.1\nworkers=1\nenabled_backends=here:file\n" + f"[glance_store]\ndefault_backend=here\n[here]\n"
                            f"filesystem_store_datadir={self.file('images')}\n[os_glance_staging_store]\n"
                            f"filesystem_store_datadir={self.file('images')}\n[os_glance_tasks_store]\nfilesystem_store_datadir={self.file('images')}\n"
                            f"[database]\nconnection={self.database('glance')}\n[paste_deploy]\nflavor=keystone\nconfig_file={paste}\n" +
                            self.user("glance") + self.locks())
        self.run("glance-manage", "--config-file", config, "db_sync")
        self.start("glance", ["glance-api", "--config-file", config])

    def neutron(self):
        self.write("python/isobar_binder.py", "from neutron_lib.plugins.ml2 import api\n\n\nclass Binder(api.MechanismDriver):\n"
                   "    def initialize(self):\n        pass\n\n    def bind_port(self, context):\n"
                   "        for segment in context.segments_to_bind:\n"
                   "            context.set_binding(segment[api.ID], 'ovs', {}, status='ACTIVE')\n            return\n")
        self.write("python/isobar_binder-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: isobar-binder\nVersion: 1\n")
        self.write("python/isobar_binder-1.dist-info/entry_points.txt", "[neutron.ml2.mechanism_drivers]\nbinder = isobar_binder:Binder\n")
        paste = "/usr/share/neutron/api-paste.ini" if os.path.exists("/usr/share/neutron/api-paste.ini") else "/etc/neutron/api-paste.ini"
        config = self.write("neutron/neutron.conf", self.common("neutron") +
                            f"bind_host=127.0.0.1\ncore_plugin=ml2\nservice_plugins=router\napi_workers=1\nrpc_workers=1\nrpc_state_report_workers=0\n"
                            f"api_paste_config={paste}\nnotify_nova_on_port_status_changes=false\nnotify_nova_on_port_data_changes=false\n"
                            f"[database]\nconnection={self.database('neutron')}\n[ml2]\ntype_drivers=local,flat\ntenant_network_types=local\n"
                            "mechanism_drivers=binder\nextension_drivers=port_security\n[ml2_type_flat]\nflat_networks=*\n" +
                            self.user("neutron") + self.user("nova", "nova") + self.user("placement", "placement") + self.locks())
        self.run("neutron-db-manage", "--config-file", config, "upgrade", "head")
        self.start("neutron", ["neutron-server", "--config-file", config])

    def nova(self):
        paste = "/usr/share/nova-common/api-paste.ini" if os.path.exists("/usr/share/nova-common/api-paste.ini") else "/etc/nova/api-paste.ini"
        config = self.write("nova/nova.conf", self.common("nova") +
                            "compute_driver=fake.FakeDriver\nhost=one\nenabled_apis=osapi_compute\nosapi_compute_listen=127.0.0.1\nosapi_compute_workers=1\n"
                            "vif_plugging_is_fatal=false\nvif_plugging_timeout=0\nuse_neutron=true\ncpu_allocation_ratio=100\n"
                            f"[api_database]\nconnection={self.database('nova_api')}\n[database]\nconnection={self.database('nova')}\n"
                            f"[wsgi]\napi_paste_config={paste}\n[api]\nauth_strategy=keystone\n[glance]\napi_servers=http://127.0.0.1:9292\n"
                            "[conductor]\nworkers=1\n[scheduler]\nworkers=1\ndiscover_hosts_in_cells_interval=5\n[vnc]\nenabled=false\n"
                            "[oslo_messaging_notifications]\ndriver=noop\n[key_manager]\nbackend=barbican\n" +
                            self.user("nova") + self.user("neutron", "neutron") + self.user("placement", "placement") +
                            self.user("nova", "service_user") + self.locks())
        manage = ["nova-manage", "--config-file", config]
        self.run(*manage, "api_db", "sync")
        self.run(*manage, "cell_v2", "map_cell0", "--database_connection", self.database("nova_cell0"))
        self.run(*manage, "db", "sync")
        self.run(*manage, "cell_v2", "create_cell", "--name", "cell1")
        for name in ("nova-conductor", "nova-scheduler", "nova-api", "nova-compute"):
            self.start(name, [name, "--config-file", config])

    def furnish(self):
        self.until("Glance answers", lambda: self.is_open(9292))
        self.until("Neutron answers", lambda: self.is_open(9696))
        self.until("Nova answers", lambda: self.is_open(8774))
        self.token = self.sign_in("admin", "admin")
        call = lambda method, url, body=None: self.call(method, url, body, self.token)[1]
        self.until("a hypervisor is there", lambda: call("GET", "http://127.0.0.1:8774/v2.1/os-hypervisors")["hypervisors"])
        self.call("POST", "http://127.0.0.1:8774/v2.1/flavors", {"flavor": {"name": "m1.tiny", "ram": 512, "vcpus": 1, "disk": 1}}, self.token)
        image = call("POST", "http://127.0.0.1:9292/v2/images", {"name": "ubuntu-22.04", "disk_format": "raw", "container_format": "bare",
                                                               "visibility": "public", "os_distro": "ubuntu"})
        upload = urllib.request.Request(f"http://127.0.0.1:9292/v2/images/{image['id']}/file", b"no image at all", {
            "Content-Type": "application/octet-stream", "X-Auth-Token": self.token}, method="PUT")
        urllib.request.urlopen(upload, timeout=60).read()
        lab = self.sign_in("ada", "lab")
        neutron = "http://127.0.0.1:9696/v2.0"
        mine = lambda path, body: self.call("POST", f"{neutron}/{path}", body, lab)[1]
        network = mine("networks", {"network": {"name": "private"}})["network"]["id"]
        subnet = mine("subnets", {"subnet": {"network_id": network, "ip_version": 4, "cidr": "10.20.0.0/24"}})["subnet"]["id"]
        outside = call("POST", f"{neutron}/networks", {"network": {"name": "public", "router:external": True, "provider:network_type": "flat",
                                                                 "provider:physical_network": "outside"}})["network"]["id"]
        call("POST", f"{neutron}/subnets", {"subnet": {"network_id": outside, "ip_version": 4, "cidr": "192.0.2.0/24", "enable_dhcp": False}})
        router = mine("routers", {"router": {"name": "way-out", "external_gateway_info": {"network_id": outside}}})["router"]["id"]
        self.call("PUT", f"{neutron}/routers/{router}/add_router_interface", {"subnet_id": subnet}, lab)
        self.say("flavor, image, networks and a router are there")


def inside(folder, command):
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    cloud = Cloud(folder)
    try:
        for name in ("state", "locks", "rabbit", "rabbit-log"):
            os.makedirs(cloud.file(name), exist_ok=True)
        for step in (cloud.databases, cloud.keystone, cloud.placement, cloud.glance, cloud.neutron, cloud.nova, cloud.furnish):
            step()
        variables = {"OS_AUTH_URL": f"{AUTH}/v3", "OS_USERNAME": "ada", "OS_PASSWORD": PASSWORD, "OS_PROJECT_NAME": "lab",
                     "OS_USER_DOMAIN_NAME": "Default", "OS_PROJECT_DOMAIN_NAME": "Default", "OS_REGION_NAME": "RegionOne"}
        return subprocess.run(command, env={**os.environ, **variables}).returncode
    finally:
        cloud.end()


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    if sys.argv[1] == "--long":
        if not os.environ.get("ISOBAR_LONG"):
            print("SKIP part of the long suite, ISOBAR_LONG=1")
            return 77
        with tempfile.TemporaryDirectory(prefix="isobar-openstack-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
            return subprocess.run([sys.executable, sys.argv[0], folder, *sys.argv[2:]]).returncode
    missing = [name for name in PROGRAMS if not shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")]
    if missing or not os.path.exists(f"{RABBIT}/rabbitmq-server"):
        print(f"SKIP there is no {', '.join(missing) or 'rabbitmq-server'} here")
        return 77
    if os.geteuid() != 0:
        print("SKIP a network namespace of its own takes root")
        return 77
    if os.environ.get("ISOBAR_IN_NAMESPACE") != "1":
        os.environ["ISOBAR_IN_NAMESPACE"] = "1"
        os.environ["PATH"] += ":/usr/sbin:/sbin"
        os.makedirs(sys.argv[1], exist_ok=True)
        os.execvp("unshare", ["unshare", "--net", "--pid", "--fork", "--mount-proc", "--kill-child", sys.executable, *sys.argv])
    return inside(os.path.abspath(sys.argv[1]), sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
