// What a reader says of lesions and links, as rows of the table that `lvt report --corrections` reads.

const END = ["date", "lesion", "x_mm", "y_mm", "z_mm", "volume_ml", "voxels"];
const named = (column, end) => {
  const [what, unit] = column.split("_");
  return unit ? `${what}_${end}_${unit}` : `${what}_${end}`;
};
const COLUMNS = [
  "action", ...["a", "b"].flatMap((end) => END.map((column) => named(column, end))),
  "long_axis_mm", "parts", "note", "reader", "time",
];
const WORDS = {
  none: "is no tumour", new: "is new", target: "is a target", "non-target": "is no target",
  same: "is the same as", split: "is several", size: "measures", note: "note",
  add: "link is right", remove: "link is wrong",
};

class Review {
  /** `earlier` are rows that the run remembers; a saved table takes their place, so it holds them. */
  constructor(data, changed) {
    this.data = data;
    this.rows = data.corrections.map((row) => ({ ...row, earlier: true }));
    this.undone = [];
    this.isSaved = true;
    this.changed = changed;
  }

  /** The columns by which a lesion is known again. */
  lesion(lesion, end) {
    const [x, y, z] = lesion.place;
    const values = [
      this.data.visits[lesion.visit].date, lesion.label, x, y, z, lesion.volume_ml, lesion.voxels,
    ];
    return Object.fromEntries(END.map((column, k) => [named(column, end), values[k] ?? ""]));
  }

  say(action, first, second, more = {}) {
    this.sayAll([{ action, first, second, more }]);
  }

  /** Say things at once, as one step to undo; what was said of the same before and cannot stand
   * beside it gives way. */
  sayAll(statements) {
    const before = this.rows;
    for (const one of statements) {
      const row = this.row(one);
      this.rows = [...this.rows.filter((other) => !this.excludes(row, other)), row];
    }
    this.undone.push(before);
    this.touch();
  }

  row({ action, first, second, more = {} }) {
    const [a, b] = second && second.visit < first.visit ? [second, first] : [first, second];
    return {
      action, ...this.lesion(a, "a"), ...(b ? this.lesion(b, "b") : {}), ...more,
      reader: this.reader, time: new Date().toISOString().slice(0, 19),
    };
  }

  /** Whether a row says what a statement says. */
  says(row, { action, first, second }) {
    const is = (lesion, e) => row[`date_${e}`] === this.data.visits[lesion.visit].date && Number(row[`lesion_${e}`]) === lesion.label;
    return row.action === action && is(first, "a") && (!second || is(second, "b"));
  }

  holds(statements) {
    return statements.every((one) => this.rows.some((row) => this.says(row, one)));
  }

  takeBackAll(statements) {
    const before = this.rows;
    this.rows = before.filter((row) => !statements.some((one) => this.says(row, one)));
    this.undone.push(before);
    this.touch();
  }

  /** Links between lesions that are tumours, of which nothing was said. */
  unsaidLinks(lesionAt) {
    return this.data.edges.map(({ a, b }) => ({
      action: "add", first: lesionAt.get(a.join("/")), second: lesionAt.get(b.join("/")),
    })).filter((link) => {
      const row = this.row(link);
      return !this.rows.some((other) => this.excludes(row, other) || this.says(other, link));
    });
  }

  takeBack(row) {
    const before = this.rows;
    this.rows = before.filter((other) => other !== row);
    this.undone.push(before);
    this.touch();
  }

  undo() {
    if (!this.undone.length) return;
    this.rows = this.undone.pop();
    this.touch();
  }

  touch() {
    this.isSaved = false;
    this.changed();
  }

  /** Whether two rows contradict each other or say the same: `lvt report` would refuse them. */
  excludes(row, other) {
    const end = (r, e) => (r[`date_${e}`] ? `${r[`date_${e}`]}#${r[`lesion_${e}`]}` : "");
    const lesions = (r) => ["a", "b"].map((e) => end(r, e)).filter(Boolean);
    const is = (...actions) => (r) => actions.includes(r.action);
    const shared = lesions(row).some((one) => lesions(other).includes(one));
    if (!shared || row.action === "note" || other.action === "note") return false;
    if (is("none")(row) || is("none")(other)) return true;
    const ties = is("add", "remove", "same");
    if (ties(row) && ties(other)) return lesions(row).every((one) => lesions(other).includes(one));
    // What is new has no past; what it became is another matter.
    const begun = [row, other].find(is("new")), link = [row, other].find(is("add", "same"));
    if (begun && link) return end(link, "b") === end(begun, "a");
    const kind = (r) => (is("target", "non-target")(r) ? "role" : r.action);
    return kind(row) === kind(other) && !ties(row) && end(row, "a") === end(other, "a");
  }

  /** Rows that speak of a lesion. */
  about(lesion) {
    const { date } = this.data.visits[lesion.visit];
    return this.rows.filter((row) => ["a", "b"].some(
      (end) => row[`date_${end}`] === date && Number(row[`lesion_${end}`]) === lesion.label,
    ));
  }

  isNone(lesion) {
    return this.about(lesion).some((row) => row.action === "none");
  }

  words(row, nameOf) {
    const first = nameOf(row.date_a, Number(row.lesion_a));
    const second = row.date_b ? nameOf(row.date_b, Number(row.lesion_b)) : "";
    const value = row.long_axis_mm ? `${row.long_axis_mm} mm` : row.parts ? `${row.parts} lesions` : "";
    const parts = row.action === "add" || row.action === "remove"
      ? [first, "→", second, WORDS[row.action]] : [first, WORDS[row.action], second, value];
    return [...parts, row.note ? `“${row.note}”` : ""].filter(Boolean).join(" ");
  }

  /** The table; who saves it said what has no name yet. */
  csv() {
    for (const row of this.rows) if (!row.earlier && !row.reader) row.reader = this.reader;
    const quoted = (value) => {
      const text = value === undefined || value === null ? "" : String(value);
      return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
    const lines = [COLUMNS, ...this.rows.map((row) => COLUMNS.map((column) => row[column]))];
    return lines.map((line) => line.map(quoted).join(",")).join("\n") + "\n";
  }
}
