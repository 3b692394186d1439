"""The shape of a run's configuration; what a stage adds to it stands in that stage's own file."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, StringConstraints, model_validator

from pipeline.config.references import ComponentName, Operational, Reference, SilentDefault

# Names become folder names and the two halves of `stage.role`.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=64)]
RunName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]


class StrictModel(BaseModel):
    """A record that refuses unknown keys and checks its own defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, protected_namespaces=())


class RuntimeConfig(StrictModel):
    """How the run is carried out on this machine."""

    device: Operational[Literal["auto", "cpu", "cuda"]] = "auto"
    workers: Operational[int] = Field(default=0, ge=0)
    threads: Operational[int | None] = Field(default=None, ge=1)
    amp: Literal["off", "bf16", "fp16"] = "off"
    channels_last: Operational[bool] = False
    compile: Operational[bool] = False
    # Keeps the inputs of a learning network's blocks alone and computes the rest again in the backward pass.
    gradient_checkpointing: Operational[bool] = False
    # With `local`, statistics are those of each process' own rows and numbers depend on how many processes there are.
    batch_norm: Annotated[Literal["local", "sync", "virtual"], SilentDefault("local")] = "local"
    virtual_batch: Annotated[int | None, SilentDefault(None)] = Field(default=None, ge=2)
    log_every_seconds: Operational[float] = Field(default=10.0, gt=0)
    checkpoint_every_seconds: Operational[float | None] = Field(default=600.0, gt=0)
    checkpoint_every_steps: Operational[int | None] = Field(default=None, ge=1)
    # A process that hears nothing of another one for so long stops.
    timeout_seconds: Operational[float] = Field(default=600.0, gt=0)
    embedding_cache: Operational[str | None] = Field(default=None, min_length=1)
    run_root: Operational[str] = Field(default="runs", min_length=1)

    @model_validator(mode="after")
    def _nothing_in_vain(self) -> "RuntimeConfig":
        if (self.batch_norm == "virtual") != (self.virtual_batch is not None):
            raise ValueError("virtual_batch belongs to batch_norm virtual, which needs it")
        if self.compile and (self.gradient_checkpointing or self.batch_norm != "local"):
            raise ValueError("compile goes with neither gradient_checkpointing nor batch_norm sync or virtual")
        return self


class DataConfig(StrictModel):
    """One data set: the reader's name and the reader's own arguments.

    `root: null` with `optional: true` says that this data is not given: what needs it is skipped. With
    `from: people.tracklets` a stage of the same run makes it: the folder of that artifact is the root.
    """

    model_config = ConfigDict(extra="allow", frozen=True, validate_default=True)

    kind: Annotated[str, ComponentName("data")]
    # Where the files lie says nothing about what they hold: the listing's digest stands in the fingerprint instead.
    root: Operational[str | None] = None
    optional: Operational[bool] = False
    made_by: Annotated[str | None, Reference("artifact"), SilentDefault(None)] = Field(default=None, alias="from")

    @model_validator(mode="after")
    def _one_origin(self) -> "DataConfig":
        if self.made_by is not None and self.root is not None:
            raise ValueError(f"from is {self.made_by} and root {self.root}; give one of them")
        return self

    @property
    def is_given(self) -> bool:
        """Return whether the data can be read at all."""
        return not (self.optional and "root" in self.model_fields_set and self.root is None)

    @property
    def arguments(self) -> dict[str, Any]:
        """Return the reader's keyword arguments."""
        arguments = dict(self.model_extra or {})
        if "root" in self.model_fields_set:
            arguments["root"] = self.root
        return arguments


class ModelConfig(StrictModel):
    """One network.

    `weights` is `scratch`, `pretrained` (the weights that come with the architecture) or a file; `embedding: null`
    keeps the width of the trunk.
    """

    arch: str = Field(min_length=1)
    size: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]
    embedding: int | None = Field(default=512, ge=1)
    pooling: Annotated[str, ComponentName("pooling")] = "gem"
    # 'none' is a plain classifier: a linear layer on the pooled vector, the trunk as published.
    neck: Literal["bnneck", "none"] = "bnneck"
    ibn: Literal["a", "b", "none"] = "none"
    weights: str = Field(default="scratch", min_length=1)
    args: dict[str, Any] = Field(default_factory=dict)
    # Factors on the channels and on the blocks of each stage of the trunk.
    width: Annotated[float, SilentDefault(1.0)] = Field(default=1.0, gt=0)
    depth: Annotated[float, SilentDefault(1.0)] = Field(default=1.0, gt=0)
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    # Of the same RGB pixels that other networks get, in training as in evaluation.
    sees: Annotated[Literal["rgb", "grey", "infrared"], SilentDefault("rgb")] = "rgb"

    @model_validator(mode="after")
    def _weights_that_fit(self) -> "ModelConfig":
        if self.weights == "pretrained" and (self.width, self.depth) != (1, 1):
            raise ValueError("the hub's weights fit no other width or depth than 1; take weights: scratch")
        return self


class DetectorConfig(StrictModel):
    """One pedestrian detector; `size` is the largest height and width that frames are scaled to."""

    detector: Literal["faster_rcnn", "fcos"]
    arch: str = Field(min_length=1)
    size: tuple[Annotated[int, Field(ge=32)], Annotated[int, Field(ge=32)]]
    strides: tuple[int, ...] = Field(default=(8, 16, 32), min_length=1)
    pyramid_width: int = Field(default=128, ge=1)
    head_width: int = Field(default=128, ge=1)
    head_depth: int = Field(default=2, ge=1)
    region_size: int = Field(default=7, ge=1)
    # Further arguments of this kind of detector, such as anchors or the radius of centre sampling.
    options: dict[str, Any] = Field(default_factory=dict)
    ibn: Literal["a", "b", "none"] = "none"
    weights: str = Field(default="scratch", min_length=1)
    args: dict[str, Any] = Field(default_factory=dict)
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None


class VideoConfig(StrictModel):
    """One network of clips; `coupled` has a spatial and a temporal head over one trunk."""

    video: Literal["coupled"]
    arch: str = Field(min_length=1)
    size: tuple[Annotated[int, Field(ge=8)], Annotated[int, Field(ge=8)]]
    embedding: int = Field(default=256, ge=1)
    pooling: Annotated[str, ComponentName("pooling")] = "gem"
    ibn: Literal["a", "b", "none"] = "none"
    weights: str = Field(default="scratch", min_length=1)
    args: dict[str, Any] = Field(default_factory=dict)
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None


AnyModelConfig = ModelConfig | DetectorConfig | VideoConfig


class StageConfig(StrictModel):
    """What every stage's settings have; each stage kind derives its own from this."""

    kind: str

    @property
    def withheld_roles(self) -> tuple[str, ...]:
        """Return the roles of its kind that a stage with these settings does not leave."""
        return ()


class RunConfig(StrictModel):
    """A whole run."""

    schema_version: Literal[1] = Field(alias="schema")
    name: RunName
    seed: int = Field(default=0, ge=0, le=2**63 - 1)
    runtime: RuntimeConfig = RuntimeConfig()
    data: dict[Name, DataConfig] = Field(default_factory=dict)
    models: dict[Name, AnyModelConfig] = Field(default_factory=dict)
    stages: dict[Name, SerializeAsAny[StageConfig]] = Field(min_length=1)

    def to_tree(self) -> dict[str, Any]:
        """Return the resolved configuration as plain values, the way it is stored beside the run."""
        tree = self.model_dump(mode="json", by_alias=True)
        # A root that nobody gave must not come back as a root that is null: not every kind of data has one.
        for name, data in self.data.items():
            if "root" not in data.model_fields_set:
                tree["data"][name].pop("root")
            if data.made_by is None:
                tree["data"][name].pop("from")
        return tree
