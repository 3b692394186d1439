"""Slow twin: crops of one person in turn over cameras."""


def camera_turns_by_loops(cameras: list[int], keys: list[float]) -> list[int]:
    remaining = {camera: [i for i, c in enumerate(cameras) if c == camera] for camera in cameras}
    order: list[int] = []
    while any(remaining.values()):
        turn = []
        for camera in sorted(remaining):
            if remaining[camera]:
                best = min(remaining[camera], key=lambda index: keys[index])
                remaining[camera].remove(best)
                turn.append(best)
        order += sorted(turn, key=lambda index: keys[index])
    return order
