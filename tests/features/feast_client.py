"""An unmodified Feast before a server of ours: as its online store of type redis, and as the server of its type remote.

    feast_client.py redis PORT FOLDER        writes, reads and takes down through the Redis protocol
    feast_client.py remote PORT FOLDER       writes and reads through Feast's HTTP API, what shop.yaml beside this file defines
    feast_client.py compare PORT FOLDER      asks ours and Feast's own server the same, and compares the bytes of the answers
Prints what it checked; ends with 1 at the first thing that is not as it should be.
"""

import datetime
import json
import pathlib
import socket
import sys
import threading
import time

import pandas
import requests
import uvicorn
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, PushSource, RepoConfig, ValueType
from feast.errors import FeatureViewNotFoundException
from feast.feature_server import get_app
from feast.types import Array, Bool, Float32, Float64, Int32, Int64, String, UnixTimestamp

UTC = datetime.timezone.utc
NOW = datetime.datetime.now(UTC).replace(microsecond=0)


def check(what, found, expected):
    if found != expected:
        sys.exit(f"{what}: {found!r} instead of {expected!r}")
    print(f"{what}: {found!r}")


def store_of(folder, online_store):
    folder.mkdir(parents=True, exist_ok=True)
    return FeatureStore(config=RepoConfig(project="shop", provider="local", registry=str(folder / "registry.db"), online_store=online_store,
                                          entity_key_serialization_version=3))


def read(store, features, **keys):
    return store.get_online_features(features=features, entity_rows=[dict(zip(keys, row)) for row in zip(*keys.values())]).to_dict()


def through_redis(port, folder):
    store = store_of(folder, {"type": "redis", "connection_string": f"127.0.0.1:{port},db=0", "key_ttl_seconds": 3600})
    history = folder / "history.parquet"
    pandas.DataFrame({
        "driver": [1, 2, 1], "trips": [10, 20, 11], "rate": [0.5, 0.25, 0.7], "name": ["a", "b", "a\u00e9"],
        "at": [NOW - datetime.timedelta(hours=3), NOW - datetime.timedelta(hours=2), NOW - datetime.timedelta(hours=1)],
        "made": [NOW] * 3}).to_parquet(history)
    driver = Entity(name="driver", join_keys=["driver"], value_type=ValueType.INT64)
    files = FileSource(name="history", path=str(history), timestamp_field="at", created_timestamp_column="made")
    view = FeatureView(name="stats", entities=[driver], ttl=datetime.timedelta(days=1), source=files,
                       schema=[Field(name="driver", dtype=Int64), Field(name="trips", dtype=Int64), Field(name="rate", dtype=Float32),
                               Field(name="name", dtype=String)])
    store.apply([driver, view])
    store.materialize(NOW - datetime.timedelta(days=1), NOW)
    features = ["stats:trips", "stats:rate", "stats:name"]
    answer = read(store, features, driver=[1, 2, 3])
    check("materialized", answer["trips"], [11, 20, None])
    check("text", answer["name"], ["a\u00e9", "b", None])
    check("float32", [round(rate, 6) for rate in answer["rate"][:2]], [0.7, 0.25])
    rows = pandas.DataFrame({"driver": list(range(1000, 2000)), "trips": list(range(1000)), "rate": [0.5] * 1000, "name": ["x"] * 1000,
                             "at": [NOW] * 1000, "made": [NOW] * 1000})
    store.write_to_online_store("stats", rows)
    check("a thousand rows", read(store, ["stats:trips"], driver=list(range(1000, 2000)))["trips"], list(range(1000)))
    older = pandas.DataFrame({"driver": [1000], "trips": [-1], "rate": [0.0], "name": ["old"], "at": [NOW - datetime.timedelta(hours=1)],
                              "made": [NOW]})
    store.write_to_online_store("stats", older)
    check("an older row changes nothing", read(store, ["stats:trips"], driver=[1000])["trips"], [0])
    store.teardown()


def shop_of(folder, online_store):
    """What shop.yaml defines, as Feast has it. (Its remote client cannot send bytes.)"""
    store = store_of(folder, online_store)
    user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.INT64)
    shop = [Entity(name="region", join_keys=["region"], value_type=ValueType.STRING),
            Entity(name="shop_id", join_keys=["shop_id"], value_type=ValueType.INT64)]
    files = FileSource(name="files", path=str(folder / "none.parquet"), timestamp_field="event_timestamp", created_timestamp_column="created")
    payments = PushSource(name="payments", batch_source=files)
    spending = FeatureView(name="spending", entities=[user], ttl=datetime.timedelta(days=1), source=payments, schema=[
        Field(name="user_id", dtype=Int64), Field(name="amount", dtype=Float64), Field(name="items", dtype=Int32), Field(name="note", dtype=String),
        Field(name="is_new", dtype=Bool), Field(name="scores", dtype=Array(Float64)), Field(name="last_seen", dtype=UnixTimestamp)])
    stocks = FeatureView(name="stocks", entities=shop, source=files,
                         schema=[Field(name="region", dtype=String), Field(name="shop_id", dtype=Int64), Field(name="left", dtype=Int64)])
    elsewhere = FeatureView(name="elsewhere", entities=[user], source=files,
                            schema=[Field(name="user_id", dtype=Int64), Field(name="amount", dtype=Float64)])
    store.apply([user, *shop, spending, stocks, elsewhere, FeatureService(name="fraud", features=[spending[["amount", "note"]]])])
    return store


def payments_of(users, amounts, notes, at):
    count = len(users)
    return pandas.DataFrame({"user_id": users, "amount": amounts, "items": [3] * count, "note": notes, "is_new": [True] * count,
                             "scores": [[0.1, 0.2]] * count, "last_seen": [NOW] * count, "event_timestamp": [at] * count, "created": [NOW] * count})


def through_http(port, folder):
    store = shop_of(folder, {"type": "remote", "path": f"http://127.0.0.1:{port}"})
    store.write_to_online_store("spending", payments_of([1, 2], [0.7, 1e20], ["a\u00e9", "b"], NOW))
    names = ["amount", "items", "note", "is_new", "scores"]
    answer = read(store, [f"spending:{name}" for name in names], user_id=[1, 2, 3])
    check("doubles", answer["amount"], [0.7, 1e20, None])
    check("integers", answer["items"], [3, 3, None])
    check("texts", answer["note"], ["a\u00e9", "b", None])
    check("bools", answer["is_new"], [True, True, None])
    check("lists", answer["scores"], [[0.1, 0.2], [0.1, 0.2], None])
    service = store.get_feature_service("fraud")
    check("a service", store.get_online_features(features=service, entity_rows=[{"user_id": 1}]).to_dict(),
          {"user_id": [1], "amount": [0.7], "note": ["a\u00e9"]})
    store.push("payments", payments_of([3], [5.5], ["pushed"], NOW))
    check("pushed", read(store, ["spending:amount"], user_id=[3])["amount"], [5.5])
    store.write_to_online_store("stocks", pandas.DataFrame({
        "region": ["eu", "eu", "us"], "shop_id": [1, 2, 1], "left": [5, 6, 7], "event_timestamp": [NOW] * 3, "created": [NOW] * 3}))
    check("composite keys", read(store, ["stocks:left"], region=["us", "eu", "eu"], shop_id=[1, 2, 1])["left"], [7, 6, 5])
    try:
        read(store, ["elsewhere:amount"], user_id=[1])
        sys.exit("a view that the server has not was answered")
    except FeatureViewNotFoundException as error:  # what the server says, raised by Feast's client
        check("a view that the server has not", "there is no view 'elsewhere'" in str(error), True)


def serve_feast(store):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    threading.Thread(target=uvicorn.run, args=(get_app(store),), kwargs={"port": port, "log_level": "error"}, daemon=True).start()
    for _ in range(200):
        try:
            requests.get(f"http://127.0.0.1:{port}/health", timeout=1)
            return port
        except requests.ConnectionError:
            time.sleep(0.1)
    sys.exit("Feast's own server did not start")


def in_order_of(theirs, ours):
    """Their answer's text with its columns in the order of ours: Feast's server gives them in that of a Python set."""
    theirs, names = json.loads(theirs), json.loads(ours)["metadata"]["feature_names"]
    columns = dict(zip(theirs["metadata"]["feature_names"], theirs["results"]))
    if sorted(columns) != sorted(names):
        return str(sorted(columns))
    return json.dumps({"results": [columns[name] for name in names], "metadata": {"feature_names": names}}, separators=(",", ":"), ensure_ascii=False)


def compare(port, folder):
    store = shop_of(folder, {"type": "sqlite", "path": str(folder / "online.db")})
    rows = payments_of([1, 2], [0.7, 1e20], ["a\u00e9", "b\"\\"], NOW)
    store.write_to_online_store("spending", rows)
    shop_of(folder / "remote", {"type": "remote", "path": f"http://127.0.0.1:{port}"}).write_to_online_store("spending", rows)
    theirs = serve_feast(store)
    users = {"user_id": [2, 1, 77, 1]}
    for path, body in [
            ("/get-online-features", {"features": ["spending:amount"], "entities": users}),
            ("/get-online-features", {"features": ["spending:amount", "spending:note"], "entities": users}),
            ("/get-online-features", {"features": ["spending:items", "spending:is_new", "spending:scores"], "entities": users, "full_feature_names": True}),
            ("/get-online-features", {"feature_service": "fraud", "entities": users}),
            ("/get-online-features", {"feature_service": "fraud", "entities": {"unknown": ["x"], "user_id": [1]}}),
            ("/push", {"push_source_name": "payments", "df": {"user_id": [9], "amount": [1.0], "items": [1], "note": ["x"], "is_new": [True],
                                                              "scores": [[1.0]], "last_seen": [int(NOW.timestamp())],
                                                              "event_timestamp": [NOW.isoformat()], "created": [NOW.isoformat()]}})]:
        answers = []
        for where in (theirs, port):
            answer = requests.post(f"http://127.0.0.1:{where}{path}", json=body, timeout=30)
            answers.append((answer.status_code, answer.text))
        if len(body.get("features", [])) != 1 and path != "/push":
            answers[0] = (answers[0][0], in_order_of(answers[0][1], answers[1][1]))
        check(f"{path} as Feast's own server", answers[1], answers[0])
    for path in ("/health",):
        answers = [requests.get(f"http://127.0.0.1:{where}{path}", timeout=30) for where in (theirs, port)]
        check(path, (answers[1].status_code, answers[1].text), (answers[0].status_code, answers[0].text))


if __name__ == "__main__":
    {"redis": through_redis, "remote": through_http, "compare": compare}[sys.argv[1]](int(sys.argv[2]), pathlib.Path(sys.argv[3]))
