"""What each role of the templates may do in an installation, and what of it no test can make its code ask for."""

from __future__ import annotations

from collections.abc import Mapping

from ledgerlake.settings import Settings
from tests.local.calls import ARN
from tests.templates import Json, Scope, properties, template

AWS_ASKS = {
    ("Key", "kms:GenerateDataKey"): "S3 asks for it when it encrypts",
    ("Key", "kms:Decrypt"): "S3 asks for it when it decrypts, and when the parts of an upload are joined",
    ("Log", "logs:CreateLogStream"): "Lambda asks for it",
    ("Log", "logs:PutLogEvents"): "Lambda asks for it",
    ("Traces", "xray:PutTelemetryRecords"): "Lambda asks for it",
}
LAMBDA_TRACES = {("Traces", "xray:PutTraceSegments"): "Lambda asks for it"}
SPARK = "asked for by Spark (S3A): tests/spark/test_s3a.py records it"
FAILED_PARTS = "asked for where the upload of a large file in parts fails half-way"
UNUSED: Mapping[str, Mapping[tuple[str, str], str]] = {
    "ingestion.UploadRole": {
        **AWS_ASKS,
        **LAMBDA_TRACES,
        ("Grants", "s3:GetObject"): "read where a PUT was carried out, its reply lost, and it is sent again",
    },
    "ingestion.QuarantineRole": {**AWS_ASKS, **LAMBDA_TRACES},
    "ingestion.AdmitRole": {
        **AWS_ASKS,
        ("Ledger", "dynamodb:DeleteItem"): "takes a held file off its list: it is superseded, or was, by a lost ledger",
        ("Notices", "sqs:ReceiveMessage"): "the event source mapping asks for it",
        ("Notices", "sqs:DeleteMessage"): "the event source mapping asks for it",
        ("Notices", "sqs:GetQueueAttributes"): "the event source mapping asks for it",
    },
    "ingestion.SweepRole": {**AWS_ASKS, **LAMBDA_TRACES},
    "ingestion.CanaryRole": {
        **{asked: why for asked, why in AWS_ASKS.items() if asked != ("Key", "kms:GenerateDataKey")},
        **LAMBDA_TRACES,
    },
    "streaming.JobRole": {
        ("Artifacts", "s3:GetObject"): "Glue asks for it before it starts the script",
        ("Tables", "s3:AbortMultipartUpload"): FAILED_PARTS,
        ("Tables", "s3:DeleteObject"): "its upkeep vacuums what is years old; tests/local/test_upkeep.py makes it",
        ("Work", "s3:GetObject"): SPARK,
        ("Work", "s3:PutObject"): SPARK,
        ("Work", "s3:DeleteObject"): SPARK,
        ("Work", "s3:AbortMultipartUpload"): FAILED_PARTS,
        ("Folders", "s3:GetObject"): SPARK,
        ("Catalog", "glue:GetDatabase"): "Spark looks for its default database when it starts",
        ("Security", "glue:GetSecurityConfiguration"): "Glue asks for it when it starts the job",
        ("Key", "kms:GenerateDataKey"): AWS_ASKS["Key", "kms:GenerateDataKey"],
        ("Key", "kms:Decrypt"): AWS_ASKS["Key", "kms:Decrypt"],
        ("Key", "kms:Encrypt"): "Glue encrypts its bookmark with it",
        ("Logs", "logs:CreateLogGroup"): "Glue asks for it",
        ("Logs", "logs:CreateLogStream"): "Glue asks for it",
        ("Logs", "logs:PutLogEvents"): "Glue asks for it",
        ("Logs", "logs:AssociateKmsKey"): "Glue asks for it",
    },
}


def statements(role: str, settings: Settings) -> list[Json]:
    """What the template would allow the role in this installation."""
    room, name = role.partition(".")[0], settings.raw_bucket.removesuffix("-raw")
    ledger = f"arn:aws:dynamodb:{ARN}:table/{settings.ledger_table}"
    named = {
        "LandingBucket": settings.landing_bucket,
        "RawBucket": settings.raw_bucket,
        "TablesBucket": settings.tables_bucket,
        "StreamName": settings.stream_name,
        "LedgerTableArn": ledger,
        "EventSource": settings.source,
        "LandingQueueArn": f"arn:aws:sqs:{ARN}:{name}-landing",
        "LandingDeadLetterQueueArn": f"arn:aws:sqs:{ARN}:{name}-landing-dead",
        "LakeFormation": "false",
        "CanaryImage": "an-image",
        "CanarySecretArn": settings.canary_secret or "",
        "LineageUrl": settings.lineage or "",
        "LineageSecretArn": settings.lineage_token or "",
        "Name": name.partition("-")[0],
        "Stage": name.partition("-")[2],
    }
    own = {"Ledger.Arn": ledger, "Database": settings.database}
    found: list[Json] = Scope(template(room), named, own).resolved(given_to(role))
    return found


def given_to(role: str) -> list[Json]:
    """The statements of a role's own policy and of ours that are attached to it."""
    room = role.partition(".")[0]
    attached = [f"{room}.{each['Ref']}" for each in properties(role).get("ManagedPolicyArns", [])]
    documents = [each["PolicyDocument"] for each in properties(role)["Policies"]]
    documents += [properties(name)["PolicyDocument"] for name in attached]
    return [statement for document in documents for statement in document["Statement"]]
