"""The report's look at images that a stage made of a teacher."""

import base64

from pipeline.report.markup import Html, tag, thumbnail
from pipeline.report.stage_files import StageFiles

# The contact sheet in such a stage's folder.
SHEET = "sheet.png"


def made_figures(stage: StageFiles) -> list[Html]:
    """Show the contact sheet; an empty list where a stage has made no images.

    Args:
        stage: the stage.
    """
    path = None if stage.folder is None else stage.folder / SHEET
    if path is None or not path.is_file():
        return []
    encoded = base64.b64encode(path.read_bytes()).decode("ascii")
    caption = "Images made of the teacher alone; nobody was filmed for them."
    return [tag("figure", thumbnail(encoded, alt=f"images of {stage.name}"), tag("figcaption", caption))]
