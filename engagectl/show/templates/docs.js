(() => {
  const box = document.getElementById("q"), said = document.getElementById("said");
  const cards = [...document.querySelectorAll("article[data-table]")].map((card) => ({
    card,
    head: card.querySelector(".head").textContent.toLowerCase(),
    link: document.querySelector(`nav a[href="#${card.id}"]`),
    folds: [...card.querySelectorAll("details")],
    rows: [...card.querySelectorAll("tbody tr")].map((row) => ({ row, text: row.textContent.toLowerCase() })),
  }));
  const find = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let tables = 0, columns = 0;
    for (const { card, head, link, folds, rows } of cards) {
      const whole = words.every((word) => head.includes(word));
      let hits = 0;
      for (const { row, text } of rows) {
        const hit = whole || words.every((word) => head.includes(word) || text.includes(word));
        row.hidden = !hit;
        hits += hit;
      }
      const shown = whole || hits > 0;
      card.hidden = !shown;
      if (link) link.hidden = !shown;
      for (const fold of folds) {
        const inside = [...fold.querySelectorAll("tbody tr")].some((row) => !row.hidden);
        fold.hidden = !inside;
        fold.open = inside && !whole;
      }
      tables += shown;
      columns += shown ? hits : 0;
    }
    for (const part of document.querySelectorAll("[data-schema]"))
      part.hidden = !part.querySelector("article:not([hidden]), nav a:not([hidden]), a:not([hidden])");
    for (const picture of document.querySelectorAll(".picture")) picture.hidden = words.length > 0;
    said.textContent = words.length ? `${tables} of ${cards.length} tables, ${columns} columns` : "";
  };
  document.documentElement.classList.add("live");
  box.addEventListener("input", find);
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== box) { event.preventDefault(); box.focus(); }
    if (event.key === "Escape") { box.value = ""; find(); box.blur(); }
  });
  const menu = document.getElementById("menu");
  if (menu && matchMedia("(min-width: 60rem)").matches) menu.open = true;
  if (menu) menu.addEventListener("click", (event) => {
    if (event.target.closest("a") && !matchMedia("(min-width: 60rem)").matches) menu.open = false;
  });
  const asked = new URLSearchParams(location.search).get("q");
  if (asked) { box.value = asked; find(); }
})();
