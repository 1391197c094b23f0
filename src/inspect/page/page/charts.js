// The scatter plot of a class and the histogram of distances.

const PALETTE = ["#4477aa", "#dd6677", "#2e8b57", "#c2a633", "#4db3d1", "#a3437f", "#e08a4f", "#3fae94", "#9cab3a", "#8474c4", "#a6763a", "#b06fd0"];
const clusterColour = (label) => PALETTE[label % PALETTE.length];

/** Draws the plot that is shown again: one listener for all, so that no class is held once it was looked at. */
let redraw = () => {};
addEventListener("themechange", () => redraw());

/** The embedding of a class. `light(rank)` is told which core is pointed at, or null. */
function scatter(data, light) {
  const { x, y, label, key, core } = data.points;
  const canvas = el("canvas", { role: "img", "aria-label": `Embedding of ${x.length} images in two dimensions; the cores are listed below` });
  let lit = null;
  const margin = 18;
  const place = (i) => [margin + (x[i] / 1000) * (canvas.clientWidth - 2 * margin), margin + (1 - y[i] / 1000) * (canvas.clientHeight - 2 * margin)];
  const coreAt = new Map(core.map(([point, rank]) => [point, rank]));

  function draw() {
    const ratio = devicePixelRatio || 1;
    if (!canvas.clientWidth) return;
    canvas.width = canvas.clientWidth * ratio;
    canvas.height = canvas.clientHeight * ratio;
    const ink = colour("--ink"), paper = colour("--paper"), noise = colour("--noise");
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const dot = (i, radius, fill) => {
      const [px, py] = place(i);
      context.beginPath();
      context.arc(px, py, radius, 0, 2 * Math.PI);
      context.fillStyle = fill;
      context.fill();
    };
    const fill = (i) => (label[i] < 0 ? noise : clusterColour(label[i]));
    for (let i = 0; i < x.length; i++) if (label[i] < 0) dot(i, 1.8, noise);
    context.globalAlpha = 0.75;
    for (let i = 0; i < x.length; i++) if (label[i] >= 0) dot(i, 2.4, fill(i));
    context.globalAlpha = 1;
    for (const [point, rank] of core) {
      dot(point, rank === lit ? 10 : 7, ink);
      dot(point, rank === lit ? 8 : 5.4, paper);
      dot(point, rank === lit ? 6 : 3.8, fill(point));
    }
  }

  function nearest(event) {
    const box = canvas.getBoundingClientRect();
    const [mx, my] = [event.clientX - box.left, event.clientY - box.top];
    let best = -1, least = 144;
    for (let i = 0; i < x.length; i++) {
      const [px, py] = place(i);
      // A core is easier to hit than what lies under it.
      const away = ((px - mx) ** 2 + (py - my) ** 2) * (coreAt.has(i) ? 0.4 : 1);
      if (away < least) { least = away; best = i; }
    }
    return best;
  }

  canvas.addEventListener("mousemove", (event) => {
    const at = nearest(event);
    const rank = coreAt.get(at) ?? null;
    light(rank);
    if (rank !== lit) { lit = rank; draw(); }
    if (at < 0) return hideTip();
    const cluster = label[at] < 0 ? "noise" : `cluster ${label[at]}`;
    showTip(event, `${key[at]}\n${cluster}${rank === null ? "" : `, core ${rank}`}`);
  });
  canvas.addEventListener("mouseleave", () => { hideTip(); light(null); if (lit !== null) { lit = null; draw(); } });
  canvas.addEventListener("click", (event) => {
    const rank = coreAt.get(nearest(event));
    if (rank !== undefined) byId(`core-${rank}`)?.scrollIntoView({ block: "center", behavior: "smooth" });
  });
  new ResizeObserver(draw).observe(canvas);
  redraw = draw;
  const shown = [...new Set(label.filter((l) => l >= 0))].sort((a, b) => a - b);
  const entry = (style, text) => el("span", null, el("i", { style }), text);
  const legend = el("div", { class: "legend" },
    el("span", null, el("i", { class: "core" }), "core"),
    label.some((l) => l < 0) ? entry({ background: "var(--noise)" }, "noise") : null,
    shown.slice(0, 24).map((l) => entry({ background: clusterColour(l) }, `cluster ${l}`)),
    shown.length > 24 ? el("span", null, `and ${shown.length - 24} more`) : null);
  return { element: el("div", { class: "plot" }, canvas, legend), light: (rank) => { if (rank !== lit) { lit = rank; draw(); } } };
}

const SVG = "http://www.w3.org/2000/svg";
function svg(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/** Shares of generated and of real images by distance, in units of the spacing of real images. */
function histogram({ step, generated, real }, threshold) {
  const sum = (bars) => bars.reduce((a, b) => a + b, 0);
  // No further than there is something to see; the rest goes into the last bar.
  let bars = generated.length;
  while (bars > 24 && !generated[bars - 1] && real[bars - 1] < 0.005 * sum(real)) bars--;
  const shares = (all) => [...all.slice(0, bars - 1), sum(all.slice(bars - 1))].map((bar) => bar / (sum(all) || 1));
  const [made, truth] = [shares(generated), shares(real)];
  const [left, right, top, bottom] = [8, 8, 24, 36], [width, height] = [640, 232];
  const most = Math.max(...made, ...truth, 0.01);
  const px = (bar) => left + (bar / bars) * (width - left - right);
  const py = (value) => top + (1 - value / most) * (height - top - bottom);
  const chart = svg("svg", { class: "histogram", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Distances of generated images to their nearest real one, beside those of real images among themselves" });
  let outline = `M${px(0)} ${py(0)}`;
  for (let i = 0; i < bars; i++) {
    if (made[i]) chart.append(svg("rect", { class: "generated", x: px(i) + 0.5, y: py(made[i]), width: Math.max(px(1) - px(0) - 1, 1), height: py(0) - py(made[i]) }));
    outline += `V${py(truth[i])}H${px(i + 1)}`;
  }
  chart.append(svg("path", { class: "real", d: `${outline}V${py(0)}` }), svg("line", { class: "axis", x1: left, x2: width - right, y1: py(0), y2: py(0) }));
  const limit = px(threshold / step);
  chart.append(svg("line", { class: "limit", x1: limit, x2: limit, y1: top - 18, y2: py(0) }), svg("text", { x: limit + 5, y: top - 9 }, `flagged below ${threshold}`));
  for (let tick = 0; tick <= bars * step + 1e-9; tick += 0.5) {
    chart.append(svg("text", { x: px(tick / step), y: height - 20, "text-anchor": tick ? "middle" : "start" }, String(tick)));
  }
  chart.append(svg("text", { x: left, y: height - 4 }, "distance to the nearest real image ÷ median distance between real images of its class"));
  return chart;
}
