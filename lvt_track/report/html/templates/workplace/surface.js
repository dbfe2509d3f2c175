// Surfaces of masks by naive surface nets: one vertex in each cell that the surface crosses.

/** Vertices (x, y, z in mm) and triangles of where `inside(index)` changes, or null where nowhere.
 * `every` skips voxels, for what is large needs no fine surface. */
const surfaceOf = (grid, inside, every) => {
  const size = grid.shape.map((n) => Math.floor((n - 1) / every) + 3);
  const [nx, ny, nz] = size, plane = nx * ny;
  const solid = new Uint8Array(plane * nz);
  const [sx, sy, sz] = grid.shape;
  let any = false;
  for (let z = 1; z < nz - 1; z++) {
    for (let y = 1; y < ny - 1; y++) {
      for (let x = 1; x < nx - 1; x++) {
        const ox = (x - 1) * every, oy = (y - 1) * every, oz = (z - 1) * every;
        if (ox < sx && oy < sy && oz < sz && inside(ox + sx * (oy + sy * oz))) {
          solid[x + nx * y + plane * z] = 1;
          any = true;
        }
      }
    }
  }
  if (!any) return null;

  const vertexOf = new Int32Array(plane * nz).fill(-1);
  const vertices = [];
  const corners = [0, 1, nx, nx + 1, plane, plane + 1, plane + nx, plane + nx + 1];
  for (let z = 0; z < nz - 1; z++) {
    for (let y = 0; y < ny - 1; y++) {
      for (let x = 0; x < nx - 1; x++) {
        const at = x + nx * y + plane * z;
        let count = 0, mask = 0;
        for (let c = 0; c < 8; c++) if (solid[at + corners[c]]) { count++; mask |= 1 << c; }
        if (count === 0 || count === 8) continue;
        let ex = 0, ey = 0, ez = 0, edges = 0;
        for (let c = 0; c < 8; c++) {
          for (const bit of [1, 2, 4]) {
            if (c & bit || !((mask >> c) & 1) === !((mask >> (c | bit)) & 1)) continue;
            ex += (c & 1) + (bit === 1 ? 0.5 : 0);
            ey += ((c >> 1) & 1) + (bit === 2 ? 0.5 : 0);
            ez += ((c >> 2) & 1) + (bit === 4 ? 0.5 : 0);
            edges++;
          }
        }
        vertexOf[at] = vertices.length / 3;
        vertices.push(x + ex / edges, y + ey / edges, z + ez / edges);
      }
    }
  }

  const triangles = [];
  const quad = (a, b, c, d, turned) => {
    if (turned) triangles.push(a, c, b, b, c, d);
    else triangles.push(a, b, c, b, d, c);
  };
  for (let z = 0; z < nz - 1; z++) {
    for (let y = 0; y < ny - 1; y++) {
      for (let x = 0; x < nx - 1; x++) {
        const at = x + nx * y + plane * z, here = solid[at];
        if (y && z && here !== solid[at + 1]) {
          quad(vertexOf[at - nx - plane], vertexOf[at - plane], vertexOf[at - nx], vertexOf[at], !here);
        }
        if (x && z && here !== solid[at + nx]) {
          quad(vertexOf[at - 1 - plane], vertexOf[at - plane], vertexOf[at - 1], vertexOf[at], here);
        }
        if (x && y && here !== solid[at + plane]) {
          quad(vertexOf[at - 1 - nx], vertexOf[at - nx], vertexOf[at - 1], vertexOf[at], !here);
        }
      }
    }
  }
  const smooth = smoothed(new Float32Array(vertices), triangles, 4);
  for (let i = 0; i < smooth.length; i++) {
    const k = i % 3;
    smooth[i] = grid.origin[k] + (smooth[i] - 1) * every * grid.spacing[k];
  }
  return { vertices: smooth, normals: normalsOf(smooth, triangles), triangles: new Uint32Array(triangles) };
};

/** Vertices drawn to the mean of their neighbours and back a little less (Taubin), so that steps of
 * voxels go and the size stays. */
const smoothed = (start, triangles, rounds) => {
  let points = start;
  for (let round = 0; round < 2 * rounds; round++) {
    const share = round % 2 ? -0.53 : 0.5;
    const sums = new Float32Array(points.length), counts = new Uint16Array(points.length / 3);
    for (let t = 0; t < triangles.length; t += 3) {
      for (let e = 0; e < 3; e++) {
        const a = triangles[t + e], b = triangles[t + ((e + 1) % 3)];
        for (let k = 0; k < 3; k++) {
          sums[3 * a + k] += points[3 * b + k];
          sums[3 * b + k] += points[3 * a + k];
        }
        counts[a]++;
        counts[b]++;
      }
    }
    const next = new Float32Array(points.length);
    for (let i = 0; i < points.length; i++) {
      const mean = sums[i] / counts[(i / 3) | 0];
      next[i] = points[i] + share * (mean - points[i]);
    }
    points = next;
  }
  return points;
};

const normalsOf = (points, triangles) => {
  const normals = new Float32Array(points.length);
  for (let t = 0; t < triangles.length; t += 3) {
    const [a, b, c] = [triangles[t], triangles[t + 1], triangles[t + 2]];
    const u = [0, 1, 2].map((k) => points[3 * b + k] - points[3 * a + k]);
    const v = [0, 1, 2].map((k) => points[3 * c + k] - points[3 * a + k]);
    const n = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
    for (const i of [a, b, c]) for (let k = 0; k < 3; k++) normals[3 * i + k] += n[k];
  }
  return normals;
};
