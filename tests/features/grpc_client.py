"""Feast's gRPC, as a client of grpcio has it: sys.argv is the port and a folder with feast_pb2.py, which protoc made."""

import datetime
import sys

import grpc

sys.path.insert(0, sys.argv[2])
import feast_pb2

channel = grpc.insecure_channel(f"127.0.0.1:{sys.argv[1]}")


def call(service, method, request, answer):
    stub = channel.unary_unary(f"/{service}/{method}", request_serializer=type(request).SerializeToString, response_deserializer=answer.FromString)
    return stub(request, timeout=20)


def fails(code, *arguments):
    try:
        call(*arguments)
    except grpc.RpcError as error:
        assert error.code() == code, error
        return error.details()
    raise AssertionError("it did not fail")


NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
SERVING, SERVER = "feast.serving.ServingService", "grpc.connector.GrpcFeatureServer"
print(call(SERVING, "GetFeastServingInfo", feast_pb2.FeatureList(), feast_pb2.ServingInfo).version)
row = {"user_id": "1001", "amount": "0.7", "at": NOW.isoformat()}
assert call(SERVER, "Push", feast_pb2.PushRequest(features=row, stream_feature_view="payments"), feast_pb2.Done).status
row = {"user_id": "1002", "amount": "1.5", "event_timestamp": NOW.isoformat()}
assert call(SERVER, "WriteToOnlineStore", feast_pb2.WriteRequest(features=row, feature_view_name="spending"), feast_pb2.Done).status
keys = [feast_pb2.Value(int64_val=key) for key in (1001, 1002, 7)]
request = feast_pb2.OnlineFeaturesRequest(features={"val": ["spending:amount"]}, entities={"user_id": feast_pb2.RepeatedValue(val=keys)})
for service in (SERVING, SERVER):
    answer = call(service, "GetOnlineFeatures", request, feast_pb2.OnlineFeaturesResponse)
    assert list(answer.metadata.feature_names.val) == ["user_id", "amount"], answer
    assert [value.double_val for value in answer.results[1].values] == [0.7, 1.5, 0], answer
    assert list(answer.results[1].statuses) == [1, 1, 3], answer
    assert answer.results[1].event_timestamps[0].seconds == int(NOW.timestamp()), answer
many = feast_pb2.OnlineFeaturesRequest(features={"val": ["spending:amount"]}, entities={"user_id": feast_pb2.RepeatedValue(val=keys * 10000)})
assert len(call(SERVING, "GetOnlineFeatures", many, feast_pb2.OnlineFeaturesResponse).results[1].values) == 30000
futures = [channel.unary_unary(f"/{SERVING}/GetOnlineFeatures", request_serializer=lambda r: r.SerializeToString(),
                               response_deserializer=feast_pb2.OnlineFeaturesResponse.FromString).future(request) for _ in range(200)]
assert all(future.result(timeout=20).results[1].values[0].double_val == 0.7 for future in futures)
request.features.val[0] = "spendin:amount"
assert "did you mean 'spending'?" in fails(grpc.StatusCode.NOT_FOUND, SERVING, "GetOnlineFeatures", request, feast_pb2.OnlineFeaturesResponse)
fails(grpc.StatusCode.UNIMPLEMENTED, SERVING, "GetBatchFeatures", request, feast_pb2.OnlineFeaturesResponse)
print("content")
