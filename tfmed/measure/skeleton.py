"""Centre lines of tubes, vessels and filaments: length, branches, tortuosity, thickness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse.csgraph import breadth_first_order, connected_components
from scipy.spatial import cKDTree
from skimage.morphology import skeletonize

WINDOW = 5  # points over which a branch is averaged, which takes the stairs of pixels off
ROUNDS = 5  # of cutting spurs, each of which may lay bare the next
# Points in a leaf of the border's tree: from the middle of a ball all are equally far, so that no
# branch of a finer tree can be left out.
LEAF = 128


@dataclass(frozen=True, eq=False)
class Branch:
    """A line between two ends or forks.

    Attributes:
        points: float64 `[N, axes]`, in the spacing's unit, smoothed.
        closed: whether it runs back to its beginning.
        free: whether one of its ends is no fork.
    """

    points: np.ndarray
    closed: bool
    free: bool

    @property
    def length(self) -> float:
        """Along the line."""
        path = np.vstack([self.points, self.points[:1]]) if self.closed else self.points
        return float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())

    @property
    def chord(self) -> float:
        """From end to end; 0 of a closed line."""
        return 0.0 if self.closed else float(np.linalg.norm(self.points[-1] - self.points[0]))


@dataclass(frozen=True, eq=False)
class Skeleton:
    """The centre line of one object.

    Attributes:
        branches: its lines.
        forks: points where three lines or more meet.
        ends: points where one line ends freely.
        places: int64 `[N, axes]`, its voxels.
    """

    branches: list[Branch]
    forks: int
    ends: int
    places: np.ndarray


def skeleton(mask: np.ndarray, spacing: tuple[float, ...], outline: np.ndarray) -> Skeleton:
    """The centre line of an object.

    Thinning after T. Y. Zhang and C. Y. Suen (1984) in the plane and T. C. Lee et al. (1994) in
    volumes, by scikit-image; it works on voxels, whatever their spacing. Spurs that do not leave
    the largest ball inside the object around their fork are artefacts of its rim and are cut.
    At a free end the line stops about one radius before the object does.

    Args:
        mask: bool `[H, W]` or `[D, H, W]`, one object.
        spacing: between centres, of each axis.
        outline: `[N, axes]`, points of its outline in the spacing's unit, for the radii.
    """
    thin = _thinned(mask)
    scale = np.asarray(spacing, float)
    tree = cKDTree(outline)
    for _ in range(ROUNDS):
        graph = _Graph(thin)
        spurs = graph.spurs(scale, tree)
        if not spurs:
            break
        thin[tuple(graph.places[np.concatenate(spurs)].T)] = False
        thin = _thinned(thin)  # a fork that has lost a line may be thick
    graph = _Graph(thin)
    branches = [_branch(graph, path, scale) for path in graph.paths]
    ends = int((graph.degree <= 1).sum()) if len(graph.places) > 1 else 0
    return Skeleton(branches, graph.forks, ends, graph.places)


def _thinned(mask: np.ndarray) -> np.ndarray:
    """The voxels of the centre line, at least one: of a block of four thinning leaves none."""
    thin: np.ndarray = skeletonize(np.pad(mask, 1))[(slice(1, -1),) * mask.ndim]
    if not thin.any():
        inside = ndimage.distance_transform_edt(np.pad(mask, 1))[(slice(1, -1),) * mask.ndim]
        thin = np.zeros(mask.shape, bool)
        thin[np.unravel_index(int(inside.argmax()), mask.shape)] = True
    return thin


def tortuosity(branches: list[Branch]) -> float | None:
    """Length over chord of the branches, weighted by length; None where all are closed.

    The arc-chord ratio: 1 of a straight line, pi / 2 of a half circle. Loops have no chord and
    are left out.
    """
    bent = [b for b in branches if b.chord > 0]
    total = sum(b.length for b in bent)
    return sum(b.length * b.length / b.chord for b in bent) / total if total else None


def thickness(
    found: Skeleton, mask: np.ndarray, spacing: tuple[float, ...], outline: np.ndarray
) -> np.ndarray:
    """The object's width at each point of the centre line, `[N]`, in the spacing's unit.

    Twice the radius of the largest ball inside the object whose middle is the point or one of
    its neighbours; thinning may leave a point up to a voxel off the middle. The radius is the
    distance to the outline, so that a line of single voxels is one voxel thick.

    Args:
        found: the centre line.
        mask: bool, the object.
        spacing: between centres.
        outline: as for `skeleton`.
    """
    padded = np.pad(mask, 1)
    steps = np.stack(np.meshgrid(*[(0, 1, 2)] * mask.ndim, indexing="ij"), -1)
    near = found.places[:, None] + steps.reshape(1, -1, mask.ndim)
    index = np.ravel_multi_index(tuple(np.moveaxis(near, -1, 0)), padded.shape)
    # Neighbours share neighbours: each is measured once, and only where it is inside.
    voxels, which = np.unique(index, return_inverse=True)
    inside = padded.reshape(-1)[voxels]
    places = np.stack(np.unravel_index(voxels[inside], padded.shape), -1) - 1
    radii = np.zeros(len(voxels))
    tree = cKDTree(outline, leafsize=LEAF)
    radii[inside] = tree.query(places * np.asarray(spacing))[0]
    return 2 * radii[which.reshape(index.shape)].max(axis=1)


def _branch(graph: _Graph, path: _Path, scale: np.ndarray) -> Branch:
    line = graph.places[path.points].astype(float) * scale
    ends = [graph.middles[fork] * scale for fork in path.forks]
    if path.closed:
        return Branch(_averaged(line, closed=True), closed=True, free=False)
    first = [ends[0]] if path.forks and path.begins else []
    last = ends[len(first) :]
    whole = np.vstack([*first, line, *last])
    closed = len(path.forks) == 2 and path.forks[0] == path.forks[1]
    return Branch(_averaged(whole, closed), closed, free=len(path.forks) < 2)


def _averaged(line: np.ndarray, closed: bool) -> np.ndarray:
    """The running mean of a line of points; its ends stay."""
    if closed:
        size = min(WINDOW, len(line))
        return ndimage.uniform_filter1d(line, size, axis=0, mode="wrap")
    if len(line) < 3:
        return line
    # Mirrored through its ends, so that these stay and straight lines stay straight.
    reach = min(WINDOW // 2, len(line) - 1)
    before = 2 * line[0] - line[reach:0:-1]
    after = 2 * line[-1] - line[-2 : -reach - 2 : -1]
    long = np.vstack([before, line, after])
    mean = ndimage.uniform_filter1d(long, 2 * reach + 1, axis=0)[reach : reach + len(line)]
    mean[0], mean[-1] = line[0], line[-1]
    return mean


@dataclass(frozen=True, eq=False)
class _Path:
    """Voxels between forks, in order, and the forks at its ends."""

    points: np.ndarray
    forks: list[int]
    begins: bool  # whether the first fork is at the beginning
    closed: bool


class _Graph:
    """A thin mask as voxels, their neighbours, forks and the paths between.

    Args:
        thin: bool, a skeleton.
    """

    def __init__(self, thin: np.ndarray) -> None:
        self.places = np.argwhere(thin)
        self.near = _neighbours(self.places)
        self.degree = np.diff(self.near.indptr)
        forking = np.flatnonzero(self.degree > 2)
        # Voxels of three neighbours that touch are one fork.
        self.forks, groups = connected_components(self.near[forking][:, forking], directed=False)
        self.fork_of = np.full(len(self.places), -1)
        self.fork_of[forking] = groups
        self.middles = [self.places[forking[groups == n]].mean(axis=0) for n in range(self.forks)]
        self.paths = self._paths(np.flatnonzero(self.degree <= 2))

    def spurs(self, scale: np.ndarray, tree: cKDTree) -> list[np.ndarray]:
        """The voxels of each free branch that ends inside the ball around its fork."""
        found = []
        for path in self.paths:
            if len(path.forks) == 1 and not path.closed:
                middle = self.middles[path.forks[0]] * scale
                tip = self.places[path.points[-1 if path.begins else 0]] * scale
                if np.linalg.norm(tip - middle) <= tree.query(middle)[0] + scale.min():
                    found.append(path.points)
        # A star of nothing but spurs is a ball: its fork alone would be left.
        whole = found and len(found) == len(self.paths)
        return sorted(found, key=len)[:-2] if whole else found

    def _paths(self, plain: np.ndarray) -> list[_Path]:
        count, groups = connected_components(self.near[plain][:, plain], directed=False)
        order = np.argsort(groups, kind="stable")
        parts = np.split(plain[order], np.searchsorted(groups[order], np.arange(1, count)))
        return [self._path(part) for part in parts if len(part)]

    def _path(self, part: np.ndarray) -> _Path:
        own = self.near[part][:, part]
        inside = np.diff(own.indptr)
        tips = np.flatnonzero(inside <= 1)
        start = int(tips[0]) if len(tips) else 0
        line = part[_walk(own, start)]
        first, last = (self._forks_beside(at) for at in (line[0], line[-1]))
        if len(line) == 1:
            forks = first[:2]
            return _Path(line, forks, bool(forks), closed=False)
        return _Path(line, first[:1] + last[:1], bool(first), closed=not len(tips))

    def _forks_beside(self, voxel: int) -> list[int]:
        beside = self.fork_of[self.near[[voxel]].indices]
        return list(dict.fromkeys(int(fork) for fork in beside if fork >= 0))


def _walk(own: sparse.csr_array, start: int) -> np.ndarray:
    """The voxels of a path or a ring in order."""
    order = breadth_first_order(own, start, return_predecessors=False)
    if np.diff(own.indptr).min(initial=2) >= 2 and len(order) > 2:
        # A ring is walked both ways at once: every second voxel is the way back.
        return np.concatenate([order[::2], order[1::2][::-1]])
    return order


def _neighbours(places: np.ndarray) -> sparse.csr_array:
    """Which voxels touch, without those joined by a third one by shorter steps."""
    count, axes = places.shape
    tree = cKDTree(places)
    touching = tree.query_pairs(np.sqrt(axes) + 0.1, output_type="ndarray")
    steps = np.abs(places[touching[:, 0]] - places[touching[:, 1]]).sum(axis=1)
    kept = sparse.csr_array((count, count), dtype=np.int8)
    for size in range(1, axes + 1):
        own = touching[steps == size]
        ends = np.concatenate([own, own[:, ::-1]])
        new = sparse.csr_array((np.ones(len(ends), np.int8), ends.T), shape=(count, count))
        if size > 1:
            # A diagonal beside a corner would make a fork of every stair.
            new = new - new.multiply((kept @ kept) > 0)
            new.eliminate_zeros()
        kept = kept + new
    return kept.tocsr()
