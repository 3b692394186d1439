"""Slow twins: crops of one person in turn over cameras, and of one camera in turn over tracklets."""


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


def tracklet_turns_by_loops(tracklets: list[int], keys: list[float]) -> list[int]:
    numbers = [number if number >= 0 else -1 - position for position, number in enumerate(tracklets)]
    return camera_turns_by_loops(numbers, keys)
