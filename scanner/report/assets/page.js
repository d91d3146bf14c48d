
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const cards = all("article.finding");
  const texts = new Map();
  const state = { severities: new Set(), category: "", rule: "", file: "", n: "", words: [] };
  const picks = ["category", "rule", "file"];

  const textOf = (card) => {
    if (!texts.has(card)) texts.set(card, card.textContent.toLowerCase());
    return texts.get(card);
  };
  const passes = (card) =>
    (state.severities.size === 0 || state.severities.has(card.dataset.severity)) &&
    picks.every((key) => !state[key] || card.dataset[key] === state[key]) &&
    (!state.n || card.dataset.n === state.n) &&
    state.words.every((word) => textOf(card).includes(word));

  const apply = () => {
    if (!cards.length) return;
    let shown = 0;
    for (const card of cards) {
      card.hidden = !passes(card);
      shown += card.hidden ? 0 : 1;
    }
    const active = state.severities.size || state.n || state.words.length || picks.some((key) => state[key]);
    byId("shown").textContent = `${shown} of ${cards.length} findings`;
    byId("nothing").hidden = shown > 0;
    byId("reset").hidden = !active;
    for (const button of all("button[data-severity]")) {
      button.setAttribute("aria-pressed", String(state.severities.has(button.dataset.severity)));
    }
    const chip = byId("resource");
    chip.hidden = !state.n;
    for (const node of nodes) {
      const chosen = node.dataset.n === state.n;
      node.classList.toggle("chosen", chosen);
      if (chosen) chip.textContent = `× ${labelOf(node).split(" (")[0]}`;
    }
  };

  const svg = document.querySelector(".canvas svg");
  const nodes = svg ? all(".node", svg) : [];
  const edges = svg ? all(".edge", svg) : [];
  const labelOf = (node) => node.getAttribute("aria-label");
  const focus = (node) => {
    const number = node.dataset.n;
    const near = new Set([number]);
    for (const edge of edges) {
      const touches = edge.dataset.a === number || edge.dataset.b === number;
      edge.classList.toggle("near", touches);
      if (touches) near.add(edge.dataset.a).add(edge.dataset.b);
    }
    for (const other of nodes) other.classList.toggle("near", near.has(other.dataset.n));
    svg.classList.add("focus");
    byId("node-status").textContent = labelOf(node);
  };
  const blur = () => {
    svg.classList.remove("focus");
    byId("node-status").textContent = "\u00a0";
  };
  const choose = (node) => {
    if (!cards.length) return;
    state.n = state.n === node.dataset.n ? "" : node.dataset.n;
    apply();
    if (state.n) byId("findings").scrollIntoView({ behavior: "smooth" });
  };
  for (const node of nodes) {
    node.addEventListener("mouseenter", () => focus(node));
    node.addEventListener("mouseleave", blur);
    node.addEventListener("focus", () => focus(node));
    node.addEventListener("blur", blur);
    node.addEventListener("click", () => choose(node));
    node.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        choose(node);
      }
    });
  }

  if (!cards.length) return;
  byId("filters").hidden = false;
  for (const button of all("button[data-severity]")) {
    button.addEventListener("click", () => {
      const name = button.dataset.severity;
      if (!state.severities.delete(name)) state.severities.add(name);
      apply();
    });
  }
  for (const key of picks) {
    byId(key).addEventListener("change", (event) => {
      state[key] = event.target.value;
      apply();
    });
  }
  byId("search").addEventListener("input", (event) => {
    state.words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    apply();
  });
  byId("resource").addEventListener("click", () => {
    state.n = "";
    apply();
  });
  byId("reset").addEventListener("click", () => {
    state.severities.clear();
    state.n = "";
    state.words = [];
    for (const key of picks) state[key] = byId(key).value = "";
    byId("search").value = "";
    apply();
  });
  apply();
})();
