// Fewer triangles for the same surface: vertices in flat places are drawn onto a neighbour.

/** Collapses edges by the quadric error of Garland and Heckbert (SIGGRAPH 1997): a vertex goes to
 * the neighbour that lies nearest to the planes around both, as long as that is less than
 * `tolerance` mm (root mean square). Vertices that stay keep their place and their normal, so
 * shading stays that of the fine surface. In each round no two neighbours go. */
const decimated = ({ vertices, normals, triangles }, tolerance) => {
  const total = vertices.length / 3, corners = Uint32Array.from(triangles);
  const quadrics = quadricsOf(vertices, corners, total);
  let live = corners.length;
  for (let before = Infinity; live < 0.95 * before;) {
    before = live;
    collapseRound(vertices, corners.subarray(0, live), quadrics, tolerance ** 2);
    live = compacted(corners, live);
  }
  const numberOf = new Int32Array(total).fill(-1), kept = [];
  const faces = corners.slice(0, live);
  for (let t = 0; t < live; t++) {
    if (numberOf[faces[t]] < 0) numberOf[faces[t]] = kept.push(faces[t]) - 1;
    faces[t] = numberOf[faces[t]];
  }
  const chosen = (values) => Float32Array.from({ length: 3 * kept.length }, (_, i) => values[3 * kept[(i / 3) | 0] + (i % 3)]);
  return { vertices: chosen(vertices), normals: chosen(normals), triangles: faces };
};

/** Triangles of three different vertices, first; how many indices they take. */
const compacted = (corners, live) => {
  let end = 0;
  for (let t = 0; t < live; t += 3) {
    const [a, b, c] = [corners[t], corners[t + 1], corners[t + 2]];
    if (a === b || b === c || a === c) continue;
    corners[end++] = a; corners[end++] = b; corners[end++] = c;
  }
  return end;
};

const crossOf = (p, a, b, c) => {
  const [ux, uy, uz] = [p[3 * b] - p[3 * a], p[3 * b + 1] - p[3 * a + 1], p[3 * b + 2] - p[3 * a + 2]];
  const [vx, vy, vz] = [p[3 * c] - p[3 * a], p[3 * c + 1] - p[3 * a + 1], p[3 * c + 2] - p[3 * a + 2]];
  return [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
};

/** For each vertex the planes of its triangles, weighted by area: the symmetric 4 × 4 matrix by its
 * ten entries, and the area. */
const quadricsOf = (vertices, corners, total) => {
  const quadrics = new Float64Array(11 * total);
  for (let t = 0; t < corners.length; t += 3) {
    const [nx, ny, nz] = crossOf(vertices, corners[t], corners[t + 1], corners[t + 2]);
    const area = Math.hypot(nx, ny, nz);
    if (!area) continue;
    const k = 3 * corners[t], [a, b, c] = [nx / area, ny / area, nz / area];
    const d = -(a * vertices[k] + b * vertices[k + 1] + c * vertices[k + 2]);
    const plane = [a * a, a * b, a * c, a * d, b * b, b * c, b * d, c * c, c * d, d * d, 1];
    for (let e = 0; e < 3; e++) for (let i = 0; i < 11; i++) quadrics[11 * corners[t + e] + i] += area * plane[i];
  }
  return quadrics;
};

/** Mean square distance of vertex `u` from the planes around `v` and around itself. */
const collapseCost = (q, p, v, u) => {
  const [x, y, z] = [p[3 * u], p[3 * u + 1], p[3 * u + 2]], sum = (i) => q[11 * v + i] + q[11 * u + i];
  const square = x * (sum(0) * x + 2 * (sum(1) * y + sum(2) * z + sum(3)))
    + y * (sum(4) * y + 2 * (sum(5) * z + sum(6))) + z * (sum(7) * z + 2 * sum(8)) + sum(9);
  return square / sum(10);
};

const collapseRound = (vertices, corners, quadrics, limit) => {
  const total = vertices.length / 3;
  const starts = new Uint32Array(total + 1);
  for (const v of corners) starts[v + 1]++;
  for (let v = 0; v < total; v++) starts[v + 1] += starts[v];
  const fill = starts.slice(), touching = new Uint32Array(corners.length);
  for (let i = 0; i < corners.length; i++) touching[fill[corners[i]]++] = i - (i % 3);
  const isTaken = new Uint8Array(total);
  const ringOf = (v) => {
    const ring = [];
    for (let i = starts[v]; i < starts[v + 1]; i++) {
      for (let e = 0; e < 3; e++) {
        const u = corners[touching[i] + e];
        if (u !== v && !ring.includes(u)) ring.push(u);
      }
    }
    return ring;
  };
  for (let v = 0; v < total; v++) {
    if (isTaken[v] || starts[v] === starts[v + 1]) continue;
    const ring = ringOf(v);
    let best = -1, least = limit;
    for (const u of ring) {
      if (isTaken[u]) { best = -1; break; }
      const cost = collapseCost(quadrics, vertices, v, u);
      if (cost < least) [best, least] = [u, cost];
    }
    if (best < 0 || !isSafe(v, best, ring, ringOf(best))) continue;
    for (let i = 0; i < 11; i++) quadrics[11 * best + i] += quadrics[11 * v + i];
    for (let i = starts[v]; i < starts[v + 1]; i++) {
      for (let e = 0; e < 3; e++) if (corners[touching[i] + e] === v) corners[touching[i] + e] = best;
    }
    for (const u of ring) isTaken[u] = 1;
  }

  /** Whether no thin branch is pinched off, and no triangle turns over. */
  function isSafe(v, u, ring, other) {
    let common = 0;
    for (const w of other) if (ring.includes(w)) common++;
    if (common !== 2) return false;
    for (let i = starts[v]; i < starts[v + 1]; i++) {
      const three = [0, 1, 2].map((e) => corners[touching[i] + e]);
      if (three.includes(u)) continue;
      const now = crossOf(vertices, ...three);
      const then = crossOf(vertices, ...three.map((w) => (w === v ? u : w)));
      const along = now[0] * then[0] + now[1] * then[1] + now[2] * then[2];
      if (along < 0.5 * Math.hypot(...now) * Math.hypot(...then)) return false;
    }
    return true;
  }
};
