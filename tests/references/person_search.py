"""Person search by loops: AP of one query, stays of people, and whom tracklets show."""


def ap_and_recall(distances, is_match, scenes, num_scenes):
    """Return the AP over detected boxes and the share of scenes in which the person was found."""
    ranked = sorted(range(len(distances)), key=lambda i: (distances[i], i))
    seen, hits, total = set(), 0, 0.0
    for rank, box in enumerate(ranked, start=1):
        if is_match[box] and scenes[box] not in seen:
            seen.add(scenes[box])
            hits += 1
            total += hits / rank
    return (total / hits if hits else 0.0), hits / num_scenes


def stays(rows, rates, gap_seconds, least_seconds):
    """Return (camera, person, first, last) of each stay; `rows` are (camera, frame, person)."""
    found = []
    for camera, person in sorted({(camera, person) for camera, _, person in rows}):
        frames = sorted(frame for c, frame, p in rows if (c, p) == (camera, person))
        run = [frames[0]]
        for frame in [*frames[1:], None]:
            if frame is not None and frame - run[-1] <= gap_seconds * rates[camera]:
                run.append(frame)
                continue
            if len(run) >= least_seconds * rates[camera]:
                found.append((camera, person, run[0], run[-1]))
            run = [frame]
    return found


def iou(one, other):
    """Return the intersection over union of two xyxy boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return shared / (sum(areas) - shared)
