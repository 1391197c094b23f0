// What everything else uses: elements, numbers, the data, pictures. Text from data only ever becomes text nodes.

const byId = (id) => document.getElementById(id);
const report = JSON.parse(byId("report").textContent);

/** An element with attributes and children; strings become text, null is left out. */
function el(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "style") Object.assign(element.style, value);
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

const NOTHING = "–";
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const count = (value) => (isNumber(value) ? value.toLocaleString("en-US") : NOTHING);
const fixed = (value, digits) => (isNumber(value) ? value.toFixed(digits) : NOTHING);
/** Four significant digits, for values of any size. */
const figure = (value) => (isNumber(value) ? String(Number(value.toPrecision(4))) : NOTHING);
const share = (value) => (isNumber(value) ? (100 * value).toFixed(1) + " %" : NOTHING);
const plural = (n, one, many) => `${count(n)} ${n === 1 ? one : many ?? one + "s"}`;

function bytes(value) {
  if (!isNumber(value)) return NOTHING;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  while (value >= 1024 && at < units.length - 1) { value /= 1024; at++; }
  return `${at === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[at]}`;
}

function duration(seconds) {
  if (!isNumber(seconds)) return NOTHING;
  if (seconds < 100) return `${seconds.toFixed(1)} s`;
  if (seconds < 6000) return `${(seconds / 60).toFixed(0)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/** A table: `heads` are [text, is a number], rows hold texts or elements. */
function table(heads, rows, wide) {
  const cell = (kind, value, numeric) => el(kind, { class: numeric ? "n" : "text" }, value);
  return el("div", { class: "scroll" }, el("table", { class: wide ? "wide" : null },
    el("thead", null, el("tr", null, heads.map(([text, numeric]) => cell("th", text, numeric)))),
    el("tbody", null, rows.map((row) =>
      el("tr", null, row.map((value, i) => cell("td", value, heads[i]?.[1])))))));
}

// Classes are parsed when they are looked at, and a few are kept: more than one page shows, whose pictures would go else
// (a page of the gallery, the nearest pairs).
const KEPT = 96;
const opened = new Map();

/** What the page holds of the class at `place`; its `url` is that of all its pictures in one. */
function openClass(place) {
  let data = opened.get(place);
  if (!data) {
    data = JSON.parse(byId(`class-${place}`).textContent);
    data.url = data.pictures.data ? pictureUrl(data.pictures) : null;
    delete data.pictures.data;
    if (opened.size >= KEPT) {
      const [oldest, old] = opened.entries().next().value;
      if (old.url) URL.revokeObjectURL(old.url);
      opened.delete(oldest);
    }
  }
  opened.delete(place);
  opened.set(place, data);
  return data;
}

function pictureUrl(pictures) {
  const raw = atob(pictures.data);
  const content = Uint8Array.from(raw, (c) => c.charCodeAt(0));
  return URL.createObjectURL(new Blob([content], { type: pictures.type }));
}

const CORE = 0, GENERATED = 1, NEAREST = 2, MEMBER = 3;
/** Members of an anchor that have a picture. */
const MEMBERS = 5;

/** One picture of a class: `row` says which of them, `at` the rank's column. */
function thumb(data, row, at, label, size = 84) {
  const { edge, columns, rows } = data.pictures;
  const there = at < columns && (data.cores.pictures[at] >> row) & 1;
  if (!data.url || !there) return el("span", { class: "thumb none", role: "img", "aria-label": `${label}: no picture` }, "no picture");
  return el("span", {
    class: edge < size ? "thumb pixels" : "thumb", role: "img", "aria-label": label,
    style: {
      width: `${size}px`, height: `${size}px`,
      backgroundImage: `url(${data.url})`,
      backgroundSize: `${columns * size}px ${rows * size}px`,
      backgroundPosition: `${-at * size}px ${-row * size}px`,
    },
  });
}

/** All generated pictures of a class in a row, as many as fit. */
function strip(data, size) {
  const { edge, columns, rows } = data.pictures;
  if (!data.url || !columns) return el("span", { class: "soft small" }, "no pictures");
  return el("span", {
    class: edge < size ? "strip pixels" : "strip", role: "img", "aria-label": "generated images",
    style: {
      width: `${Math.min(columns, 10) * size}px`, height: `${size}px`,
      backgroundImage: `url(${data.url})`,
      backgroundSize: `${columns * size}px ${rows * size}px`,
      backgroundPosition: `0 ${-GENERATED * size}px`,
    },
  });
}

const tip = byId("tip");
function showTip(event, text) {
  tip.textContent = text;
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.min(event.clientX + 14, innerWidth - width - 8)}px`;
  tip.style.top = `${Math.min(event.clientY + 14, innerHeight - height - 8)}px`;
}
const hideTip = () => { tip.hidden = true; };

/** A colour of the style sheet as a canvas wants it. */
function colour(name) {
  const probe = el("span", { style: { color: `var(${name})` } });
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
