"""redis-py before a server of ours:   redis_py_client.py PORT"""

import datetime
import sys

import redis

client = redis.Redis(port=int(sys.argv[1]))
client.xadd("payments", {"user_id": 5, "amount": 2.5, "at": datetime.datetime.now(datetime.timezone.utc).isoformat()})
assert client.hmget("spending:5", "amount", "note", "spent") == [b"2.5", None, b"2.5"]
assert client.hgetall("spending:5") == {b"amount": b"2.5", b"spent": b"2.5"}
assert client.exists("spending:5", "spending:6") == 1
assert 86390 <= client.ttl("spending:5") <= 86400
assert client.execute_command("FS.GET", "risk", 5, 100) == [b"spent", b"2.5", b"unusual", b"true"]
with client.pipeline(transaction=False) as ahead:
    for i in range(500):
        ahead.hset(f"hash{i}", mapping={b"\x00\xff": b"binary", "f": i})
        ahead.expire(f"hash{i}", 100)
    assert ahead.execute() == [2, True] * 500
assert client.hget("hash7", b"\x00\xff") == b"binary"
assert client.ttl("hash7") == 100
assert sum(1 for _ in client.scan_iter("hash*")) == 500
assert client.delete("hash1", "hash2", "none") == 2
assert client.set("a", "b", nx=True) is True and client.set("a", "c", nx=True) is None
try:
    client.hset("spending:5", "amount", 1)
    sys.exit("a view's feature was set")
except redis.ResponseError as error:
    assert "view 'spending'" in str(error), error
print("redis-py is content")
