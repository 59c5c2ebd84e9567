"""Features as the engine wrote them, and labels as `shrike clean` did, joined by `idx`.

Nothing here computes a feature: there is no second implementation of one.
"""
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from refusal import Refusal

LABEL_TYPES = {"idx": pa.int64(), "amount": pa.float64(), "is_fraud": pa.int8()}


@dataclass(frozen=True)
class Rows:
    """Labelled payments in event-time order, and how many there were with those without a label."""

    names: list[str]
    idx: np.ndarray  # int64 [N]
    features: np.ndarray  # float32 [N, len(names)]
    is_fraud: np.ndarray  # bool [N]
    payments: int


def read_rows(features_file: Path, labels_file: Path) -> Rows:
    """Raises TRAINING_INPUT, TRAINING_ROWS_MISMATCH."""
    features = _table(features_file, None)
    labels = _table(labels_file, LABEL_TYPES)
    if "idx" not in features.column_names:
        raise Refusal("TRAINING_INPUT", f"{features_file} has no column idx")
    names = [name for name in features.column_names if name != "idx"]
    idx = features["idx"].to_numpy()
    _check_same(features, labels, f"{features_file.name} and {labels_file.name}")
    known = np.asarray(labels["is_fraud"].is_valid())
    is_fraud = labels["is_fraud"].fill_null(0).to_numpy()[known]
    if not np.isin(is_fraud, (0, 1)).all():
        raise Refusal("TRAINING_INPUT", f"{labels_file}: is_fraud is 0, 1 or empty")
    # Column by column: a copy of the whole beside the table is all that it takes.
    matrix = np.empty((int(known.sum()), len(names)), np.float32)
    for column, name in enumerate(names):
        matrix[:, column] = features[name].to_numpy()[known]
    return Rows(names, idx[known], matrix, is_fraud == 1, len(idx))


def _table(file: Path, types: dict[str, pa.DataType] | None) -> pa.Table:
    """Of a CSV with `types` these columns only; of features all: idx, and float32 values."""
    try:
        if file.suffix == ".parquet":
            return pa.parquet.read_table(file)
        if types is None:
            with file.open(encoding="utf-8") as lines:
                header = lines.readline().rstrip("\r\n").split(",")
            types = {name: pa.int64() if name == "idx" else pa.float32() for name in header}
        options = pa.csv.ConvertOptions(column_types=types, include_columns=list(types))
        return pa.csv.read_csv(file, convert_options=options)
    except (OSError, pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise Refusal("TRAINING_INPUT", f"cannot read {file}: {error}") from error


def _check_same(features: pa.Table, labels: pa.Table, files: str) -> None:
    """Both must tell of the same payments: `idx`, and the amount, which both have as it came."""
    ours, theirs = features["idx"].to_numpy(), labels["idx"].to_numpy()
    if len(ours) != len(theirs):
        raise Refusal(
            "TRAINING_ROWS_MISMATCH", f"{files} have {len(ours)} and {len(theirs)} payments"
        )
    _refuse_first(ours != theirs, files, "idx", (ours, theirs))
    falls = np.diff(ours, prepend=-1) <= 0
    _refuse_first(falls, files, "idx, which has to ascend,", (ours, theirs))
    if "amount" in features.column_names:
        amounts = features["amount"].to_numpy(), labels["amount"].to_numpy().astype(np.float32)
        _refuse_first(amounts[0] != amounts[1], files, "amount", amounts)


def _refuse_first(
    wrong: np.ndarray, files: str, what: str, values: tuple[np.ndarray, np.ndarray]
) -> None:
    if not wrong.any():
        return
    row = int(wrong.argmax())
    raise Refusal(
        "TRAINING_ROWS_MISMATCH",
        f"{files} are not of the same payments: {what} of row {row} is "
        f"{values[0][row]} and {values[1][row]}",
    )
