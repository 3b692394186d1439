"""Slow tracking: an eight-dimensional Kalman filter with matrices, tracks as dictionaries, choices by trying all."""

import itertools

import numpy as np


def loop_iou(a, b):
    width = max(min(a[2], b[2]) - max(a[0], b[0]), 0)
    height = max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    both = width * height
    whole = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both
    return both / whole if both > 0 else 0.0


def all_choices(num_rows, num_columns):
    """Every one-to-one choice of pairs, also those that leave some alone."""
    if num_rows == 0:
        yield []
        return
    for rest in all_choices(num_rows - 1, num_columns):
        yield rest
        taken = {column for _, column in rest}
        for column in range(num_columns):
            if column not in taken:
                yield [*rest, (num_rows - 1, column)]


def loop_best_choice(values):
    """Return the choice with the largest sum; `values` is a list of rows."""
    if not values:
        return []
    choices = all_choices(len(values), len(values[0]))
    return max(choices, key=lambda pairs: sum(values[i][j] for i, j in pairs))


class MatrixFilter:
    """The same filter of one box as one system of eight numbers: four places, then four speeds."""

    def __init__(self, box):
        z = self.measure(box)
        h = z[3]
        self.scale = h
        self.x = np.concatenate([z, np.zeros(4)])
        deviations = [h / 10, h / 10, 1e-2, h / 10, h / 16 * 30, h / 16 * 30, 3e-4, h / 16 * 30]
        self.p = np.diag(np.square(deviations))

    @staticmethod
    def measure(box):
        x1, y1, x2, y2 = (float(v) for v in box)
        return np.array([(x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) / (y2 - y1), y2 - y1])

    def advance(self, t):
        h = self.scale
        drift = np.diag(np.square([h / 20, h / 20, 1e-2, h / 20])) * 30
        turn = np.diag(np.square([h / 160 * 30, h / 160 * 30, 3e-4, h / 160 * 30])) * 30
        one = np.eye(4)
        f = np.block([[one, t * one], [np.zeros((4, 4)), one]])
        q = np.block([[t * drift + t**3 / 3 * turn, t**2 / 2 * turn], [t**2 / 2 * turn, t * turn]])
        self.x, self.p = f @ self.x, f @ self.p @ f.T + q

    def correct(self, box):
        z, h = self.measure(box), self.scale
        look = np.hstack([np.eye(4), np.zeros((4, 4))])
        r = np.diag(np.square([h / 20, h / 20, 1e-1, h / 20]))
        gain = self.p @ look.T @ np.linalg.inv(look @ self.p @ look.T + r)
        self.x = self.x + gain @ (z - look @ self.x)
        self.p = (np.eye(8) - gain @ look) @ self.p
        self.scale = z[3]

    def box(self):
        x, y, aspect, height = self.x[:4]
        height = max(height, 0)
        width = max(aspect, 0) * height
        return (x - width / 2, y - height / 2, x + width / 2, y + height / 2)

    def iou(self, other):
        grown = min(0.5 * self.p[0, 0] ** 0.5, 0.5 * self.scale)
        mine, its = ([v - grown for v in b[:2]] + [v + grown for v in b[2:]] for b in (self.box(), other))
        return loop_iou(mine, its)


def loop_pair(waiting, free, offered, least):
    """Give waiting tracks the best of the offered detections, which are then no longer free."""
    if not offered:
        return
    table = [[max(t["filter"].iou(free[j][1]) - least, 0) for j in offered] for t in waiting]
    for i, j in loop_best_choice(table):
        if table[i][j] > 0:
            waiting[i]["found"] = free.pop(offered[j])


def loop_look(tracks, free, seconds):
    """Correct what was found, and drop tracks that were not confirmed yet and not found."""
    kept = [t for t in tracks if t["found"] or t["number"]]
    for track in kept:
        track["fresh"] = track["found"] is not None
        if track["found"]:
            track["filter"].correct(track["found"][1])
            track["hits"] += 1
            track["seen"] = seconds
    return kept


def loop_track(frames, *, high=0.6, low=0.1, birth=0.7, hits=2, lost=1.0, gates=(0.2, 0.5, 0.3)):
    """Return for each frame the sorted list of (number, box); a frame is (seconds, [(score, box), ...])."""
    tracks, next_number, now, shown = [], 1, 0.0, []
    for seconds, detections in frames:
        detections = sorted(detections, key=lambda d: (-d[0], d[1][3], d[1][2], d[1][1], d[1][0]))
        tracks = [t for t in tracks if seconds - t["seen"] <= lost and seconds >= now]
        for track in tracks:
            track["filter"].advance(seconds - now)
            track["found"] = None
        free = dict(enumerate(detections))
        sure = [j for j, d in free.items() if d[0] >= high]
        loop_pair([t for t in tracks if t["number"]], free, sure, gates[0])
        doubtful = [j for j, d in free.items() if low <= d[0] < high]
        loop_pair([t for t in tracks if t["number"] and t["fresh"] and not t["found"]], free, doubtful, gates[1])
        sure = [j for j, d in free.items() if d[0] >= high]
        loop_pair([t for t in tracks if not t["number"]], free, sure, gates[2])
        tracks = loop_look(tracks, free, seconds)
        for detection in (d for d in free.values() if d[0] >= birth):
            fresh = {"filter": MatrixFilter(detection[1]), "hits": 1, "seen": seconds, "number": 0, "fresh": True}
            tracks.append({**fresh, "found": detection})
        for track in (t for t in tracks if not t["number"] and t["hits"] >= hits):
            track["number"], next_number = next_number, next_number + 1
        now = seconds
        shown.append(sorted((t["number"], tuple(t["found"][1])) for t in tracks if t["number"] and t["found"]))
    return shown


def loop_idf1(frames):
    """IDF1 by trying every choice of a person for each track; a frame is ([(person, box)], [(track, box)])."""
    persons = sorted({person for truth, _ in frames for person, _ in truth})
    tracks = sorted({track for _, found in frames for track, _ in found})
    table = [[0 for _ in tracks] for _ in persons]
    for truth, found in frames:
        for (person, a), (track, b) in itertools.product(truth, found):
            table[persons.index(person)][tracks.index(track)] += loop_iou(a, b) >= 0.5
    explained = sum(table[i][j] for i, j in loop_best_choice(table)) if tracks else 0
    total = sum(len(truth) + len(found) for truth, found in frames)
    return 2 * explained / total if total else 1.0


def loop_clear(frames):
    """Misses, false boxes and switches: pairs of the frame before first, then the best of the rest."""
    previous, latest, counts = {}, {}, [0, 0, 0]
    for truth, found in frames:
        pairs = {}
        for (i, (person, a)), (j, (track, b)) in itertools.product(enumerate(truth), enumerate(found)):
            if previous.get(person) == track and loop_iou(a, b) >= 0.5:
                pairs[i] = j
        rest = [i for i in range(len(truth)) if i not in pairs]
        free = [j for j in range(len(found)) if j not in pairs.values()]
        table = [[loop_iou(truth[i][1], found[j][1]) for j in free] for i in rest]
        table = [[value if value >= 0.5 else 0.0 for value in row] for row in table]
        for i, j in loop_best_choice(table) if free else []:
            if table[i][j] > 0:
                pairs[rest[i]] = free[j]
        previous = {truth[i][0]: found[j][0] for i, j in pairs.items()}
        counts[2] += sum(person in latest and latest[person] != track for person, track in previous.items())
        latest.update(previous)
        counts[0] += len(truth) - len(pairs)
        counts[1] += len(found) - len(pairs)
    return counts


def loop_hidden(boxes):
    """Share of each box that boxes ending lower cover, counted pair by pair."""
    found = []
    for a in boxes:
        covered = 0.0
        for b in boxes:
            if b[3] > a[3]:
                width = max(min(a[2], b[2]) - max(a[0], b[0]), 0)
                covered += width * max(min(a[3], b[3]) - max(a[1], b[1]), 0)
        found.append(min(covered / ((a[2] - a[0]) * (a[3] - a[1])), 1.0))
    return found


def loop_farthest(points, number, first):
    """Each next point is the one whose nearest chosen point is farthest away."""
    chosen = [first]
    while len(chosen) < min(number, len(points)):
        rest = [i for i in range(len(points)) if i not in chosen]
        apart = {
            i: min(sum((a - b) ** 2 for a, b in zip(points[i], points[j], strict=True)) for j in chosen) for i in rest
        }
        chosen.append(max(rest, key=lambda i: (apart[i], -i)))
    return chosen
