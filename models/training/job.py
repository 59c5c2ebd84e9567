"""Trains a model from raw files, start to end: features by the engine, labels, fit, gates, bundle.

    python3 models/training/job.py --input raw --out trained --against models/default
    python3 models/training/job.py --input s3://data/raw/ --out /var/lib/shrike \\
        --against /app/models/default --publish s3://data/models/

Leaves OUT/NAME-<first 12 of the model's id>/ with model.onnx, bundle.json and report.json, and
nothing else. Exit code 3: a gate refused the model; 1: something failed; 2: not understood.
"""
import argparse
import hashlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.dont_write_bytecode = True  # its own folder may be read-only, or a clone

from bucket import PUBLISHED, Prefix
from refusal import Refusal
from train import add_options, told, train

# The environment of an engine on Kafka must not reach this one; its key of card numbers may.
KEPT_VARIABLE = "SHRIKE_PAN_KEY"


class Shrike:
    """The program, on a data folder and a configuration of its own."""

    def __init__(self, command: str, work: Path) -> None:
        self._command = shlex.split(command)
        self._work = work
        (work / "shrike.json").write_text('{ "outputs": { "scored": false } }\n', "utf-8")

    def features(self, files: list[Path], more: list[str]) -> Path:
        out = self._work / "features"
        args = ["--source", "csv", "--until-end", "--no-listen", "--features", "parquet"]
        self._call(["run", *args, *self._raw(files), "--out", str(out), *more])
        return out / "features.parquet"

    def labels(self, files: list[Path], more: list[str]) -> Path:
        out = self._work / "clean"
        self._call(["clean", *self._raw(files), "--out", str(out), *more])
        return out / "transactions.csv"

    def bundle(self, folder: Path, name: str, threshold: float) -> dict:
        """Writes and checks bundle.json. Returns what it says about the bundle."""
        rows = folder / "probe-rows.csv"
        args = ["--name", name, "--rows", str(rows), "--threshold", repr(threshold), "--json"]
        facts = json.loads(self._call(["model", "bundle", str(folder), *args]))
        rows.unlink()
        return facts

    def _raw(self, files: list[Path]) -> list[str]:
        transactions, users, cards = map(str, files)
        return [
            *("--transactions", transactions, "--users", users, "--cards", cards),
            *("--data", str(self._work / "engine"), "--config", str(self._work / "shrike.json")),
        ]

    def _call(self, args: list[str]) -> str:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("SHRIKE_") or name == KEPT_VARIABLE
        }
        try:
            # Its progress is ours.
            done = subprocess.run(
                [*self._command, *args], env=kept, stdout=subprocess.PIPE, text=True, check=True
            )
        except (OSError, subprocess.CalledProcessError) as error:
            call = " ".join([*self._command, args[0]])
            raise Refusal("TRAINING_SHRIKE_FAILED", f"{call} failed: {error}") from error
        return done.stdout


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--input", required=True,
                        help="folder, or s3://BUCKET/PREFIX/, of raw files")
    parser.add_argument("--transactions", default="credit_card_transactions.csv", metavar="NAME")
    parser.add_argument("--users", default="sd254_users.csv", metavar="NAME")
    parser.add_argument("--cards", default="sd254_cards.csv", metavar="NAME")
    parser.add_argument("--rejects-max", type=int, help="raw rows that may be left out")
    parser.add_argument("--out", type=Path, required=True, help="gets the bundle's folder")
    parser.add_argument("--name", type=matching(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}"),
                        default="trained", help="the model's, before its id (default trained)")
    parser.add_argument("--publish", type=matching(r"s3://[^/]+(/.*)?"), metavar="S3_URL",
                        help="s3://BUCKET/PREFIX/ to put it into")
    parser.add_argument("--endpoint", help="of an object store that is not AWS's, as MinIO")
    parser.add_argument("--shrike", default="shrike", help="how to call it (default shrike)")
    add_options(parser)
    options = parser.parse_args()
    # As PID 1 there is no default for it; an exception ends Shrike and empties the work folder.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    return told("job", lambda: run(options))


def matching(pattern: str) -> Callable[[str], str]:
    def checked(text: str) -> str:
        if re.fullmatch(pattern, text):
            return text
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form {pattern}")

    return checked


def run(options: argparse.Namespace) -> None:
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(prefix=".work-", dir=options.out)
    except OSError as error:
        raise Refusal("TRAINING_OUTPUT", f"cannot write to {options.out}: {error}") from error
    with folder as work:
        bundle = make_bundle(options, Path(work))
    if options.publish is not None:
        print(f"published: {Prefix(options.publish, options.endpoint).publish(bundle)}")


def make_bundle(options: argparse.Namespace, work: Path) -> Path:
    """Returns its folder, which is there as a whole or not at all."""
    files = raw_files(options, work)
    more = [] if options.rejects_max is None else ["--rejects-max", str(options.rejects_max)]
    shrike = Shrike(options.shrike, work)
    say("features, by the engine")
    features = shrike.features(files, more)
    say("labels")
    labels = shrike.labels(files, more)
    say("fit")
    made = work / "bundle"
    report = train(features, labels, made, options)
    name = f"{options.name}-{digest(made / 'model.onnx')[:12]}"
    say("bundle")
    facts = shrike.bundle(made, name, report["later"]["threshold"])
    about = {key: facts[key] for key in ("name", "id", "featureSet")}
    hashes = {file.name: digest(file) for file in files}
    together = hashlib.sha256("".join(hashes.values()).encode()).hexdigest()
    data = {"sha256": together, "files": hashes}
    text = json.dumps({**about, "evaluatedBy": facts["by"], "data": data, **report}, indent=1)
    (made / "report.json").write_text(f"{text}\n", "utf-8")
    place = put(made, options.out / name)
    later, baseline = report["later"], report["baseline"] or {}
    print(f"{place}: {facts['by']}, threshold {later['threshold']:.4f}")
    for what, quality in ((name, later), (baseline.get("name"), baseline)):
        if quality:
            print(
                f"{what}: average precision {quality['averagePrecision']:.4f}, "
                f"AUC {quality['auc']:.4f}, precision {quality['precision']:.4f}, "
                f"recall {quality['recall']:.4f}, {quality['alerts']} alerts"
            )
    return place


def raw_files(options: argparse.Namespace, work: Path) -> list[Path]:
    """Raises TRAINING_INPUT, TRAINING_STORE."""
    names = [options.transactions, options.users, options.cards]
    if options.input.startswith("s3://"):
        say(f"fetching {options.input}")
        (work / "raw").mkdir()
        prefix = Prefix(options.input, options.endpoint)
        return [prefix.fetch(name, work / "raw") for name in names]
    files = [(Path(options.input) / name).resolve() for name in names]
    for file in files:
        if not file.is_file():
            raise Refusal("TRAINING_INPUT", f"there is no file {file}")
    return files


def put(made: Path, place: Path) -> Path:
    """Raises TRAINING_EXISTS if something else is there."""
    if not place.exists():
        return made.rename(place)
    for name in PUBLISHED:
        there = place / name
        if not there.is_file() or there.read_bytes() != (made / name).read_bytes():
            raise Refusal("TRAINING_EXISTS", f"{there} is another one")
    return place


def digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def say(stage: str) -> None:
    print(f"job: {stage}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
