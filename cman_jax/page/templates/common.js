"use strict";
// What every page with drawings has: words about marks and arcs, the keyboard, and the theme.
const page = (() => {
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // A drawing's marks by mention and arcs by link; a mention or a link on several lines has several parts.
  const grouped = (parts, key) => {
    const groups = new Map();
    for (const part of parts) {
      const index = part.dataset[key];
      if (!groups.has(index)) groups.set(index, []);
      groups.get(index).push(part);
    }
    return groups;
  };
  const drawings = new Map();
  for (const svg of all(".cman-drawing")) {
    drawings.set(svg.dataset.d, {
      marks: grouped(all(".mark", svg), "e"),
      arcs: grouped(all(".arc", svg), "l"),
      shown: new Set(),
    });
  }

  // Words about a mark or an arc, by pointer and by keyboard, with its arcs or marks lit.
  const tip = one("#tip");
  const partOf = (target) => (target instanceof Element ? target.closest(".mark, .arc") : null);
  const named = (part) => {
    const title = one("title", part);
    if (title) { part.setAttribute("aria-label", title.textContent); title.remove(); }
    return part.getAttribute("aria-label");
  };
  const light = (part, lit) => {
    const svg = part.closest("svg"), drawing = drawings.get(svg.dataset.d);
    const parts = part.classList.contains("arc") ? drawing.arcs.get(part.dataset.l) : drawing.marks.get(part.dataset.e);
    const links = [...drawing.arcs.values()].filter((arcs) => {
      const { s, o, l } = arcs[0].dataset;
      return part.classList.contains("arc") ? l === part.dataset.l : s === part.dataset.e || o === part.dataset.e;
    });
    const ends = links.flatMap((arcs) => [arcs[0].dataset.s, arcs[0].dataset.o]);
    const marks = ends.flatMap((index) => drawing.marks.get(index));
    for (const each of [...parts, ...links.flat(), ...marks]) each.classList.toggle("lit", lit);
    svg.classList.toggle("busy", lit && links.length > 0);
  };
  let told = null;
  const hush = () => {
    if (told) light(told, false);
    told = null;
    tip.hidden = true;
  };
  const tell = (part) => {
    hush();
    told = part;
    tip.textContent = named(part);
    tip.hidden = false;
    light(part, true);
    const place = part.getBoundingClientRect();
    const left = Math.min(Math.max(8, place.left), innerWidth - tip.offsetWidth - 8);
    const above = place.top - tip.offsetHeight - 8;
    tip.style.left = `${left}px`;
    tip.style.top = `${above > 8 ? above : place.bottom + 8}px`;
  };
  for (const kind of ["pointerover", "focusin"]) {
    one("#sentences").addEventListener(kind, (event) => {
      const part = partOf(event.target);
      if (part && part !== told) tell(part);
    });
  }
  for (const kind of ["pointerout", "focusout"]) {
    one("#sentences").addEventListener(kind, (event) => {
      if (told && !told.contains(event.relatedTarget)) hush();
    });
  }
  addEventListener("scroll", hush, { passive: true });
  one("#sentences").addEventListener("keydown", (event) => {
    const svg = event.target.closest(".cman-drawing");
    if (!svg) return;
    if (event.key === "Escape") { svg.focus(); return; }
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const parts = all(".mark:not(.off), .arc:not(.off)", svg);
    if (!parts.length) return;
    event.preventDefault();
    const now = parts.indexOf(event.target);
    const next = parts[now < 0 ? (step > 0 ? 0 : parts.length - 1) : (now + step + parts.length) % parts.length];
    next.setAttribute("tabindex", "-1");
    next.focus();
  });

  return { one, all, drawings };
})();
