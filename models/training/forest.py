"""The model: gradient-boosted trees (XGBoost), and the ONNX graph that the engine loads."""
import json
import os
from pathlib import Path

import numpy as np
import onnx

# ONNX Runtime tells its maker nothing: said before it is loaded, as src/scoring/pool.ts does.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime
import xgboost
from onnxmltools import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType

from refusal import Refusal

PARAMETERS: dict[str, str | int | float] = {
    "n_estimators": 200,
    "max_depth": 6,
    "learning_rate": 0.08,
    "min_child_weight": 3,
    "reg_lambda": 3.0,
    "gamma": 0.1,
    "subsample": 0.9,
    "colsample_bytree": 0.6,
    "tree_method": "hist",
    "max_bin": 256,
    "objective": "binary:logistic",
    "base_score": 0.5,
    "random_state": 7,
}
# As src/scoring/model-check.ts allows a probe: float32 sums in another order.
ROUNDING = 1e-5


def fit(
    features: np.ndarray, is_fraud: np.ndarray, weight: float, threads: int
) -> xgboost.XGBClassifier:
    """`weight` multiplies the positive class. Sums of several threads are put together in an order
    that their number decides, so it is given and does not follow the machine."""
    model = xgboost.XGBClassifier(**PARAMETERS, scale_pos_weight=weight, n_jobs=threads)
    return model.fit(features, is_fraud)


def score(model: xgboost.XGBClassifier, features: np.ndarray) -> np.ndarray:
    """float32 [N]"""
    return model.predict_proba(features)[:, 1]


def to_onnx(model: xgboost.XGBClassifier, width: int) -> bytes:
    """Input: features float32 [N, width]. Outputs: label int64 [N], probabilities float32 [N, 2].

    One node, a TreeEnsembleClassifier: the form that the engine walks in WebAssembly.
    """
    graph = convert_xgboost(
        model,
        name="shrike",  # without one it is random, and the same model has other bytes each time
        initial_types=[("features", FloatTensorType([None, width]))],
        target_opset=15,
    )
    onnx.checker.check_model(graph)
    return graph.SerializeToString(deterministic=True)


def score_onnx(
    model: bytes,
    features: np.ndarray,
    ports: tuple[str, str, int] = ("features", "probabilities", 1),
) -> np.ndarray:
    """float32 [N]; `ports`: input, output, and the score's column in that."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    source, output, column = ports
    blocks = [
        session.run([output], {source: np.ascontiguousarray(features[at : at + 65536])})[0]
        for at in range(0, len(features), 65536)
    ]
    return np.concatenate(blocks).reshape(len(features), -1)[:, column]


def score_bundle(folder: Path, names: list[str], features: np.ndarray) -> tuple[dict, np.ndarray]:
    """Another bundle's facts, and its scores of these rows. Raises TRAINING_BASELINE."""
    try:
        bundle = json.loads((folder / "bundle.json").read_text("utf-8"))
        columns = [names.index(name) for name in bundle["features"]]
        ports = (bundle["input"], bundle["output"], bundle["scoreColumn"])
        model = (folder / "model.onnx").read_bytes()
        return bundle, score_onnx(model, features[:, columns], ports)
    # ONNX Runtime's own errors have no class of their own.
    except Exception as error:
        raise Refusal("TRAINING_BASELINE", f"cannot score by {folder}: {error}") from error


def check_same(expected: np.ndarray, found: np.ndarray) -> float:
    """The largest difference. Raises TRAINING_ONNX_DIFFERS beyond what rounding explains."""
    difference = float(np.abs(expected - found).max())
    if difference <= ROUNDING:
        return difference
    raise Refusal(
        "TRAINING_ONNX_DIFFERS",
        f"the ONNX graph's scores differ from XGBoost's by up to {difference:.3g}",
    )
