"""A Ceph cluster of one disk in memory, with its S3 gateway: the most faithful S3 that a single machine can run."""
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
import uuid

ACCESS_KEY, SECRET_KEY = "RADOSKEY", "RADOSSECRET"
NEEDED = ["ceph-mon", "ceph-mgr", "ceph-osd", "radosgw", "radosgw-admin", "ceph-authtool", "monmaptool", "ceph"]


class Unavailable(Exception):
    pass


def start(folder, started, free_port, in_child):
    """Starts everything, appends each process to `started`, and returns the gateway's port.
    in_child   runs in each daemon's process before the daemon does"""
    missing = [name for name in NEEDED if not shutil.which(name)]
    if missing:
        raise Unavailable(f"Ceph is not installed here (packages radosgw ceph-mon ceph-mgr ceph-osd): {', '.join(missing)} missing")
    port, mon_v2, mon_v1 = free_port(), free_port(), free_port()
    fsid = str(uuid.uuid4())
    conf, ring = os.path.join(folder, "ceph.conf"), os.path.join(folder, "keyring")
    for name in ("mon", "mgr", "osd", "run"):
        os.mkdir(os.path.join(folder, name))
    with open(conf, "w") as out:
        out.write(f"""[global]
fsid = {fsid}
mon_host = [v2:127.0.0.1:{mon_v2},v1:127.0.0.1:{mon_v1}]
public_addr = 127.0.0.1
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
keyring = {ring}
run_dir = {folder}/run
admin_socket = {folder}/run/$name.sock
log_file = {folder}/$name.log
crash_dir = {folder}
osd_pool_default_size = 1
osd_pool_default_min_size = 1
mon_allow_pool_size_one = true
osd_pool_default_pg_num = 8
osd_pool_default_pg_autoscale_mode = off
mon_data_avail_crit = 1
osd_crush_chooseleaf_type = 0
[mon.a]
mon_data = {folder}/mon
[mgr.x]
mgr_data = {folder}/mgr
[osd.0]
osd_data = {folder}/osd
osd_objectstore = memstore
memstore_device_bytes = 2G
[client.rgw]
rgw_frontends = beast endpoint=127.0.0.1:{port}
# What is removed gives its memory back within seconds, not hours.
rgw_gc_obj_min_wait = 1
rgw_gc_processor_period = 2
rgw_gc_processor_max_time = 2
""")

    def run(*command):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=90)
        if done.returncode != 0:
            text = done.stdout.decode(errors="replace").strip().splitlines()[-1:] or ["no output"]
            raise Unavailable(f"{' '.join(command[:3])}: {text[0]}")

    def daemon(*command):
        with open(os.path.join(folder, "daemons.out"), "a") as out:
            started.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, preexec_fn=in_child))

    try:
        run("ceph-authtool", "--create-keyring", ring, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
        for name, caps in (("client.admin", "mon,osd,mgr,mds"), ("mgr.x", "mon,osd,mds"), ("osd.0", "mon,osd,mgr"), ("client.rgw", "mon,osd,mgr")):
            allow = []
            for part in caps.split(","):
                allow += ["--cap", part, "allow profile osd" if (name, part) == ("osd.0", "mon") else "allow *"]
            run("ceph-authtool", ring, "--gen-key", "-n", name, *allow)
        run("monmaptool", "--create", "--addv", "a", f"[v2:127.0.0.1:{mon_v2},v1:127.0.0.1:{mon_v1}]", "--fsid", fsid, f"{folder}/monmap")
        run("ceph-mon", "-c", conf, "--mkfs", "-i", "a", "--monmap", f"{folder}/monmap", "--keyring", ring)
        daemon("ceph-mon", "-c", conf, "-f", "-i", "a")
        daemon("ceph-mgr", "-c", conf, "-f", "-i", "x")
        osd = str(uuid.uuid4())
        run("ceph", "-c", conf, "--connect-timeout", "60", "osd", "new", osd)
        run("ceph-osd", "-c", conf, "-i", "0", "--mkfs", "--osd-uuid", osd, "--no-mon-config")
        run("ceph", "-c", conf, "osd", "crush", "add", "osd.0", "1", "root=default", "host=h")
        daemon("ceph-osd", "-c", conf, "-f", "-i", "0")
        daemon("radosgw", "-c", conf, "-f", "-n", "client.rgw")
        wait(port, started)
        run("radosgw-admin", "-c", conf, "-n", "client.rgw", "user", "create", "--uid=tester", "--display-name=tester",
            f"--access-key={ACCESS_KEY}", f"--secret-key={SECRET_KEY}")
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{error.cmd[0]} did not end in time") from error
    return port


def wait(port, started):
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if any(process.poll() is not None for process in started):
            raise Unavailable("a daemon of Ceph ended while starting")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5)
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.3)
    raise Unavailable("the gateway did not answer within 90 s")
