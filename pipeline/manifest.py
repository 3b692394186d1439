"""The record that a finished attempt leaves: what came out, of what, with hashes; its existence is the commit."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline.atomic_files import checked_relative, read_json, regular_files, sha256_of_file, write_json
from pipeline.errors import ManifestError

SCHEMA = 1
MANIFEST = "manifest.json"
FAILURE = "failure.json"
# What was deleted of a committed attempt on purpose; see `retention`.
REMOVED = "removed.json"
# Written beside the outputs, but not part of what came out.
NOT_OUTPUTS = ("attempt.json", FAILURE, MANIFEST, REMOVED)
RESUME = "resume"


class UnknownSchemaError(ManifestError):
    """The manifest was written by a newer program."""


@dataclass(frozen=True)
class ArtifactRef:
    """One artifact of a stage.

    Args:
        role: what it is for the stage that made it (`best`, `last`).
        path: absolute path in memory; inside a manifest it is stored relative to the attempt.
        sha256: hexadecimal digest of its content.
        meta: what its reader has to know about it.
    """

    role: str
    path: Path
    sha256: str
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StageManifest:
    """What one attempt was made of and what it left.

    Args:
        stage: the stage's name.
        kind: the stage's kind.
        fingerprint: SHA-256 of `identity`.
        identity: the canonical document that the fingerprint stands for.
        inputs: by reference: role, sha256 and the attempt it came from.
        data: by data set: digest of the listing, whether labels were read.
        outputs: by role: path, sha256, meta.
        files: SHA-256 of every file of the attempt by relative name.
        metrics: the stage's summary.
        run: times, host, attempt.
        code: commit, whether the tree was clean, digest of the sources.
        schema: version of this record.
    """

    stage: str
    kind: str
    fingerprint: str
    identity: Mapping[str, Any]
    inputs: Mapping[str, Mapping[str, Any]]
    data: Mapping[str, Mapping[str, Any]]
    outputs: Mapping[str, Mapping[str, Any]]
    files: Mapping[str, str]
    metrics: Mapping[str, Any]
    run: Mapping[str, Any]
    code: Mapping[str, Any]
    schema: int = SCHEMA

    def artifact(self, role: str, attempt: Path) -> ArtifactRef:
        """Return one output as an absolute reference.

        Raises:
            ManifestError: the attempt has no such role, or its path leaves the attempt.
        """
        if role not in self.outputs:
            raise ManifestError(f"{attempt} has no output {role!r}", f"one of {sorted(self.outputs)}")
        entry = self.outputs[role]
        return ArtifactRef(role, checked_relative(attempt, entry["path"]), entry["sha256"], entry["meta"])


def hash_outputs(attempt: Path) -> dict[str, str]:
    """Force every output file of an attempt to the disk and return the hashes by relative name."""
    names = [name for name in regular_files(attempt) if name not in NOT_OUTPUTS and not name.startswith(RESUME + "/")]
    return {name: sha256_of_file(attempt / name, sync=True) for name in names}


def write_manifest(attempt: Path, manifest: StageManifest) -> None:
    """Commit an attempt."""
    for name in manifest.files:
        checked_relative(attempt, name)
    write_json(attempt / MANIFEST, asdict(manifest))


def read_manifest(attempt: Path) -> StageManifest:
    """Read an attempt's manifest and check its form, not its files.

    Raises:
        UnknownSchemaError: the schema is not one that this program knows.
        ManifestError: the manifest is absent or malformed.
    """
    content = read_json(attempt / MANIFEST)
    if content.get("schema") != SCHEMA:
        raise UnknownSchemaError(f"unknown schema {content.get('schema')}", f"schema {SCHEMA}", "Update the program")
    names = StageManifest.__dataclass_fields__
    if set(content) != set(names):
        odd = sorted(set(content) ^ set(names))
        raise ManifestError(f"file {MANIFEST}: missing or unknown keys {odd}")
    for name in ("stage", "kind", "fingerprint"):
        if not isinstance(content[name], str):
            raise ManifestError(f"file {MANIFEST}: {name} is not a text")
    for name in ("identity", "inputs", "data", "outputs", "files", "metrics", "run", "code"):
        if not isinstance(content[name], dict):
            raise ManifestError(f"file {MANIFEST}: {name} is not an object")
    _check_outputs(content["outputs"], content["files"])
    return StageManifest(**content)


def verify_files(attempt: Path, manifest: StageManifest) -> None:
    """Hash every file that a manifest lists; one that was deleted on purpose need not be there.

    Raises:
        ManifestError: a file is missing or altered; the first one is named.
    """
    removed = removal_of(attempt).get("files", {})
    for name, digest in sorted(manifest.files.items()):
        path = checked_relative(attempt, name)
        if removed.get(name) == digest and not path.exists():
            continue
        if not path.is_file():
            raise ManifestError(f"file {name} is missing")
        if sha256_of_file(path) != digest:
            raise ManifestError(f"file {name}: sha256 differs")


def removal_of(attempt: Path) -> dict[str, Any]:
    """Return what was deleted of an attempt on purpose: `keep`, `time`, and digests by name in `files`; {} of nothing.

    Raises:
        ManifestError: the note is damaged.
    """
    if not (attempt / REMOVED).exists():
        return {}
    note = read_json(attempt / REMOVED)
    if not isinstance(note.get("files"), dict) or not isinstance(note.get("keep"), str):
        raise ManifestError(f"file {REMOVED}: keep or files is missing")
    return note


def removal_in_words(attempt: Path) -> str:
    """Return what was deleted of an attempt on purpose, in a clause; empty of nothing."""
    note = removal_of(attempt)
    return f"{len(note['files'])} files removed by --keep {note['keep']}" if note else ""


def _check_outputs(outputs: Mapping[str, Any], files: Mapping[str, Any]) -> None:
    for role, entry in outputs.items():
        if not isinstance(entry, dict) or set(entry) != {"path", "sha256", "meta"}:
            raise ManifestError(f"file {MANIFEST}: output {role!r} lacks path, sha256 or meta")
        if files.get(entry["path"]) != entry["sha256"]:
            raise ManifestError(f"file {MANIFEST}: output {role!r} is not among the files, or under another hash")
