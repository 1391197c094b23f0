// Which page is shown, the side list, keys, light and dark.

const main = byId("main");
const onClass = () => { const found = /^#class-(\d+)$/.exec(location.hash); return found && Number(found[1]) < report.classes.length ? Number(found[1]) : null; };
let shownPage = null;

function show() {
  const place = onClass();
  const page = place === null ? "run" : place;
  hideTip();
  if (page !== shownPage) {
    main.replaceChildren(...(place === null ? overview() : classPage(place)));
    if (shownPage !== null) main.focus({ preventScroll: true });
    shownPage = page;
    document.title = place === null ? `${report.name} · coda-pipe` : `${className(report.classes[place])} · ${report.name}`;
    scrollTo(0, 0);
  }
  if (place === null && location.hash.length > 1) byId(location.hash.slice(1))?.scrollIntoView();
  mark(place);
}

let marked = null;
function mark(place) {
  marked?.removeAttribute("aria-current");
  marked = place === null ? null : links[place];
  marked?.setAttribute("aria-current", "page");
  marked?.scrollIntoView({ block: "nearest" });
}

const links = report.classes.map((about, place) => el("a", { href: `#class-${place}`, title: className(about) },
  about.flagged ? el("span", { class: "warn" }, `${about.flagged}`) : null, className(about)));
const entries = links.map((link) => el("li", null, link));
byId("class-list").append(...entries);

const sections = [["stages", "Stages"], report.workers.length ? ["workers", "Workers"] : null, ["warnings", `Warnings${report.warnings.length ? ` (${report.warnings.length})` : ""}`], ["classes", "Classes"],
  ["copies", "Copies?"], report.evaluation && ["quality", "Quality"], report.stability && ["stability", "Stability"],
  ["left-out", "Left out"], ["settings", "Settings"]].filter(Boolean);
byId("sections").append(...sections.map(([id, text]) => el("li", null, el("a", { href: `#${id}` }, text))));

const search = byId("search");
const lower = report.classes.map((about) => className(about).toLowerCase());
search.addEventListener("input", () => {
  const wanted = search.value.trim().toLowerCase();
  entries.forEach((entry, place) => { entry.hidden = !lower[place].includes(wanted); });
});
search.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  const first = entries.findIndex((entry) => !entry.hidden);
  if (first >= 0) location.hash = `#class-${first}`;
});

function go(by) {
  const place = onClass();
  const next = place === null ? 0 : place + by;
  if (next >= 0 && next < report.classes.length) location.hash = `#class-${next}`;
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  try { localStorage.setItem("coda-pipe-theme", theme); } catch { /* some browsers keep nothing for files */ }
  dispatchEvent(new Event("themechange"));
}
function turnTheme() {
  const now = document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  setTheme(now === "dark" ? "light" : "dark");
}
try { const kept = localStorage.getItem("coda-pipe-theme"); if (kept) document.documentElement.dataset.theme = kept; } catch { /* as above */ }
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => dispatchEvent(new Event("themechange")));

const help = byId("help");
byId("theme").addEventListener("click", turnTheme);
byId("keys").addEventListener("click", () => help.showModal());
const keys = {
  ArrowRight: () => go(1), j: () => go(1), ArrowLeft: () => go(-1), k: () => go(-1),
  g: () => { location.hash = "#top"; }, t: turnTheme, "?": () => help.showModal(),
  "/": () => { search.focus(); search.select(); },
};
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  if (event.target === search) { if (event.key === "Escape") search.blur(); return; }
  // Arrows also select text and move tables that are wider than the page.
  if (event.key.startsWith("Arrow") && (event.shiftKey || event.target.closest?.(".scroll"))) return;
  const act = keys[event.key];
  if (act) { event.preventDefault(); act(); }
});
// Its target is no page of its own.
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
addEventListener("hashchange", show);
show();
