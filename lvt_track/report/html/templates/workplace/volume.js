// Scans, masks and how visits lie on each other; places are LPS mm, in the order x, y, z.

const PARTS = { liver: 1, vessels: 2, cysts: 4, portal: 8, hepatic: 16, resection: 32 };

const inflate = async (text) => {
  const packed = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
};

const minus = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const plus = (a, b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
const length = (a) => Math.hypot(a[0], a[1], a[2]);

/** Bounding boxes of all lesions of a visit, in one pass. */
const boxesOf = ({ labels, grid: { shape: [nx, ny] } }) => {
  const boxes = new Map();
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i];
    if (!label) continue;
    const at = [i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))];
    const box = boxes.get(label);
    if (!box) boxes.set(label, [at.slice(), at.slice()]);
    else for (let k = 0; k < 3; k++) {
      box[0][k] = Math.min(box[0][k], at[k]);
      box[1][k] = Math.max(box[1][k], at[k]);
    }
  }
  return boxes;
};

class Visit {
  constructor(facts, number, offsetStep) {
    Object.assign(this, {
      number, date: facts.date, phase: facts.phase, linked: facts.linked, reason: facts.reason,
      grid: facts.grid, facts, offsetStep,
    });
  }

  async load() {
    const { facts } = this;
    const [grey, parts, labels, offsets] = await Promise.all(
      [facts.grey, facts.parts, facts.labels, facts.map && facts.map.offsets].map((t) => t && inflate(t)),
    );
    this.grey = new Uint8Array(grey);
    // Each value was packed as its difference to the one before it.
    for (let i = 1, last = this.grey[0]; i < this.grey.length; i++) {
      last = (last + this.grey[i]) & 255;
      this.grey[i] = last;
    }
    this.parts = new Uint8Array(parts);
    this.labels = new Uint16Array(labels);
    this.map = offsets && { grid: facts.map.grid, offsets: new Int16Array(offsets) };
    this.boxes = boxesOf(this);
    this.facts = null;
  }

  /** Where a place of the common frame lies in this visit. */
  toScan(p) {
    return this.map ? plus(p, this.offset(p)) : p.slice();
  }

  /** The place of the common frame that lies here: found by iterating, for offsets change slowly. */
  toCommon(q) {
    if (!this.map) return q.slice();
    let p = minus(q, this.offset(q));
    for (let k = 0; k < 12; k++) p = minus(q, this.offset(p));
    return p;
  }

  offset(p) {
    const { grid: { origin, spacing, shape }, offsets } = this.map;
    const base = [0, 0, 0], share = [0, 0, 0];
    for (let k = 0; k < 3; k++) {
      const at = Math.min(Math.max((p[k] - origin[k]) / spacing[k], 0), shape[k] - 1);
      base[k] = Math.min(Math.floor(at), Math.max(shape[k] - 2, 0));
      share[k] = at - base[k];
    }
    const sum = [0, 0, 0];
    for (let corner = 0; corner < 8; corner++) {
      let weight = 1, index = 0;
      for (let k = 2; k >= 0; k--) {
        const up = (corner >> k) & 1;
        weight *= up ? share[k] : 1 - share[k];
        index = index * shape[k] + Math.min(base[k] + up, shape[k] - 1);
      }
      if (weight) for (let k = 0; k < 3; k++) sum[k] += weight * offsets[3 * index + k];
    }
    return sum.map((s) => s * this.offsetStep);
  }

  /** Continuous voxel index x, y, z of one of this visit's own places. */
  index(q) {
    const { origin, spacing } = this.grid;
    return [0, 1, 2].map((k) => (q[k] - origin[k]) / spacing[k]);
  }

  voxel(q) {
    const { shape } = this.grid;
    const [x, y, z] = this.index(q).map(Math.round);
    const inside = x >= 0 && y >= 0 && z >= 0 && x < shape[0] && y < shape[1] && z < shape[2];
    return inside ? x + shape[0] * (y + shape[1] * z) : -1;
  }

  labelAt(q) {
    const at = this.voxel(q);
    return at < 0 ? 0 : this.labels[at];
  }
}
