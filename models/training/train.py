"""Fits a model to features of the engine and labels of `shrike clean`; keeps it if it is better.

    python3 models/training/train.py --features features.parquet --labels clean/transactions.csv \\
        --against models/default --out trained

Of the labelled payments, in event-time order, the first 70 % are for training and the last 30 % for
the report. Within the training rows the first four fifths are fitted with each weight of the
positive class; the last fifth chooses the weight, by average precision, and the threshold.
"""
import argparse
import importlib.metadata
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import forest
import measures
from refusal import Refusal
from rows import Rows, read_rows

TRAINING_SHARE = 0.7
FIT_SHARE = 0.8
PROBE_ROWS_HIGHEST = 50
PROBE_ROWS_SPREAD = 500
PACKAGES = ("numpy", "onnx", "onnxmltools", "onnxruntime", "pyarrow", "scikit-learn", "xgboost-cpu")


@dataclass(frozen=True)
class Parts:
    """Where the rows are cut: fit, then choose, then the report."""

    fit: slice
    choose: slice
    training: slice
    later: slice


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options that train.py and job.py share."""
    parser.add_argument("--against", type=Path, metavar="DIR",
                        help="bundle that has to be beaten on the same rows, as models/default")
    parser.add_argument("--weights", type=float, nargs="+", default=[1.0, 5.0, 25.0],
                        help="weights of the positive class to choose from (default 1 5 25)")
    rule = parser.add_mutually_exclusive_group()
    rule.add_argument("--alert-rate", type=share, default=0.001,
                      help="threshold: the highest recall at this share of alerts (default 0.001)")
    rule.add_argument("--precision", type=share,
                      help="threshold: the highest recall at this precision")
    parser.add_argument("--frauds-min", type=int, default=20,
                        help="frauds wanted in each of the three parts of the rows (default 20)")
    parser.add_argument("--threads", type=int, default=2,
                        help="of XGBoost; the same number gives the same model (default 2)")
    parser.add_argument("--scores", type=Path, metavar="FILE",
                        help="write idx and XGBoost's score of the later rows here (.csv)")


def share(text: str) -> float:
    value = float(text)
    if 0 < value <= 1:
        return value
    raise argparse.ArgumentTypeError(f"a share is above 0 and at most 1, not {text}")


def train(features: Path, labels: Path, out: Path, options: argparse.Namespace) -> dict:
    """Writes model.onnx and probe-rows.csv. Returns the report; raises what the gates say."""
    rows = read_rows(features, labels)
    parts = cut(rows, options.frauds_min)
    weight, by_weight, threshold = choose(rows, parts, options)
    model = forest.fit(*_of(rows, parts.training), weight, options.threads)
    graph = forest.to_onnx(model, len(rows.names))
    later, is_fraud = _of(rows, parts.later)
    scores = forest.score(model, later)
    difference = forest.check_same(scores, forest.score_onnx(graph, later))
    report = {
        "rows": {
            "payments": rows.payments,
            "labelled": len(rows.idx),
            "training": parts.training.stop,
            "later": len(later),
        },
        "frauds": {
            "training": int(rows.is_fraud[parts.training].sum()),
            "later": int(is_fraud.sum()),
        },
        "weight": weight,
        "averagePrecisionByWeight": by_weight,
        "thresholdRule": {"precision": options.precision} if options.precision is not None
        else {"alertRate": options.alert_rate},
        "later": measures.quality(is_fraud, scores, threshold),
        "baseline": None,
        "onnxDifference": difference,
        "parameters": forest.PARAMETERS,
        "threads": options.threads,
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
    }
    if options.against is not None:
        report["baseline"] = beaten(options.against, rows, parts, report["later"])
    out.mkdir(parents=True, exist_ok=True)
    (out / "model.onnx").write_bytes(graph)
    write_probe_rows(out / "probe-rows.csv", rows, parts, scores)
    if options.scores is not None:
        lines = (f"{i},{s}\n" for i, s in zip(rows.idx[parts.later], scores, strict=True))
        options.scores.write_text("idx,score\n" + "".join(lines), "utf-8")
    return report


def cut(rows: Rows, frauds_min: int) -> Parts:
    """Raises TRAINING_TOO_FEW_FRAUDS."""
    end = int(TRAINING_SHARE * len(rows.idx))
    inner = int(FIT_SHARE * end)
    parts = Parts(slice(0, inner), slice(inner, end), slice(0, end), slice(end, len(rows.idx)))
    uses = (("to fit", parts.fit), ("to choose by", parts.choose), ("later", parts.later))
    for what, part in uses:
        frauds = int(rows.is_fraud[part].sum())
        if frauds < max(1, frauds_min):
            raise Refusal(
                "TRAINING_TOO_FEW_FRAUDS",
                f"{frauds} frauds among the {part.stop - part.start} labelled payments {what}, "
                f"at least {max(1, frauds_min)} are wanted",
            )
    return parts


def choose(
    rows: Rows, parts: Parts, options: argparse.Namespace
) -> tuple[float, dict[str, float], float]:
    """The weight, what each of them reached, and the threshold; by the training rows alone."""
    later, is_fraud = _of(rows, parts.choose)
    reached: dict[float, float] = {}
    scores: dict[float, np.ndarray] = {}
    for weight in options.weights:
        model = forest.fit(*_of(rows, parts.fit), weight, options.threads)
        scores[weight] = forest.score(model, later)
        reached[weight] = measures.average_precision(is_fraud, scores[weight])
    best = max(reached, key=reached.__getitem__)
    threshold = measures.choose_threshold(
        is_fraud, scores[best], options.alert_rate, options.precision
    )
    return best, {f"{weight:g}": value for weight, value in reached.items()}, threshold


def beaten(folder: Path, rows: Rows, parts: Parts, found: dict) -> dict:
    """The baseline's figures on the later rows. Raises TRAINING_NOT_BETTER, TRAINING_BASELINE."""
    later, is_fraud = _of(rows, parts.later)
    bundle, scores = forest.score_bundle(folder, rows.names, later)
    baseline = measures.quality(is_fraud, scores, bundle["threshold"])
    if found["averagePrecision"] <= baseline["averagePrecision"]:
        raise Refusal(
            "TRAINING_NOT_BETTER",
            f"average precision {found['averagePrecision']:.4f} on {len(later)} later payments; "
            f"{bundle['name']} in {folder} has {baseline['averagePrecision']:.4f}",
        )
    return {"name": bundle["name"], "id": bundle["id"], **baseline}


def write_probe_rows(file: Path, rows: Rows, parts: Parts, scores: np.ndarray) -> None:
    """Rows for `shrike model bundle` to choose probes from: high scores, and some of all others."""
    order = np.argsort(-scores, kind="stable")
    step = max(1, len(order) // PROBE_ROWS_SPREAD)
    chosen = np.union1d(order[:PROBE_ROWS_HIGHEST], order[::step])
    table = rows.features[parts.later][chosen]
    # The shortest decimal of a float32 is the same float32 again.
    lines = (",".join([str(i), *map(str, row)]) for i, row in
             zip(rows.idx[parts.later][chosen], table, strict=True))
    file.write_text("\n".join([",".join(["idx", *rows.names]), *lines, ""]), "utf-8")


def _of(rows: Rows, part: slice) -> tuple[np.ndarray, np.ndarray]:
    return rows.features[part], rows.is_fraud[part]


def told(program: str, run: Callable[[], None]) -> int:
    """Runs; a refusal becomes one message and an exit code."""
    try:
        run()
    except Refusal as refusal:
        print(f"{program}: {refusal}", file=sys.stderr)
        return refusal.exit_code
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--features", type=Path, required=True, help=".parquet or .csv")
    parser.add_argument("--labels", type=Path, required=True, help="clean transactions.csv")
    parser.add_argument("--out", type=Path, required=True, help="gets model.onnx and report.json")
    add_options(parser)
    options = parser.parse_args()

    def run() -> None:
        report = train(options.features, options.labels, options.out, options)
        text = json.dumps(report, indent=1)
        (options.out / "report.json").write_text(f"{text}\n", "utf-8")
        print(text)

    return told("train", run)


if __name__ == "__main__":
    sys.exit(main())
