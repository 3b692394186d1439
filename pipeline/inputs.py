"""The artifacts that a stage reads: found by reference, hashed before and after, and their digests in its identity."""

from collections.abc import Mapping
from typing import Any

from pipeline.atomic_files import sha256_of_file
from pipeline.errors import ManifestError
from pipeline.manifest import ArtifactRef, read_manifest, removal_in_words
from pipeline.plan import ARTIFACT, PlannedStage
from pipeline.run_dir import RunDir


def collect_inputs(planned: PlannedStage, run_dir: RunDir) -> dict[str, ArtifactRef]:
    """Return the committed artifacts that a stage needs, each hashed.

    Raises:
        ManifestError: one is missing or is not what was committed.
    """
    inputs = {}
    for need in planned.needs:
        stage, _, role = need.partition(".")
        attempt = run_dir.stage(stage).current()
        if attempt is None:
            raise ManifestError(f"input {need} is missing", "", f"Run stage {stage} first")
        removed = removal_in_words(attempt)
        if removed:
            raise ManifestError(f"input {need} is not whole: {removed}", "", f"Run with --restart {stage}")
        inputs[need] = read_manifest(attempt).artifact(role, attempt)
    verify_inputs(inputs, "before the stage ran")
    return inputs


def verify_inputs(inputs: Mapping[str, ArtifactRef], when: str) -> None:
    """Hash all inputs.

    Raises:
        ManifestError: one is not what was committed.
    """
    for need, artifact in inputs.items():
        stage = need.partition(".")[0]
        if not artifact.path.is_file():
            raise ManifestError(f"input {need} ({artifact.path}) is missing {when}", "", f"Run with --restart {stage}")
        if sha256_of_file(artifact.path) != artifact.sha256:
            raise ManifestError(
                f"input {need} ({artifact.path}) was found changed {when}", "", f"Run with --restart {stage}"
            )


def input_records(inputs: Mapping[str, ArtifactRef], run_dir: RunDir) -> dict[str, dict[str, str]]:
    """Return what a manifest says about the inputs: role, digest, and the attempt that each came from."""
    records = {}
    for need, artifact in inputs.items():
        folder = run_dir.stage(need.partition(".")[0])
        origin = artifact.path.relative_to(folder.path).parts[0]
        records[need] = {"role": artifact.role, "sha256": artifact.sha256, "attempt": origin}
    return records


def resolved_identity(planned: PlannedStage, run_dir: RunDir) -> tuple[dict[str, Any], str]:
    """Put the digests of the committed inputs into an identity.

    Returns:
        The identity, and the first input that is absent in words; empty where all are there.
    """
    digests: dict[str, str] = {}
    absent = ""
    for need in planned.needs:
        stage, _, role = need.partition(".")
        try:
            attempt = run_dir.stage(stage).current()
            if attempt is None:
                absent = absent or f"input {need} is missing"
                continue
            digests[need] = read_manifest(attempt).artifact(role, attempt).sha256
        except ManifestError as error:
            absent = absent or f"input {need} can't be used: {error}"
    return _with_digests(planned.identity, digests), absent


def _with_digests(value: Any, digests: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        if set(value) == {ARTIFACT} and isinstance(value[ARTIFACT], str):
            return {"sha256": digests.get(value[ARTIFACT], "")}
        return {key: _with_digests(entry, digests) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_with_digests(entry, digests) for entry in value]
    return value
