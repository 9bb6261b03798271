"""Forty names that tools lose, each with headers, metadata and tags, from bucket to bucket on Ceph's gateway."""

import hashlib
import hmac
import datetime
import http.client
import re
import urllib.parse

from report import Row
from transfer.stores import S3, checked, isobar, peers, run

KEYS = ["plain.txt", "a//b", "a///b", "/leading", "//two-leading", "./dot", "../dotdot", "a/./b", "a/../b", "trailing/", "empty//",
        "space in name", " leading space", "trailing space ", "plus+sign", "colon:name", "amp&ersand", "equals=sign", "question?mark",
        "comma,name", "percent%name", "percent%41encoded", "hash#name", "semi;colon", "at@name", "dollar$name", "exclam!name",
        "star*[a-z]{x,y}", "quote'single", 'quote"double', "back`tick", "back\\slash", "less<than>greater", "pipe|caret^tilde~",
        "s3://bucket/inside", "caf\u00e9-nfc", "cafe\u0301-nfd", "registered-\u00ae-sign", "control-\x01-byte", "k" * 900]
DESCRIBED = {"Content-Type": "text/x-odd", "Content-Encoding": "x-none", "Content-Language": "de", "Content-Disposition": "attachment",
             "Cache-Control": "max-age=7", "x-amz-meta-who": "me", "x-amz-tagging": "team=a"}


class Signed:
    """Requests signed by hand, so that nobody's way of writing a name is taken for granted."""

    def __init__(self, s3):
        self.host = s3.endpoint.removeprefix("http://")
        self.key, self.secret = s3.environment["AWS_ACCESS_KEY_ID"], s3.environment["AWS_SECRET_ACCESS_KEY"]

    def ask(self, method, bucket, key="", query="", body=b"", headers=()):
        path = "/" + bucket + "/" + urllib.parse.quote(key, safe="/-_.~")
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        payload = hashlib.sha256(body).hexdigest()
        all_headers = {"host": self.host, "x-amz-date": now, "x-amz-content-sha256": payload, **{name.lower(): value for name, value in dict(headers).items()}}
        names = ";".join(sorted(all_headers))
        lines = "".join(f"{name}:{all_headers[name]}\n" for name in sorted(all_headers))
        canonical = f"{method}\n{path}\n{query}\n{lines}\n{names}\n{payload}"
        scope = f"{now[:8]}/us-east-1/s3/aws4_request"
        secret = ("AWS4" + self.secret).encode()
        for part in scope.split("/"):
            secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
        text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
        all_headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={self.key}/{scope},SignedHeaders={names},Signature={signature}"
        connection = http.client.HTTPConnection(self.host, timeout=30)
        connection.request(method, path + (f"?{query}" if query else ""), body, all_headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


def arrived(signed, bucket):
    """How many objects are there, and how many of those with all that describes them."""
    there = whole = 0
    for key in KEYS:
        status, headers, body = signed.ask("GET", bucket, key)
        if status != 200 or body != key.encode():
            continue
        there += 1
        described = all(headers.get(name) == value for name, value in DESCRIBED.items() if name != "x-amz-tagging")
        _, _, tags = signed.ask("GET", bucket, key, "tagging=")
        whole += described and re.search(rb"<Key>team</Key>\s*<Value>a</Value>", tags) is not None
    return there, whole


def measure(bench):
    with S3() as s3:
        if s3.why_not:
            return
        environment = {**s3.environment, **bench.home_only}
        signed = Signed(s3)
        checked([bench.program, "mb", "s3://odd"], environment)
        for key in KEYS:
            status, _, body = signed.ask("PUT", "odd", key, body=key.encode(), headers=DESCRIBED)
            if status != 200:
                raise RuntimeError(f"{key!r} could not be put: {status} {body}")
        results, exits = {}, {}
        for tool in (isobar(), *peers()):
            bucket = re.sub("[^a-z0-9]", "-", tool.name)
            checked([bench.program, "mb", f"s3://{bucket}"], environment)
            exits[tool.name] = run(tool.tree("s3://odd", f"s3://{bucket}"), environment, bench.folder).exit_code
            results[tool.name] = arrived(signed, bucket)
        there, whole = results.pop("isobar")
        note = f"{there} arrived at all; " + "; ".join(
            f"{name}: {count} of {len(KEYS)} arrived, exit code {exits[name]}" for name, (count, _) in results.items())
        yield Row(f"{len(KEYS)} odd keys from bucket to bucket with headers, metadata and tags", whole, len(KEYS), "objects",
                  more_is_better=True, peers={name: kept for name, (_, kept) in results.items()}, note=note)
