// The whole run on one page.

const PAGE = 24;
let galleryPage = 0;

/** A section with its heading; the side list is made from these. */
function section(id, title, ...content) {
  return el("section", { "aria-labelledby": id }, el("h2", { id }, title), ...content);
}

function heading() {
  const totals = report.totals;
  const item = (value, label) => el("li", null, el("b", null, value), el("span", null, label));
  return el("header", { id: "top" },
    el("h1", null, report.name),
    el("p", { class: "soft" }, report.about),
    el("ul", { class: "figures" },
      item(count(totals.classes), "classes"), item(count(totals.images), "real images"),
      item(count(totals.cores), "cores"), item(count(totals.generated), "generated images"),
      item(duration(totals.seconds), "at work"), item(bytes(totals.bytes), "written")));
}

function stages() {
  const lane = (stage) => {
    const bars = stage.spans.map(([from, to]) => el("i", { style: {
      left: `${(100 * from) / report.span}%`, width: `${(100 * (to - from)) / report.span}%`,
    }, title: `${duration(from)} to ${duration(to)}` }));
    const stops = report.stops.map((at) => el("b", { style: { left: `${(100 * at) / report.span}%` }, title: "a run ended here" }));
    return el("div", { class: "lane" }, bars, stops);
  };
  const rows = report.stages.map((stage) => [
    stage.name, `${count(stage.done)} of ${stage.total === null ? "?" : count(stage.total)}`, count(stage.samples), count(stage.skipped),
    duration(stage.wall), duration(stage.seconds), bytes(stage.bytes), report.span > 0 ? lane(stage) : "",
  ]);
  return section("stages", "Stages",
    table([["stage"], ["units", true], ["samples", true], ["skipped", true], ["time", true], ["of all units", true], ["bytes", true], ["when"]], rows, true),
    el("p", { class: "soft small" }, `Time is that of the clock, without pauses between runs${report.stops.length ? " (dashed lines)" : ""}; units of a stage work side by side.`));
}

function workers() {
  const all = report.workers;
  if (!all.length) return null;
  const rows = all.map((one) => [one.worker, one.state || NOTHING, one.host || NOTHING, count(one.starts), count(one.units), count(one.failed),
    one.units ? duration(one.seconds / one.units) : NOTHING, one.slow.length ? el("span", { class: "badge" }, `slow in ${one.slow.join(", ")}`) : ""]);
  return section("workers", "Workers",
    table([["worker"], ["state"], ["host"], ["starts", true], ["units", true], ["failed", true], ["a unit", true], [""]], rows, true),
    el("p", { class: "soft small" }, "Processes that shared this run. Slow: more than twice as long for a unit of a stage as the worker in the middle."));
}

function warnings() {
  if (!report.warnings.length) return section("warnings", "Warnings", el("p", { class: "soft" }, "None."));
  return section("warnings", "Warnings", el("ul", { class: "warnings" }, report.warnings.map((text) => el("li", null, text))));
}

function gallery() {
  const pages = Math.max(Math.ceil(report.classes.length / PAGE), 1);
  const grid = el("div", { class: "gallery" });
  const label = el("span", { class: "soft small" });
  const step = (by) => () => { galleryPage += by; fill(); };
  const back = el("button", { type: "button", onclick: step(-1) }, "Previous");
  const on = el("button", { type: "button", onclick: step(1) }, "Next");
  function fill() {
    galleryPage = Math.min(Math.max(galleryPage, 0), pages - 1);
    const from = galleryPage * PAGE;
    grid.replaceChildren(...report.classes.slice(from, from + PAGE).map((about, i) => galleryCard(about, from + i)));
    label.textContent = `${from + 1} to ${Math.min(from + PAGE, report.classes.length)} of ${report.classes.length}`;
    back.disabled = galleryPage === 0;
    on.disabled = galleryPage === pages - 1;
  }
  fill();
  const pager = pages > 1 ? el("div", { class: "pager" }, back, on, label) : null;
  return section("classes", "Classes", report.pictures_note ? el("p", { class: "soft small" }, report.pictures_note) : null, pager, grid);
}

const className = (about) => (about.name && about.name !== about.key ? `${about.key} · ${about.name}` : about.key);

function galleryCard(about, place) {
  return el("a", { href: `#class-${place}` },
    el("b", null, className(about)), " ",
    el("span", { class: "soft small" }, `${plural(about.images, "image")}, ${plural(about.clusters, "cluster")}, ${count(about.noise)} noise`),
    about.flagged ? " " : null, about.flagged ? el("span", { class: "badge" }, `${about.flagged} flagged`) : null,
    strip(openClass(place), 34));
}

function copies() {
  const audit = report.audit;
  if (!audit) return section("copies", "Copies?", el("p", null, report.audit_note));
  const flagged = audit.flagged_count;
  const found = flagged
    ? el("p", null, el("strong", { class: "warn" }, `${plural(flagged, "image")} flagged as ${flagged === 1 ? "a copy" : "copies"}.`))
    : el("p", null, "No image is flagged as a copy.");
  return section("copies", "Copies?", found,
    el("p", { class: "soft" }, `Each of ${plural(audit.images, "generated image")} was held against all ${count(audit.real)} real ones, by ${count(audit.values)} averages of the encoder's latents. The distance to the nearest is given in units of the spacing: the median distance between a real image of that class and its nearest neighbour of the class. Below ${audit.threshold} an image is flagged.`),
    el("p", { class: "soft" }, `${plural(audit.within_one_percent, "image lies", "images lie")} nearer to a real image than 99 of 100 real images of its class lie to each other: near its core, as a strong pull makes it, without being a copy unless flagged. The nearest real image is of another class for ${plural(audit.nearest_of_another_class, "image", "images")}.`),
    audit.below.length ? el("p", null, `Nearer than ${audit.below.map((b) => `${b.ratio} of the spacing: ${count(b.images)} (${share(b.share)})`).join("; ")}. Median: ${fixed(audit.median_ratio, 3)} of the spacing.`) : null,
    histogram(audit.histogram, audit.threshold),
    el("p", { class: "soft small" }, "Bars: generated images. Line: real images among themselves. The last bar holds all beyond."),
    el("h3", null, "The nearest pairs"),
    el("div", { class: "pairs" }, audit.nearest.map(pair)));
}

/** One of the nearest pairs: generated beside real. */
function pair({ place, at, rank, ratio, distance, near_key, flagged }) {
  const data = openClass(place);
  return el("a", { href: `#class-${place}` },
    el("div", { class: "trio" }, thumb(data, GENERATED, at, `generated image ${rank}`), thumb(data, NEAREST, at, `nearest real image ${near_key}`)),
    flagged ? el("span", { class: "badge" }, "flagged") : null, flagged ? " " : null,
    `${className(report.classes[place])}, image ${rank}: `, el("b", null, fixed(ratio, 3)),
    el("span", { class: "soft" }, ` (distance ${figure(distance)}) from ${near_key}`));
}

function quality() {
  const found = report.evaluation;
  if (!found || !Array.isArray(found.sets)) return null;
  const percent = (share) => (isNumber(share) ? (100 * share).toFixed(1) : NOTHING);
  // Only what was drawn several times varies.
  const spread = (value) => percent(value?.mean) + (isNumber(value?.std) ? ` ± ${percent(value.std)}` : "");
  const metrics = Array.isArray(found.metrics) ? found.metrics : [];
  const shown = ({ format }, value) => (value !== null && typeof value === "object" ? spread(value)
    : format === "percent" ? percent(value) : fixed(value, format?.decimals ?? 3));
  const rows = found.sets.map((set) => [String(set.name ?? NOTHING), count(set.images), ...metrics.map((metric) => shown(metric, set[metric.key]))]);
  const known = found.sets.flatMap((set) => set.classes ?? []);
  const accuracies = metrics.filter(({ key }) => known.some((one) => key in one));
  const classes = [];
  for (const set of found.sets) for (const one of set.classes ?? []) {
    classes.push([String(one.class ?? NOTHING), String(set.name ?? NOTHING), ...accuracies.map(({ key }) => percent(one[key]))]);
  }
  const columns = (all) => all.map(({ title }) => [title, true]);
  const learnt = accuracies.map(({ key, title }) => `${title} ${percent(found.whole?.[key])}`).join(", ");
  const whole = found.whole ? ` All real images (${count(found.whole.images)}): ${learnt}. HLR is what a set loses against them, IOR what it wins over random images, LRS a score of both, by the first classifier.` : "";
  return section("quality", "Quality",
    el("p", { class: "soft" }, `By ${found.features ?? NOTHING}, tested on ${count(found.test_images)} images of ${(found.against ?? []).join(", ") || NOTHING}; accuracy and coverage in per cent; random images: mean ± standard deviation over ${count(found.seeds)} draws.${whole}`),
    table([["set"], ["images", true], ...columns(metrics)], rows),
    classes.length ? details("By class", () => table([["class"], ["set"], ...columns(accuracies)], classes)) : null);
}

/** What is long is made when it is opened. */
function details(summary, make) {
  const box = el("details", null, el("summary", null, summary));
  box.addEventListener("toggle", () => { if (box.open && box.childElementCount === 1) box.append(make()); });
  return box;
}

function stability() {
  const found = report.stability;
  if (!found) return null;
  const changes = [["seed", `${count(found.seeds)} seeds`], ["n_neighbors", "n_neighbors ± 20 %"], ["min_cluster_size", "min_cluster_size ± 20 %"]]
    .filter(([change]) => isNumber(found.mean?.[`cores_by_${change}`]));
  const measures = [["cores", "cores"], ["clusters", "clusters"], ["distance", "apart"]];
  const values = (one, change) => measures.map(([measure]) => fixed(one[`${measure}_by_${change}`], 2));
  const heads = (first) => [...first, ...measures.map(([, title]) => [title, true])];
  const means = changes.map(([change, title]) => [title, ...values(found.mean, change)]);
  const classes = (found.classes ?? []).flatMap((one) =>
    changes.map(([change, title]) => [String(one.class ?? NOTHING), title, ...values(one, change)]));
  return section("stability", "Stability",
    el("p", { class: "soft" }, "How much cores and clusters change with the seed, and with settings a fifth smaller or larger. Cores: images that both choices have, as a share of those that either has. Clusters: adjusted Rand index. Apart: how far a core's nearest is in the other choice, 1 being no nearer than chance."),
    means.length ? table(heads([["changed"]]), means) : null,
    classes.length ? details("By class", () => table(heads([["class"], ["changed"]]), classes)) : null);
}

function leftOut() {
  const { total, rows } = report.quarantine;
  if (!total) return section("left-out", "Left out", el("p", { class: "soft" }, "Nothing was left out."));
  const more = total > rows.length ? el("p", { class: "soft small" }, `The first ${count(rows.length)} of ${count(total)}; all are in quarantine.parquet.`) : null;
  const list = () => table([["stage"], ["shard"], ["key"], ["reason"]], rows, true);
  return section("left-out", "Left out", el("p", null, `${plural(total, "sample or image", "samples and images")}.`), more,
    rows.length > 50 ? details("Show them", list) : list());
}

function settings() {
  return section("settings", "Settings",
    table([["what"], ["with"]], report.facts, true),
    details("Every setting", () => el("div", null, report.settings.map(([name, rows]) =>
      [el("h3", null, name ? `[${name}]` : "General"), table([["key"], ["value"]], rows.map(([key, value]) => [key, el("code", null, value)]))]).flat())));
}

function overview() {
  return [heading(), stages(), workers(), warnings(), gallery(), copies(), quality(), stability(), leftOut(), settings()].filter(Boolean);
}
