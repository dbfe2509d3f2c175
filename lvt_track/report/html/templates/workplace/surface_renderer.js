// The liver as glass with vessels and tumours in it, turned with the mouse. Needs WebGL2.

const VERTEX_SHADER = `#version 300 es
in vec3 place; in vec3 normal; in vec4 tint; uniform mat4 camera; uniform mat3 turn; out vec3 seen; out vec4 color;
void main() { gl_Position = camera * vec4(place, 1.0); seen = turn * normal; color = tint; }`;
const FRAGMENT_SHADER = `#version 300 es
precision mediump float; in vec3 seen; in vec4 color; out vec4 shade;
void main() {
  float light = abs(normalize(seen).z);
  // Glass is clearer where one looks straight through it.
  float alpha = color.a < 1.0 ? color.a * (1.35 - light) : 1.0;
  shade = vec4(color.rgb * (0.35 + 0.65 * light) * alpha, alpha);
}`;

/** Whether WebGL is drawn by the processor, as on many remote desktops. */
const isSoftware = () => {
  const gl = document.createElement("canvas").getContext("webgl2");
  if (!gl) return false;
  const extension = gl.getExtension("WEBGL_debug_renderer_info");
  const name = gl.getParameter(extension ? extension.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
  return /swiftshader|llvmpipe|software|basic render/i.test(name);
};

/** Several coloured surfaces as one, each vertex with its own r, g, b, a. */
const joined = (surfaces) => {
  const total = (name) => surfaces.reduce((sum, { surface }) => sum + surface[name].length, 0);
  const vertices = new Float32Array(total("vertices")), normals = new Float32Array(vertices.length);
  const tints = new Uint8Array((vertices.length / 3) * 4), triangles = new Uint32Array(total("triangles"));
  let first = 0, corner = 0;
  for (const { surface, color } of surfaces) {
    vertices.set(surface.vertices, 3 * first);
    normals.set(surface.normals, 3 * first);
    triangles.set(surface.triangles.map((k) => k + first), corner);
    const count = surface.vertices.length / 3;
    const tint = color.map((share) => Math.round(255 * share));
    for (let k = first; k < first + count; k++) tints.set(tint, 4 * k);
    first += count;
    corner += surface.triangles.length;
  }
  return { vertices, normals, tints, triangles };
};

class SurfaceRenderer {
  /** Throws where the browser has no WebGL2. */
  constructor(canvas) {
    this.canvas = canvas;
    // Smooth edges take a processor three times as long, and it has no time for every pixel.
    const software = isSoftware();
    this.fineness = software ? 0.75 : 1;
    this.gl = canvas.getContext("webgl2", { antialias: !software, alpha: true });
    if (!this.gl) throw new Error("this browser shows no WebGL2");
    this.program = this.link();
    Object.assign(this, { azimuth: 0.35, tilt: -0.2, zoom: 1, bodies: [], centre: [0, 0, 0], radius: 100 });
  }

  link() {
    const { gl } = this;
    const program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX_SHADER], [gl.FRAGMENT_SHADER, FRAGMENT_SHADER]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
    return program;
  }

  /** What is shown: surfaces with r, g, b, a; the clear ones are drawn last. All solid ones are one
   * body: a processor that draws takes longer to begin with a body than to draw a small tumour. */
  show(surfaces) {
    const { gl } = this;
    for (const body of this.bodies) {
      gl.deleteVertexArray(body.array);
      for (const buffer of body.buffers) gl.deleteBuffer(buffer);
    }
    const solid = surfaces.filter(({ color }) => color[3] === 1);
    const clear = surfaces.filter(({ color }) => color[3] < 1).sort((a, b) => b.color[3] - a.color[3]);
    const groups = [solid, ...clear.map((one) => [one])].filter((group) => group.length);
    this.bodies = groups.map((group) => this.body(joined(group), group[0].color[3] === 1));
  }

  body({ vertices, normals, tints, triangles }, isSolid) {
    const { gl } = this;
    const array = gl.createVertexArray();
    gl.bindVertexArray(array);
    const attributes = [["place", vertices, 3, gl.FLOAT, false], ["normal", normals, 3, gl.FLOAT, false],
      ["tint", tints, 4, gl.UNSIGNED_BYTE, true]];
    const buffers = attributes.map(([name, values, size, type, isShare]) => {
      const buffer = gl.createBuffer();
      const where = gl.getAttribLocation(this.program, name);
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
      gl.enableVertexAttribArray(where);
      gl.vertexAttribPointer(where, size, type, isShare, 0, 0);
      return buffer;
    });
    const index = gl.createBuffer();
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, index);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, triangles, gl.STATIC_DRAW);
    return { array, buffers: [...buffers, index], count: triangles.length, isSolid };
  }

  /** The patient's axes to the screen: left to the right, head up, seen from the front. */
  camera() {
    const [ca, sa, ct, st] = [Math.cos(this.azimuth), Math.sin(this.azimuth), Math.cos(this.tilt), Math.sin(this.tilt)];
    const right = [ca, sa, 0];
    const up = [sa * st, -ca * st, ct];
    const toward = [sa * ct, -ca * ct, -st];
    const s = (1.35 * this.zoom) / this.radius;
    const wide = this.canvas.height / this.canvas.width;
    const row = (axis, scale) => [...axis.map((v) => v * scale), -scale * axis.reduce((t, v, k) => t + v * this.centre[k], 0)];
    const rows = [row(right, s * Math.min(wide, 1)), row(up, s * Math.min(1 / wide, 1)), row(toward, (-0.4 * s) / this.zoom), [0, 0, 0, 1]];
    const matrix = new Float32Array(16);
    for (let r = 0; r < 4; r++) for (let c = 0; c < 4; c++) matrix[4 * c + r] = rows[r][c];
    const turn = new Float32Array(9);
    [right, up, toward].forEach((axis, r) => axis.forEach((v, c) => { turn[3 * c + r] = v; }));
    return { matrix, turn };
  }

  /** Gives pixel and depth (smaller is nearer) of places, as the camera stands now. */
  projection() {
    const { matrix: m } = this.camera();
    const { width, height } = this.canvas;
    return (p) => {
      const [x, y, z] = [0, 1, 2].map((r) => m[r] * p[0] + m[4 + r] * p[1] + m[8 + r] * p[2] + m[12 + r]);
      return [((x + 1) / 2) * width, ((1 - y) / 2) * height, z];
    };
  }

  draw() {
    const { gl, canvas } = this;
    const { matrix, turn } = this.camera();
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.useProgram(this.program);
    gl.uniformMatrix4fv(gl.getUniformLocation(this.program, "camera"), false, matrix);
    gl.uniformMatrix3fv(gl.getUniformLocation(this.program, "turn"), false, turn);
    gl.enable(gl.DEPTH_TEST);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    for (const { array, count, isSolid } of this.bodies) {
      gl.depthMask(isSolid);
      gl.bindVertexArray(array);
      gl.drawElements(gl.TRIANGLES, count, gl.UNSIGNED_INT, 0);
    }
    gl.depthMask(true);
  }
}
