"""The report's part on plain classifiers."""

from pipeline.report.page_classes import classes_block, classes_section
from pipeline.report.table import format_table

ROW = {
    "model": "kd.best", "role": "student_kd", "domain": "test", "stage": "score", "top1": 0.9, "top5": 1.0,
    "ece": 0.02, "nll": 0.3, "params": 1780, "macs": 33900, "top1_interval": [0.88, 0.92], "images": 1258,
    "agreement": None,
}  # fmt: skip
RESULTS = {"reid": [], "detection": [], "classification": [ROW, {**ROW, "role": "<b>", "top1": 0.8, "agreement": 0.7}]}


def test_without_classifiers_there_is_no_sentence():
    assert classes_block({"classification": []}) is None
    assert classes_block({}) is None


def test_the_best_is_named_with_how_many_it_was_compared_with():
    assert "student kd: 90.0\u00a0% of test images right, the best of 2 classifiers." in classes_block(RESULTS)


def test_rows_have_accuracy_with_its_interval_and_names_are_escaped():
    page = classes_section(RESULTS)
    assert "88.0 – 92.0" in page
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert "1258 images" in page


def test_the_table_of_the_terminal_has_them_too():
    text = format_table(RESULTS)
    assert text.splitlines()[0] == "Classification on the test · score · 1258 images"
    assert "Gap closed" not in text
