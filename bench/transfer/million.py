"""A million keys with nothing to copy: what a synchronisation holds in memory."""

import bisect
import http.server
import multiprocessing
import pathlib
import shutil
import socketserver
import urllib.parse

from report import Row
from transfer.stores import checked, environment_for, isobar, peers

KEYS = 1_000_000
PAGE = 1000


class Listings(http.server.BaseHTTPRequestHandler):
    """Two buckets that hold the same million keys, and can only be listed."""

    protocol_version = "HTTP/1.1"
    keys = []

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        after = next((query[name][0] for name in ("continuation-token", "start-after", "marker") if name in query), "")
        begin = bisect.bisect_right(self.keys, after)
        page = self.keys[begin:begin + PAGE]
        more = begin + PAGE < KEYS
        token = (f"<NextContinuationToken>{page[-1]}</NextContinuationToken><NextMarker>{page[-1]}</NextMarker>") if more else ""
        entries = "".join(
            f"<Contents><Key>{key}</Key><LastModified>2024-01-01T00:00:00.000Z</LastModified>"
            "<ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>1024</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for key in page)
        body = (f"<?xml version=\"1.0\"?><ListBucketResult><Name>b</Name><Prefix></Prefix><MaxKeys>{PAGE}</MaxKeys>"
                f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{entries}</ListBucketResult>").encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self):
        self.send_response(200 if self.path.count("/") < 2 else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


def serve(port):
    """In a process of its own: what is measured starts as a copy of ours, and is charged with our memory."""
    Listings.keys = [f"data/{number // 10_000:03}/object-{number:08}" for number in range(KEYS)]
    server = Server(("127.0.0.1", 0), Listings)
    port.put(server.server_port)
    server.serve_forever()


def sync_words(tool, words):
    """Without asking for each object's own time, where a tool would."""
    if tool.name.startswith("rclone"):
        return [*words, "--size-only", "--fast-list"]
    return [*words, "--size-only"] if tool.name.startswith(("s5cmd", "aws")) else words


def between_stores(bench):
    port = multiprocessing.Queue()
    server = multiprocessing.Process(target=serve, args=(port,), daemon=True)
    server.start()
    environment = {**environment_for(f"http://127.0.0.1:{port.get()}"), **bench.home_only}
    memory, seconds = {}, {}
    for tool in (isobar(), *peers()):
        words = tool.sync("s3://one", "s3://two")
        words = [*words[:2], "--size-only", *words[2:]] if tool.name.startswith("s5cmd") else sync_words(tool, words)
        ran = checked(words, environment, bench.folder)
        memory[tool.name], seconds[tool.name] = ran.memory_mib, ran.wall_s
    server.terminate()
    note = "wall " + ", ".join(f"{name} {wall:.0f} s" for name, wall in seconds.items())
    yield Row(f"sync of {KEYS:,} keys between two buckets, nothing to copy: memory", memory.pop("isobar"), 150, "MiB", peers=memory, note=note)


def between_folders(bench):
    roots = [pathlib.Path("/dev/shm") / f"isobar-bench-{bench.folder.name}-{side}" for side in "ab"]
    try:
        for root in roots:
            for number in range(KEYS):
                if number % 10_000 == 0:
                    folder = root / f"{number // 10_000:03}"
                    folder.mkdir(parents=True)
                (folder / f"{number:08}").touch()
        environment = {**environment_for("http://127.0.0.1:9"), **bench.home_only}
        memory, seconds = {}, {}
        for tool in (isobar(), *(peer for peer in peers() if peer.name.startswith("rclone"))):
            ran = checked(sync_words(tool, tool.sync(*roots)), environment, bench.folder)
            memory[tool.name], seconds[tool.name] = ran.memory_mib, ran.wall_s
    finally:
        for root in roots:
            shutil.rmtree(root, ignore_errors=True)
    note = "wall " + ", ".join(f"{name} {wall:.1f} s" for name, wall in seconds.items())
    yield Row(f"sync of a folder of {KEYS:,} files with its like, nothing to copy: memory", memory.pop("isobar"), 150, "MiB", peers=memory, note=note)


def measure(bench):
    yield from between_stores(bench)
    yield from between_folders(bench)
