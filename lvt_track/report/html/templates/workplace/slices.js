// One slice of one visit on a canvas: grey values in a window, outlines, calipers, crosshair.

const PLANES = {
  axial: { right: 0, down: 1, through: 2, sign: 1, marks: ["R", "L", "A", "P"] },
  coronal: { right: 0, down: 2, through: 1, sign: -1, marks: ["R", "L", "H", "F"] },
  sagittal: { right: 1, down: 2, through: 0, sign: -1, marks: ["A", "P", "H", "F"] },
};
const BLOCK = 8;
// Lesion labels follow above these bits: what a plan adds is not outlined here.
const OUTLINED = PARTS.liver | PARTS.vessels | PARTS.cysts;
const INK = { liver: [255, 255, 255], vessels: [176, 148, 255], cysts: [64, 214, 190] };

const packed = ([r, g, b]) => (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;

/** Grey of the screen for every stored value. */
const windowTable = (hu, [level, width]) => {
  const table = new Uint32Array(256);
  for (let value = 0; value < 256; value++) {
    const share = (hu[0] + value * hu[1] - (level - width / 2)) / width;
    const grey = Math.round(255 * Math.min(Math.max(share, 0), 1));
    table[value] = packed([grey, grey, grey]);
  }
  return table;
};

class SliceView {
  /** `colorOf(visit, label)` gives the r, g, b of a lesion's outline. */
  constructor(canvas, visit, colorOf) {
    // Every pixel is computed here, so the picture stays with the processor.
    Object.assign(this, { canvas, visit, colorOf, context: canvas.getContext("2d", { willReadFrequently: true }) });
  }

  resize(width, height) {
    const { canvas } = this;
    if (canvas.width === width && canvas.height === height) return;
    canvas.width = width;
    canvas.height = height;
    this.image = this.context.createImageData(width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.codes = new Int32Array(width * height);
  }

  /** Own place at a pixel; `view` says centre, plane, mm per pixel and whether to warp. */
  place(view, x, y) {
    const { right, down, sign } = PLANES[view.plane];
    const step = view.mm;
    const p = view.centre.slice();
    p[right] += (x - this.canvas.width / 2) * step;
    p[down] += sign * (y - this.canvas.height / 2) * step;
    return view.warped ? this.visit.toScan(p) : p;
  }

  /** Pixel of a place in the frame that is shown. */
  pixel(view, p) {
    const { right, down, sign } = PLANES[view.plane];
    return [
      this.canvas.width / 2 + (p[right] - view.centre[right]) / view.mm,
      this.canvas.height / 2 + (sign * (p[down] - view.centre[down])) / view.mm,
    ];
  }

  draw(view, table, shown) {
    this.sample(view, table);
    this.outline(shown);
    this.context.putImageData(this.image, 0, 0);
  }

  /** Grey values by linear interpolation, labels of the nearest voxel. Places are computed at the
   * corners of blocks and interpolated between, for the registration bends slowly. */
  sample(view, table) {
    const { width, height } = this.canvas;
    const { grey, parts, labels, grid: { shape: [nx, ny, nz] } } = this.visit;
    const { pixels, codes } = this;
    const columns = Math.ceil(width / BLOCK) + 1, rows = Math.ceil(height / BLOCK) + 1;
    const corners = new Float32Array(3 * columns * rows);
    for (let j = 0; j < rows; j++) {
      for (let i = 0; i < columns; i++) {
        corners.set(this.visit.index(this.place(view, i * BLOCK, j * BLOCK)), 3 * (j * columns + i));
      }
    }
    const plane = nx * ny, black = table[0];
    for (let y = 0; y < height; y++) {
      const j = Math.floor(y / BLOCK), v = (y % BLOCK) / BLOCK;
      for (let i = 0; i < columns - 1; i++) {
        const a = 3 * (j * columns + i), b = a + 3, c = a + 3 * columns, d = c + 3;
        let px = corners[a] + v * (corners[c] - corners[a]);
        let py = corners[a + 1] + v * (corners[c + 1] - corners[a + 1]);
        let pz = corners[a + 2] + v * (corners[c + 2] - corners[a + 2]);
        const dx = (corners[b] + v * (corners[d] - corners[b]) - px) / BLOCK;
        const dy = (corners[b + 1] + v * (corners[d + 1] - corners[b + 1]) - py) / BLOCK;
        const dz = (corners[b + 2] + v * (corners[d + 2] - corners[b + 2]) - pz) / BLOCK;
        const end = Math.min((i + 1) * BLOCK, width);
        for (let x = i * BLOCK, k = y * width + x; x < end; x++, k++, px += dx, py += dy, pz += dz) {
          if (px < -0.5 || py < -0.5 || pz < -0.5 || px > nx - 0.5 || py > ny - 0.5 || pz > nz - 0.5) {
            pixels[k] = black;
            codes[k] = 0;
            continue;
          }
          const fx = px < 0 ? 0 : px > nx - 1 ? nx - 1 : px, x0 = fx | 0, tx = fx - x0;
          const fy = py < 0 ? 0 : py > ny - 1 ? ny - 1 : py, y0 = fy | 0, ty = fy - y0;
          const fz = pz < 0 ? 0 : pz > nz - 1 ? nz - 1 : pz, z0 = fz | 0, tz = fz - z0;
          const sx = x0 < nx - 1 ? 1 : 0, sy = y0 < ny - 1 ? nx : 0, sz = z0 < nz - 1 ? plane : 0;
          const at = x0 + nx * y0 + plane * z0;
          let low = grey[at] + tx * (grey[at + sx] - grey[at]);
          let up = grey[at + sy] + tx * (grey[at + sy + sx] - grey[at + sy]);
          let value = low + ty * (up - low);
          if (tz > 0.01 && sz) {
            low = grey[at + sz] + tx * (grey[at + sz + sx] - grey[at + sz]);
            up = grey[at + sz + sy] + tx * (grey[at + sz + sy + sx] - grey[at + sz + sy]);
            value += tz * (low + ty * (up - low) - value);
          }
          pixels[k] = table[(value + 0.5) | 0];
          const near = ((fx + 0.5) | 0) + nx * ((fy + 0.5) | 0) + plane * ((fz + 0.5) | 0);
          codes[k] = (labels[near] << 3) | (parts[near] & OUTLINED);
        }
      }
    }
  }

  /** Pixels whose neighbour to the right or below is of something else. */
  outline(shown) {
    const { width, height } = this.canvas;
    const { pixels, codes } = this;
    const kinds = ["liver", "vessels", "cysts"].filter((name) => shown[name]);
    const inks = kinds.map((name) => packed(INK[name]));
    const lesions = new Map();
    for (let y = 0; y < height - 1; y++) {
      for (let k = y * width, end = k + width - 1; k < end; k++) {
        const a = codes[k], b = codes[k + 1], c = codes[k + width];
        if (a === b && a === c) continue;
        if (shown.tumours && (a >> 3 !== b >> 3 || a >> 3 !== c >> 3)) {
          const label = Math.max(a >> 3, b >> 3, c >> 3);
          if (!lesions.has(label)) lesions.set(label, packed(this.colorOf(this.visit.number, label)));
          pixels[k] = lesions.get(label);
          continue;
        }
        for (let n = 0; n < kinds.length; n++) {
          const bit = PARTS[kinds[n]];
          if ((a ^ b) & bit || (a ^ c) & bit) pixels[k] = inks[n];
        }
      }
    }
  }
}
