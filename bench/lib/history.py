"""Records: a run as a line of JSON, and the history that they are appended to."""

import json
import os
import time

from program import ROOT, Failed

SCHEMA = 1
DEFAULT = os.path.join(ROOT, "bench", "history.jsonl")


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def append(path, record):
    try:
        with open(path, "a") as file:
            file.write(json.dumps(record, separators=(",", ":")) + "\n")
    except OSError as error:
        raise Failed(f"{path}: {error.strerror}") from None


def read(path):
    """The records of a history, or the one of a results file."""
    records = []
    try:
        with open(path) as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    record = json.loads(line)
                except ValueError as error:
                    raise Failed(f"{path}, line {number}: {error}") from None
                if not isinstance(record, dict) or record.get("schema") != SCHEMA or "figures" not in record:
                    raise Failed(f"{path}, line {number}: is no record of bench/run (schema {SCHEMA})")
                records.append(record)
    except OSError as error:
        raise Failed(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Failed(f"{path}: is no text") from None
    return records
