// What to look at first, each with the answers that one click gives; a second click takes it back.

const statementsOf = (place, answer) => answer.rows.map(({ action, a, b, parts }) => ({
  action, first: place.lesionAt.get(a.join("/")), second: b && place.lesionAt.get(b.join("/")), more: parts ? { parts } : {},
}));

const isAnswered = (place, doubt) => doubt.answers.some((one) => place.review.holds(statementsOf(place, one)));

const goToDoubt = (place, number) => {
  const doubt = place.data.worklist[number];
  place.state.doubt = number;
  const lesion = doubt.lesion && place.lesionAt.get(doubt.lesion.join("/"));
  if (lesion) place.go(lesion);
  else place.redraw();
  const item = place.find(".worklist .current");
  if (item) item.scrollIntoView({ block: "nearest" });
};

/** To the next thing in the list, or the one before, that nothing was said of. */
const leafDoubts = (place, way) => {
  const { data: { worklist }, state } = place;
  let at = state.doubt ?? (way > 0 ? -1 : worklist.length);
  for (at += way; at >= 0 && at < worklist.length; at += way) {
    if (!isAnswered(place, worklist[at])) {
      goToDoubt(place, at);
      return;
    }
  }
};

/** The answer of this number to the thing that is looked at. */
const answerDoubt = (place, number) => {
  const doubt = place.data.worklist[place.state.doubt];
  if (doubt && doubt.answers[number]) giveAnswer(place, doubt.answers[number]);
};

const giveAnswer = (place, answer) => {
  const statements = statementsOf(place, answer);
  if (place.review.holds(statements)) place.review.takeBackAll(statements);
  else place.review.sayAll(statements);
};

const showWorklist = (place) => {
  const { data: { worklist, visits }, review, state } = place;
  const items = worklist.map((doubt, number) => {
    const item = element("li", "");
    const open = button(doubt.title, () => goToDoubt(place, number));
    open.className = "title";
    const answers = doubt.answers.map((answer) => {
      const one = button(answer.label, () => giveAnswer(place, answer));
      one.setAttribute("aria-pressed", String(review.holds(statementsOf(place, answer))));
      return one;
    });
    const box = element("span", "", { className: "answers" });
    box.append(...answers);
    item.append(open, box, element("small", doubt.text));
    item.classList.toggle("done", isAnswered(place, doubt));
    item.classList.toggle("current", number === state.doubt);
    return item;
  });
  const none = visits.length > 1 ? "lvt is in doubt of no tumour and no link. It may be wrong all the same."
    : "lvt is in doubt of no tumour. It may be wrong all the same.";
  const list = place.find(".worklist");
  const top = list.scrollTop;
  list.replaceChildren(...(items.length ? items : [element("li", none)]));
  list.scrollTop = top;
  const open = worklist.filter((doubt) => doubt.answers.length);
  const said = open.filter((doubt) => isAnswered(place, doubt)).length;
  place.find(".answered").textContent = open.length ? `${said} of ${open.length} answered` : "";
};
