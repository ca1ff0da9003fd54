# An unmodified boto3 client. Where to go comes from the environment.
import os

import boto3
from botocore.exceptions import ClientError

firehose = boto3.client("firehose")

print("put_record", firehose.put_record(DeliveryStreamName="web", Record={"Data": b"one"})["RecordId"])
answer = firehose.put_record_batch(
    DeliveryStreamName="web", Records=[{"Data": b"two"}, {"Data": b""}, {"Data": b"\x00\xff"}]
)
print("put_record_batch", answer["FailedPutCount"], [r["RecordId"] for r in answer["RequestResponses"]])
answer = firehose.put_record_batch(DeliveryStreamName="web", Records=[{"Data": str(i)} for i in range(500)])
print("500 records", answer["FailedPutCount"], len({r["RecordId"] for r in answer["RequestResponses"]}))

d = firehose.describe_delivery_stream(DeliveryStreamName="web")["DeliveryStreamDescription"]
print("describe", d["DeliveryStreamStatus"], d["DeliveryStreamARN"], d["CreateTimestamp"].timestamp())
for kind in ("S3DestinationDescription", "ExtendedS3DestinationDescription"):
    s3 = d["Destinations"][0][kind]
    print(kind, s3["BucketARN"], s3["Prefix"], s3["BufferingHints"], s3["CompressionFormat"])
print("list", firehose.list_delivery_streams()["DeliveryStreamNames"])


def refused(what, call, **arguments):
    try:
        call(**arguments)
    except ClientError as e:
        print(what, type(e).__name__, e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"])
        print("  ", e.response["Error"]["Message"])
        assert e.response["ResponseMetadata"]["RequestId"]


refused("unknown stream", firehose.put_record, DeliveryStreamName="nope", Record={"Data": b"x"})
refused("501 records", firehose.put_record_batch, DeliveryStreamName="web", Records=[{"Data": b"x"}] * 501)
refused("large record", firehose.put_record, DeliveryStreamName="web", Record={"Data": b"x" * 1024001})
refused("large batch", firehose.put_record_batch, DeliveryStreamName="web", Records=[{"Data": b"x" * 1000000}] * 5)
refused("delete", firehose.delete_delivery_stream, DeliveryStreamName="web")
wrong = boto3.client("firehose", aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"], aws_secret_access_key="wrong")
refused("wrong secret", wrong.put_record, DeliveryStreamName="web", Record={"Data": b"x"})
