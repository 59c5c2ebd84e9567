"""How good scores are, and from which score on a payment is an alert."""
import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from refusal import Refusal


def average_precision(is_fraud: np.ndarray, scores: np.ndarray) -> float:
    return float(average_precision_score(is_fraud, scores))


def quality(is_fraud: np.ndarray, scores: np.ndarray, threshold: float) -> dict[str, float | int]:
    """The figures of one model on these rows."""
    alert = scores.astype(np.float64) >= threshold
    hits = int((alert & is_fraud).sum())
    return {
        "averagePrecision": average_precision(is_fraud, scores),
        "auc": float(roc_auc_score(is_fraud, scores)),
        "threshold": threshold,
        "alerts": int(alert.sum()),
        "precision": hits / max(1, int(alert.sum())),
        "recall": hits / int(is_fraud.sum()),
    }


def choose_threshold(
    is_fraud: np.ndarray, scores: np.ndarray, alert_rate: float, precision: float | None
) -> float:
    """The lowest score, and so the highest recall, at which the rule still holds: at most this
    share of the payments alerts, or, if `precision` is given, at least this share of the alerts is
    fraud. Raises TRAINING_NO_THRESHOLD.
    """
    order = np.argsort(-scores, kind="stable")
    falling = scores[order].astype(np.float64)
    alerts = np.arange(1, len(falling) + 1)
    # Equal scores alert together: only the last of them is a choice.
    is_last = np.append(falling[1:] != falling[:-1], True)
    if precision is None:
        allowed = alerts <= alert_rate * len(falling)
        rule = f"at most {alert_rate:g} of the payments alert"
    else:
        allowed = np.cumsum(is_fraud[order]) / alerts >= precision
        rule = f"at least {precision:g} of the alerts are fraud"
    choices = np.flatnonzero(is_last & allowed)
    if len(choices) == 0:
        raise Refusal("TRAINING_NO_THRESHOLD", f"there is no threshold at which {rule}")
    return float(falling[choices[-1]])
