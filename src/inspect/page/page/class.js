// One class.

function classPage(place) {
  const about = report.classes[place];
  const data = openClass(place);
  const cards = new Map();
  let lit = null;
  const light = (rank) => {
    if (lit !== null) cards.get(lit)?.classList.remove("lit");
    lit = rank;
    if (rank !== null) cards.get(rank)?.classList.add("lit");
  };
  const plot = data.points.x.length ? scatter(data, light) : null;
  const hover = plot ? plot.light : () => {};
  const grid = el("div", { class: "cards" }, data.cores.key.map((_, at) => {
    const made = card(data, at, hover);
    cards.set(data.cores.rank[at], made);
    return made;
  }));
  const item = (value, label) => el("li", null, el("b", null, value), el("span", null, label));
  const { x } = data.points;
  return [
    el("div", { class: "path" },
      el("a", { href: "#classes" }, "All classes"),
      turn(place - 1, "← Previous"), turn(place + 1, "Next →"),
      el("span", { class: "soft small" }, `${place + 1} of ${report.classes.length}`)),
    el("h1", { id: "top" }, className(about)),
    el("ul", { class: "figures" },
      item(count(about.images), "real images"), item(count(about.clusters), "clusters"),
      item(share(about.images ? about.noise / about.images : 0), "noise"), item(count(about.cores), "cores"),
      item(count(about.generated), "generated"), item(fixed(about.least_ratio, 3), "least distance ÷ spacing"),
      about.flagged === null ? null : item(count(about.flagged), "flagged")),
    el("h2", null, "How its cores were chosen"),
    data.log.length ? el("ol", { class: "log" }, data.log.map((line) => el("li", null, line))) : el("p", { class: "soft" }, "Its receipt says nothing."),
    data.origins.length ? el("p", { class: "soft small" }, "By origin: " + data.origins.map(([name, n]) => `${n} ${name}`).join(", ") + ".") : null,
    plot ? el("h2", null, "Where they lie") : null,
    plot ? el("p", { class: "soft small" }, `The first two principal components of the space that cores were chosen in${x.length < data.points.total ? `; ${count(x.length)} of ${count(data.points.total)} images, evenly taken, and all cores` : ""}.`) : null,
    plot ? plot.element : null,
    el("h2", null, "Cores and what was made of them"),
    grid,
  ].filter(Boolean);
}

function turn(place, text) {
  const there = place >= 0 && place < report.classes.length;
  return el("button", { type: "button", disabled: !there, onclick: () => { location.hash = `#class-${place}`; } }, text);
}

function card(data, at, hover) {
  const cores = data.cores;
  const rank = cores.rank[at];
  const one = (name) => cores[name][at];
  const shown = (row, name, label) => el("figure", null, thumb(data, row, at, label), el("figcaption", null, name));
  const compared = isNumber(one("distance"));
  const near = !compared ? null
    : one("near_key") === one("key") && one("near_shard") === one("shard") ? "Nearest real image: its core"
      : `Nearest real image: ${one("near_key")}${one("near_class") !== null ? `, class ${one("near_class")}` : ""}`;
  const own = compared && isNumber(one("own_distance"))
    ? `Nearest of its class: ${one("own_key")} at ${figure(one("own_distance"))}` : null;
  return el("article", {
    class: one("flagged") ? "card flagged" : "card", id: `core-${rank}`, tabindex: "0",
    onmouseenter: () => hover(rank), onmouseleave: () => hover(null), onfocus: () => hover(rank), onblur: () => hover(null),
  },
    el("header", null, el("b", null, `${rank}`), one("flagged") ? el("span", { class: "badge" }, "flagged") : null),
    el("div", { class: "trio" },
      shown(CORE, "core", `core ${rank}`),
      shown(GENERATED, one("generated") ? "generated" : "not generated", `generated image ${rank}`),
      shown(NEAREST, "nearest real", `nearest real image of image ${rank}`)),
    el("p", null, el("b", null, one("key")), el("span", { class: "soft" }, ` ${report.shards[one("shard")] ?? ""}`)),
    el("p", { class: "soft" }, `${one("origin")}, cluster of ${count(one("size"))}, probability ${fixed(one("probability"), 2)}`),
    one("retried") ? el("p", { class: "soft" }, "Made with a second seed, the first gave nothing.") : null,
    compared ? el("p", null, near, el("span", { class: "soft" }, `, distance ${figure(one("distance"))}, `), el("b", null, fixed(one("ratio"), 3)), el("span", { class: "soft" }, " of the spacing")) : null,
    own ? el("p", { class: "soft" }, own) : null,
    cores.members ? anchorMembers(data, at) : null);
}

/** The images that the anchor of a core is made of: the nearest as pictures, all as keys. */
function anchorMembers(data, at) {
  const [keys, all, group] = ["members", "member_count", "group_size"].map((name) => data.cores[name][at]);
  const pictures = [...keys.keys()].slice(0, MEMBERS).filter((i) => (data.cores.pictures[at] >> (MEMBER + i)) & 1);
  return el("details", { class: "members", open: true },
    el("summary", null, `Its anchor: ${plural(all, "member")}${group ? ` of a group of ${count(group)}` : ""}`),
    pictures.length ? el("div", { class: "trio" }, pictures.map((i) => thumb(data, MEMBER + i, at, `member ${keys[i]}`, 44))) : null,
    el("p", { class: "soft" }, keys.join(", ") + (keys.length < all ? `, … (${count(all - keys.length)} more)` : "")));
}
