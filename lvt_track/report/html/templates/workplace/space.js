// The liver as glass with vessels and tumours in it, turned with the mouse. Needs WebGL2.

const VERTEX_SHADER = `#version 300 es
in vec3 place; in vec3 normal; uniform mat4 camera; uniform mat3 turn; out vec3 seen;
void main() { gl_Position = camera * vec4(place, 1.0); seen = turn * normal; }`;
const FRAGMENT_SHADER = `#version 300 es
precision mediump float; in vec3 seen; uniform vec4 color; out vec4 shade;
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
  const known = gl.getExtension("WEBGL_debug_renderer_info");
  const name = gl.getParameter(known ? known.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
  return /swiftshader|llvmpipe|software|basic render/i.test(name);
};

class SpaceView {
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

  /** What is shown: surfaces with r, g, b, a; the clear ones are drawn last. */
  show(surfaces) {
    const { gl } = this;
    for (const body of this.bodies) {
      gl.deleteVertexArray(body.array);
      for (const buffer of body.buffers) gl.deleteBuffer(buffer);
    }
    this.bodies = surfaces.map(({ surface, color }) => {
      const array = gl.createVertexArray();
      gl.bindVertexArray(array);
      const buffers = [["place", surface.vertices], ["normal", surface.normals]].map(([name, data]) => {
        const buffer = gl.createBuffer();
        const where = gl.getAttribLocation(this.program, name);
        gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
        gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
        gl.enableVertexAttribArray(where);
        gl.vertexAttribPointer(where, 3, gl.FLOAT, false, 0, 0);
        return buffer;
      });
      const index = gl.createBuffer();
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, index);
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, surface.triangles, gl.STATIC_DRAW);
      return { array, buffers: [...buffers, index], count: surface.triangles.length, color };
    });
    this.bodies.sort((a, b) => b.color[3] - a.color[3]);
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

  /** Pixel and depth (smaller is nearer) of a place. */
  project(p) {
    const { matrix: m } = this.camera();
    const [x, y, z] = [0, 1, 2].map((r) => m[r] * p[0] + m[4 + r] * p[1] + m[8 + r] * p[2] + m[12 + r]);
    return [((x + 1) / 2) * this.canvas.width, ((1 - y) / 2) * this.canvas.height, z];
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
    for (const { array, count, color } of this.bodies) {
      gl.depthMask(color[3] === 1);
      gl.uniform4fv(gl.getUniformLocation(this.program, "color"), color);
      gl.bindVertexArray(array);
      gl.drawElements(gl.TRIANGLES, count, gl.UNSIGNED_INT, 0);
    }
    gl.depthMask(true);
  }
}
