"""Every way training can end without a model: a stable code, and what to do about it."""

FAILED = 1
REFUSED = 3

# Nothing is broken: the data, or the model, is not good enough. The engine keeps the model it has.
GATES = {
    "TRAINING_TOO_FEW_FRAUDS": (
        "Train on a longer time, or on more users; --frauds-min is the limit."
    ),
    "TRAINING_NO_THRESHOLD": "Ask for less: another --precision, or --alert-rate.",
    "TRAINING_NOT_BETTER": (
        "Keep the bundle there is; a longer time or newer payments may do better."
    ),
    "TRAINING_ONNX_DIFFERS": (
        "Train with the versions of requirements.txt; never release this model."
    ),
}
FAILURES = {
    "TRAINING_INPUT": (
        "Name a folder or prefix with the three raw files; --transactions, --users and --cards "
        "are their names in there."
    ),
    "TRAINING_ROWS_MISMATCH": (
        "Make features and labels from the same three files, with one version of Shrike."
    ),
    "TRAINING_BASELINE": "Name a bundle for the features of this Shrike: `shrike model check DIR`.",
    "TRAINING_SHRIKE_FAILED": "What it says is above; docs/errors.md has its codes.",
    "TRAINING_EXISTS": (
        "Nothing is overwritten: that model is there, use it, or choose another place."
    ),
    "TRAINING_STORE": (
        "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, the role, --endpoint, and "
        "the rights on the prefix."
    ),
    "TRAINING_OUTPUT": "Choose a folder that this user can write to: --out DIR.",
}


class Refusal(Exception):
    """What happened, and where; the tables above say what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def exit_code(self) -> int:
        return REFUSED if self.code in GATES else FAILED

    def __str__(self) -> str:
        return f"{super().__str__()} [{self.code}]\n  {(GATES | FAILURES)[self.code]}"
