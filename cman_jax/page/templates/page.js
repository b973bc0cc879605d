// The filters, the table and the views of a page of sentences. All facts are in the document itself.
(() => {
  const { one, all, drawings } = page;
  const probability = (part) => (part.dataset.p === undefined ? 1 : Number(part.dataset.p));
  const sentences = all(".sentence").map((item) => {
    const own = all(".cman-drawing", item).map((svg) => drawings.get(svg.dataset.d));
    const text = one(".cman-drawing", item).getAttribute("aria-label").toLowerCase();
    const id = one(".name bdi", item).textContent.toLowerCase();
    return { item, text, id, drawings: own, errors: "errors" in item.dataset };
  });
  const rows = all("#triples tbody tr");

  // Filters. An arc is shown only with both of its marks.
  const query = one("#query"), threshold = one("#threshold"), only = one("#only");
  const boxes = all(".chip input");
  const compared = document.body.classList.contains("compared");
  const chosen = (kind) => new Set(boxes.filter((b) => b.dataset.kind === kind && b.checked).map((b) => b.value));
  const show = (parts, shown) => parts.forEach((part) => part.classList.toggle("off", !shown));
  const filter = (drawing, entityTypes, relationTypes, least) => {
    const kept = new Set();
    for (const [index, parts] of drawing.marks) {
      const shown = entityTypes.has(parts[0].dataset.type) && probability(parts[0]) >= least;
      if (shown) kept.add(index);
      show(parts, shown);
    }
    drawing.shown.clear();
    for (const [index, parts] of drawing.arcs) {
      const { type, s, o } = parts[0].dataset;
      const shown = relationTypes.has(type) && probability(parts[0]) >= least && kept.has(s) && kept.has(o);
      if (shown) drawing.shown.add(index);
      show(parts, shown);
    }
    return kept.size;
  };
  const apply = () => {
    for (const box of boxes) box.parentElement.classList.toggle("out", !box.checked);
    const wanted = query.value.trim().toLowerCase();
    const least = threshold ? Number(threshold.value) : 0;
    const entityTypes = chosen("mark"), relationTypes = chosen("arc");
    let visible = 0, entities = 0;
    const hiddenDrawings = new Set();
    for (const sentence of sentences) {
      let marks = 0, arcs = 0;
      for (const drawing of sentence.drawings) {
        marks += filter(drawing, entityTypes, relationTypes, least);
        arcs += drawing.shown.size;
      }
      const found = !wanted || sentence.text.includes(wanted) || sentence.id.includes(wanted);
      const shown = found && (!only.checked || (compared ? sentence.errors : arcs > 0));
      sentence.item.hidden = !shown;
      if (shown) { visible += 1; entities += marks; }
      else sentence.drawings.forEach((drawing) => hiddenDrawings.add(drawing));
    }
    let triples = 0;
    for (const row of rows) {
      const drawing = drawings.get(row.dataset.d);
      row.hidden = hiddenDrawings.has(drawing) || !drawing.shown.has(row.dataset.l);
      if (!row.hidden) triples += 1;
    }
    if (threshold) one("#at-least").textContent = least.toFixed(2);
    const counted = compared ? "" : `, ${entities} entities`;
    one("#status").textContent = `${visible} of ${sentences.length} sentences${counted}, ${triples} triples`;
    one(".nothing").hidden = visible > 0;
  };
  let waiting = 0;
  const soon = () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(apply); };
  for (const input of [query, threshold, only, ...boxes]) if (input) input.addEventListener("input", soon);

  // Views.
  const tabs = all("[role=tab]");
  const choose = (tab) => {
    for (const each of tabs) {
      each.setAttribute("aria-selected", String(each === tab));
      each.tabIndex = each === tab ? 0 : -1;
      one(`#${each.getAttribute("aria-controls")}`).hidden = each !== tab;
    }
  };
  tabs.forEach((tab, index) => {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
      const next = tabs[(index + 1) % tabs.length];
      choose(next);
      next.focus();
    });
  });
  one("#triples").addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link) return;
    event.preventDefault();
    const item = one(link.getAttribute("href"));
    choose(tabs[0]);
    location.hash = link.getAttribute("href");
    item.scrollIntoView({ block: "center" });
    one(".cman-drawing", item).focus({ preventScroll: true });
  });

  // The table.
  const headings = all("#triples thead th"), body = one("#triples tbody");
  const collator = new Intl.Collator(undefined, { numeric: true });
  const cell = (row, column) => row.cells[column].textContent;
  headings.forEach((heading, column) => {
    one("button", heading).addEventListener("click", () => {
      const descending = heading.getAttribute("aria-sort") === "ascending";
      const numeric = heading.classList.contains("number");
      const compare = numeric
        ? (a, b) => Number(cell(a, column)) - Number(cell(b, column))
        : (a, b) => collator.compare(cell(a, column), cell(b, column));
      const sorted = [...rows].sort((a, b) => (descending ? -1 : 1) * compare(a, b));
      body.append(...sorted);
      headings.forEach((each) => each.setAttribute("aria-sort", "none"));
      heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
    });
  });
  const tsv = () => {
    const lines = [headings.map((heading) => heading.textContent.trim())];
    for (const row of body.rows) if (!row.hidden) lines.push([...row.cells].map((each) => each.textContent));
    return lines.map((line) => line.map((text) => text.replace(/\s/g, " ")).join("\t") + "\n").join("");
  };
  const copyOldWay = (text) => {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  };
  one("#copy").addEventListener("click", async () => {
    const text = tsv(), count = text.split("\n").length - 2;
    let done = true;
    try { await navigator.clipboard.writeText(text); } catch { done = copyOldWay(text); }
    one("#copied").textContent = done ? `Copied ${count} triples` : "The browser did not allow copying";
  });

  // Light, dark, or as the system.
  const themes = { Auto: "as the system", Light: "light", Dark: "dark" };
  const button = one("#theme");
  const paint = (name) => {
    if (name === "Auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = name.toLowerCase();
    button.textContent = name;
    button.setAttribute("aria-label", `Colours: ${themes[name]}`);
  };
  button.addEventListener("click", () => {
    const names = Object.keys(themes);
    const next = names[(names.indexOf(button.textContent) + 1) % names.length];
    paint(next);
    try { localStorage.setItem("cman-theme", next); } catch { /* pages in files may have no storage */ }
  });
  try {
    const kept = localStorage.getItem("cman-theme");
    if (kept in themes) paint(kept);
  } catch { /* the theme of the system stays */ }

  choose(tabs[0]);
  apply();
})();
