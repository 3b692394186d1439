"""The curve over magnitudes: what is run, and what becomes of the numbers."""

import pytest

from pipeline.errors import ConfigError
from pipeline.report.augmentation_curve import draw_augmentation_curve
from tests.smoke.test_classifier_stages import make_classes
from tests.smoke.tiny import make_config
from tools.augmentation_curve import gather, names_of, parse_arguments, table, varied


def make_options(*words: str):
    return parse_arguments(["config.yaml", "--magnitudes", "0,7.5", "--out", "out", *words])


def test_every_stage_is_run_at_every_magnitude_and_measured_last():
    tree = varied(make_classes(kd={"augment": {"preset": "shift"}}), make_options("--operations", "3"))
    names = names_of(make_options())
    assert list(names) == ["alone_m0", "alone_m7_5", "kd_m0", "kd_m7_5"]
    assert list(tree["stages"])[-1] == "score"
    policy = {"policy": "randaugment", "magnitude": 7.5, "operations": 3}
    assert tree["stages"]["kd_m7_5"]["augment"] == {"preset": "shift", **policy}
    assert tree["stages"]["score"]["models"]["kd_m7_5"] == "kd_m7_5.best"
    config = make_config(tree)
    assert config.stages["alone_m7_5"].augment.magnitude == 7.5


def test_a_stage_that_is_not_there_is_told():
    with pytest.raises(ConfigError, match="stages that augment: alone"):
        varied(make_classes(), make_options("--stages", "alne"))


def test_scores_are_gathered_over_seeds_and_drawn():
    names = names_of(make_options())
    results = [
        {"reid": [], "classification": [
            {"role": name, "domain": domain, "top1": 0.1 * seed + (0.2 if stage == "kd" else 0.0) + magnitude / 100}
            for domain in ("test", "other") for name, (stage, magnitude) in names.items()
        ]}
        for seed in (1, 2)
    ]  # fmt: skip
    scores, unit = gather(results, names, domain=None)
    assert unit == "top-1"
    assert scores["kd"][0.0] == pytest.approx([0.3, 0.4])
    lines = table(scores, unit=unit).splitlines()
    assert lines[0] == "| magnitude | alone, top-1 % | kd, top-1 % | kd - alone |"
    assert lines[2] == "| 0 | 15.0 ± 7.1 | 35.0 ± 7.1 | +20.0 |"
    svg = draw_augmentation_curve(scores, x_label="magnitude", y_label=unit)
    assert svg.startswith("<svg")
    assert svg == draw_augmentation_curve(scores, x_label="magnitude", y_label=unit)
