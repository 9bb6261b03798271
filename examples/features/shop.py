"""The definition of shop.yaml, written in Python.

    PYTHONPATH=python python3 examples/features/shop.py > shop.yaml
"""

from isobar import features as f

shop = f.Project("shop")
user = shop.entity("user", {"user_id": "int64"})
merchant = shop.entity("merchant", {"merchant_id": "string"})

transactions = shop.source(
    "transactions",
    "kafka",
    {
        "transaction_id": "string",
        "user_id": "int64",
        "merchant_id": "string",
        "amount": "float64",
        "currency": "string",
        "made_at": "timestamp",
        "recorded_at": "timestamp",
    },
    timestamp="made_at",
    created="recorded_at",
    key="transaction_id",
    lateness="5m",
    brokers="localhost:9092",
    topic="transactions",
)
users = shop.source(
    "users",
    "postgres",
    {"user_id": "int64", "country": "string", "born": "timestamp", "changed_at": "timestamp"},
    timestamp="changed_at",
    key="user_id",
    url="postgresql://shop@localhost/shop",
    table="users",
)
ratings = shop.source("ratings", "push", {"user_id": "int64", "film_id": "int64", "stars": "float64", "at": "timestamp"}, timestamp="at")

shop.view(
    "profile",
    {"country": f.column("country"), "adult": f.sql("born < timestamp '2008-01-01'")},
    source=users,
    entity=user,
)
shop.view(
    "spending",
    {
        "spent": f.sum_of("amount").over("1h", "24h", "30d"),
        "payments": f.count().over("1h", "24h"),
        "amount_p99": f.quantiles("amount", 0.99).over("30d"),
        "burst": f.count().over("5m", exact=True),
        "merchants": f.distinct("merchant_id").over("7d", kind="hopping", hop="1d"),
        "last_amount": f.column("amount"),
        "unusual": f.on_demand("offered > 3 * amount_p99", offered="float64"),
    },
    source=transactions,
    entity=user,
    where="currency = 'EUR' and amount > 0",
    ttl="90d",
    owner="fraud",
    tags={"domain": "payments"},
)
shop.view("takings", {"taken": f.sum_of("amount").over("24h")}, source=transactions, entity=merchant)
shop.view("shop_total", {"taken": f.sum_of("amount").over("24h")}, source=transactions, description="One row for the whole shop")
shop.view(
    "taste",
    {
        "vector": f.ridge(
            "stars - 3",
            "film_id",
            "factors.parquet",
            factors=50,
            schedule=f.schedule(policy="regret", budget="0.2 cpu", loss="squared", max_staleness="1d"),
        )
    },
    source=ratings,
    entity=user,
)

shop.service(
    "fraud",
    ["spending:spent_1h", "spending:payments_1h", "spending:unusual", "takings:taken as merchant_taken", "shop_total:taken as shop_taken"],
)
shop.service("recommend", ["vector", "country"])

if __name__ == "__main__":
    print(shop.yaml(), end="")
