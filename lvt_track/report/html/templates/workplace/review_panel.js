// Below the slices: the chosen lesion, what was said, and saving it.

const element = (tag, text, more = {}) => Object.assign(document.createElement(tag), { textContent: text, ...more });
const button = (text, act) => {
  const one = element("button", text, { type: "button" });
  one.addEventListener("click", act);
  return one;
};

// Whose links could be meant: nothing further away is taken for the same by mistake.
const BESIDE_MM = 60;

const showReviewPanel = (place) => {
  showWorklist(place);
  showLesion(place);
  showRows(place);
};

const showLesion = (place) => {
  const { state: { lesion }, data } = place;
  const box = place.find(".lesion");
  if (!lesion) {
    box.replaceChildren(element("p", "Click a tumour on a slice, in a table or in 3D."));
    return;
  }
  const track = data.tracks.find((one) => one.number === lesion.track);
  const { date } = data.visits[lesion.visit];
  const head = element("h4", `${place.nameOf(lesion)} on ${date}`);
  const size = `${lesion.long_mm.toFixed(1)} × ${lesion.short_mm.toFixed(1)} mm, ${lesion.volume_ml.toFixed(2)} mL`;
  const facts = element("p", `${size}; lesion ${lesion.label} of that visit`, { className: "facts" });
  const hasCourse = place.visits.length > 1;
  const course = track && [hasCourse && track.state, track.reason].filter(Boolean).join(": ");
  if (course) facts.append(element("br", ""), element("span", course));

  const others = element("div", "", { className: "others" });
  for (const visit of place.visits) {
    const here = place.largestOf(lesion.track, visit.number);
    if (here && here !== lesion) others.append(button(visit.date, () => place.go(here)));
  }
  box.replaceChildren(head, facts, others, actionsOn(place, lesion), linksOf(place, lesion));
};

/** What can be said of a lesion. */
const actionsOn = (place, lesion) => {
  const { data, review } = place;
  const say = (...args) => review.say(...args);
  const actions = element("div", "", { className: "actions" });
  const ofTrack = data.lesions.filter((other) => other.track !== null && other.track === lesion.track);
  const shown = new Set(ofTrack.map(({ visit }) => visit)).size;
  const isNone = (lesions) => review.sayAll(lesions.map((first) => ({ action: "none", first })));
  if (shown > 1) actions.append(button(`Is no tumour (${shown} visits)`, () => isNone(ofTrack)));
  actions.append(
    button(shown > 1 ? "Is none here only" : "Is no tumour", () => isNone([lesion])),
    // At the first visit nothing is new.
    ...(lesion.visit > 0 ? [button("Is new", () => say("new", lesion))] : []),
    button("Target", () => say("target", lesion)),
    button("Non-target", () => say("non-target", lesion)),
    ...(lesion.visit > 0 ? [button("Has progressed", () => say("progression", lesion))] : []),
    ...unions(place, lesion),
    ...diameter(place, lesion),
    noteOn(place, lesion),
  );
  return actions;
};

/** A list of choices under a label; none where there is nothing to choose. */
const choice = (label, options, act) => {
  if (!options.length) return [];
  const select = element("select", "");
  select.setAttribute("aria-label", label);
  select.append(new Option(label, ""), ...options.map(([text, value]) => new Option(text, value)));
  select.addEventListener("change", () => {
    if (select.value) act(select.value);
  });
  return [select];
};

/** With which others a lesion is one, or that it is several. */
const unions = (place, lesion) => {
  const { data, review } = place;
  const distance = (other) => Math.abs(other.visit - lesion.visit);
  const elsewhere = data.tracks.filter(({ number }) => number !== lesion.track).map(({ number }) => ({
    number,
    nearest: data.lesions.filter((other) => other.track === number && other.visit !== lesion.visit)
      .sort((a, b) => distance(a) - distance(b) || a.visit - b.visit)[0],
  })).filter(({ nearest }) => nearest);
  const beside = data.lesions.filter((other) => other.visit === lesion.visit && other !== lesion);
  return [
    ...choice("Same as …", elsewhere.map(({ number }) => [`same as T${number}`, number]), (value) => {
      review.say("same", lesion, elsewhere.find(({ number }) => number === Number(value)).nearest);
    }),
    ...choice("Merge with …", beside.map((l) => [`merge with ${place.nameOf(l)} (lesion ${l.label})`, l.label]), (value) => {
      review.say("same", lesion, place.lesionAt.get(`${lesion.visit}/${value}`));
    }),
    ...choice("Split into …", [2, 3, 4, 5, 6, 7, 8, 9].map((n) => [`split into ${n}`, n]), (value) => {
      review.say("split", lesion, null, { parts: Number(value) });
    }),
  ];
};

/** Drawing a diameter, and taking what was drawn for the lesion's. */
const diameter = (place, lesion) => {
  const { state } = place;
  const measure = button(state.measuring ? "Drawing: drag on a slice" : "Draw a diameter", () => {
    state.measuring = !state.measuring;
    place.redraw();
  });
  measure.name = "measure";
  measure.setAttribute("aria-pressed", String(state.measuring));
  if (!state.caliper || state.caliper.visit !== lesion.visit) return [measure];
  const mm = length(minus(...state.caliper.ends)).toFixed(1);
  if (Number(mm) === 0) return [measure];
  return [measure, button(`Diameter is ${mm} mm`, () => {
    state.measuring = false;
    place.review.say("size", lesion, null, { long_axis_mm: mm });
  })];
};

const noteOn = (place, lesion) => {
  const note = element("input", "", { type: "text", placeholder: "A note, then Enter", maxLength: 500 });
  note.setAttribute("aria-label", "note");
  note.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && note.value.trim()) {
      place.review.say("note", lesion, null, { note: note.value.trim() });
    }
  });
  return note;
};

/** The links of a tumour, each to be called right or wrong, or exchanged with one beside it. */
const linksOf = (place, lesion) => {
  const list = element("ul", "", { className: "links" });
  const endsOf = (edge) => [edge.a, edge.b].map((key) => place.lesionAt.get(key.join("/")));
  for (const edge of place.data.edges) {
    const [a, b] = endsOf(edge);
    if (!a || !b || a.track !== lesion.track) continue;
    const [from, to] = [a, b].map((l) => place.data.visits[l.visit].date);
    const sure = edge.confidence === null ? "" : `, confidence ${edge.confidence.toFixed(2)}`;
    const item = element("li", "");
    item.append(
      button(`${from} → ${to}`, () => place.go(b)), element("small", ` ${edge.event}${sure} `),
      button("right", () => place.review.say("add", a, b)),
      button("wrong", () => place.review.say("remove", a, b)),
    );
    const apart = (one) => length(minus(one.common, b.common));
    const beside = place.data.edges.map(endsOf)
      .filter(([c, d]) => c && d && c.track !== a.track && c.visit === a.visit && d.visit === b.visit
        && length(minus(d.common, b.common)) < BESIDE_MM)
      .sort((one, other) => apart(one[1]) - apart(other[1]));
    for (const [c, d] of beside.slice(0, 2)) {
      item.append(button(`exchange with ${place.nameOf(d)}`, () => place.review.sayAll([
        { action: "remove", first: a, second: b }, { action: "remove", first: c, second: d },
        { action: "add", first: a, second: d }, { action: "add", first: c, second: b },
      ])));
    }
    list.append(item);
  }
  return list;
};

const showRows = (place) => {
  const { review } = place;
  const nameOf = (row, end) => {
    const lesion = review.lesionOf(row, end);
    return `${lesion ? place.nameOf(lesion) : `lesion ${row[`lesion_${end}`]}`} (${row[`date_${end}`]})`;
  };
  const items = review.rows.map((row) => {
    const item = element("li", review.words(row, nameOf));
    const who = [row.reader, row.time && row.time.replace("T", " ")].filter(Boolean).join(", ");
    item.append(element("small", `${row.earlier ? " said before" : ""}${who ? ` ${who}` : ""} `));
    item.append(button("take back", () => review.takeBack(row)));
    return item;
  });
  place.find(".rows").replaceChildren(...items);
  const rest = review.unsaidLinks(place.lesionAt);
  place.find("[name=rest]").hidden = !rest.length;
  place.find("[name=rest]").textContent = `The other ${rest.length} links are right`;
  place.find("[name=undo]").disabled = !review.undone.length;
  place.find("[name=save]").textContent = review.isSaved ? "Save corrections.csv"
    : `Save corrections.csv (${review.rows.length}, not saved)`;
};

const attachReviewPanel = (place) => {
  const { review, find } = place;
  find("[name=undo]").addEventListener("click", () => review.undo());
  find("[name=rest]").addEventListener("click", () => review.sayAll(review.unsaidLinks(place.lesionAt)));
  const reader = find("[name=reader]");
  review.reader = "";
  reader.addEventListener("input", () => { review.reader = reader.value.trim(); });
  find("[name=save]").addEventListener("click", () => {
    if (!review.reader) {
      reader.focus();
      reader.setCustomValidity("Who says so?");
      reader.reportValidity();
      reader.setCustomValidity("");
      return;
    }
    const url = URL.createObjectURL(new Blob([review.csv()], { type: "text/csv" }));
    const link = element("a", "", { href: url, download: "corrections.csv" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
    review.markSaved();
    showRows(place);
  });
  addEventListener("beforeunload", (event) => {
    if (!review.isSaved) event.preventDefault();
  });
};
