"use strict";
const scale = document.getElementById("scale"), far = document.getElementById("lines");
const told = document.getElementById("told"), search = document.getElementById("search");
const nodes = new Map([...document.querySelectorAll(".node")].map((n) => [n.id, n]));
const parents = new Map([...nodes].map(([id, n]) => [id, n.dataset.parents.split(" ").filter(Boolean)]));
const children = new Map([...nodes.keys()].map((id) => [id, []]));
for (const [id, above] of parents) for (const p of above) children.get(p).push(id);
const lit = [...nodes.values()].filter((n) => n.dataset.side);
let zoom = 1, chosen = null, hits = [], place = -1;

function reach(id, edges) {
  const found = new Set([id]), waiting = [id];
  while (waiting.length)
    for (const other of edges.get(waiting.pop()))
      if (!found.has(other)) { found.add(other); waiting.push(other); }
  return found;
}

function box(node) {
  const app = node.closest("details");
  const shape = app.open ? node.querySelector("rect") : app.querySelector("summary");
  const a = shape.getBoundingClientRect(), b = scale.getBoundingClientRect();
  return { x: (a.x - b.x + a.width / 2) / zoom, y: (a.y - b.y) / zoom, height: a.height / zoom };
}

function drawFar() {
  far.replaceChildren();
  const ids = chosen ? [...reach(chosen, parents), ...reach(chosen, children)] : lit.map((n) => n.id);
  const near = new Set(ids);
  for (const [id, above] of parents)
    for (const p of above) {
      const own = nodes.get(p).closest("details") === nodes.get(id).closest("details");
      if (own || !(chosen ? near.has(id) && near.has(p) : near.has(id) || near.has(p))) continue;
      const from = box(nodes.get(p)), to = box(nodes.get(id));
      const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
      const y = from.y + from.height, bend = Math.max(Math.abs(to.y - y) / 2, 30);
      line.setAttribute("class", "edge far path");
      line.setAttribute("d", `M${from.x} ${y}C${from.x} ${y + bend} ${to.x} ${to.y - bend} ${to.x} ${to.y}`);
      far.append(line);
    }
}

function choose(id) {
  if (chosen) nodes.get(chosen).setAttribute("aria-pressed", "false");
  chosen = id === chosen ? null : id;
  const path = chosen ? new Set([...reach(id, parents), ...reach(id, children)]) : new Set();
  for (const [other, n] of nodes) n.classList.toggle("path", path.has(other));
  for (const e of document.querySelectorAll("details .edge"))
    e.classList.toggle("path", path.has(e.dataset.from) && path.has(e.dataset.to));
  document.body.classList.toggle("dim", Boolean(chosen) || hits.length > 0);
  if (chosen) nodes.get(id).setAttribute("aria-pressed", "true");
  told.textContent = chosen
    ? `${nodes.get(id).querySelector("title").textContent}\n` +
      `${reach(id, parents).size - 1} before it, ${reach(id, children).size - 1} after it`
    : "";
  drawFar();
}

function go(node) {
  node.closest("details").open = true;
  for (const n of node.closest("svg").querySelectorAll(".node")) n.tabIndex = n === node ? 0 : -1;
  node.focus({ preventScroll: true });
  node.scrollIntoView({ block: "center", inline: "center" });
}

function find() {
  const text = search.value.trim().toLowerCase();
  hits = text ? [...nodes.values()].filter((n) => n.dataset.name.includes(text)) : [];
  place = -1;
  for (const n of nodes.values()) n.classList.toggle("hit", hits.includes(n));
  document.body.classList.toggle("dim", Boolean(chosen) || hits.length > 0);
  document.getElementById("count").textContent = text ? `${hits.length} found` : "";
}

function setZoom(value) {
  zoom = Math.min(4, Math.max(0.1, value));
  scale.style.zoom = zoom;
  document.getElementById("reset").textContent = `${Math.round(zoom * 100)} %`;
  drawFar();
}

function nextConflict() {
  if (!lit.length) return;
  const at = lit.indexOf(document.activeElement);
  go(lit[(at + 1) % lit.length]);
}

function step(id, key) {
  const up = parents.get(id), down = children.get(id);
  if (key === "ArrowUp") return up[0];
  if (key === "ArrowDown") return down[0];
  const beside = up.length ? children.get(up[0]) : [];
  return beside[beside.indexOf(id) + (key === "ArrowRight" ? 1 : -1)];
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const node = event.target.closest?.(".node"), key = event.key;
  if (key === "Escape") { search.value = ""; find(); if (chosen) choose(chosen); return; }
  if (event.target === search) {
    if (key === "Enter" && hits.length) { event.preventDefault(); go(hits[(place = (place + 1) % hits.length)]); }
    return;
  }
  if (node && (key === "Enter" || key === " ")) choose(node.id);
  else if (node && key.startsWith("Arrow")) { const to = step(node.id, key); if (to) go(nodes.get(to)); }
  else if (key === "/") search.focus();
  else if (key === "+" || key === "=") setZoom(zoom * 1.25);
  else if (key === "-") setZoom(zoom / 1.25);
  else if (key === "0") setZoom(1);
  else if (key === "n") nextConflict();
  else return;
  event.preventDefault();
});
document.addEventListener("click", (event) => {
  const node = event.target.closest(".node");
  if (node) { go(node); choose(node.id); }
});
search.addEventListener("input", find);
document.getElementById("in").addEventListener("click", () => setZoom(zoom * 1.25));
document.getElementById("out").addEventListener("click", () => setZoom(zoom / 1.25));
document.getElementById("reset").addEventListener("click", () => setZoom(1));
document.getElementById("next")?.addEventListener("click", nextConflict);
document.getElementById("fold").addEventListener("click", () => {
  const apps = [...document.querySelectorAll("details")], open = apps.some((a) => a.open);
  for (const app of apps) app.open = !open;
});
document.addEventListener("wheel", (event) => {
  if (!event.ctrlKey) return;
  event.preventDefault();
  setZoom(zoom * (event.deltaY < 0 ? 1.1 : 1 / 1.1));
}, { passive: false });
for (const app of document.querySelectorAll("details")) app.addEventListener("toggle", drawFar);
addEventListener("resize", drawFar);
drawFar();
