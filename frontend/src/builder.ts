// The segment builder: its rows are drawn by the server; this keeps what is typed meanwhile.

type Field = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

let asked = new Map<string, string>();

let openThen = new Set<string>();

// The menus that are open, by the ids of their summaries.
function openMenus(rows: ParentNode): Set<string> {
  return new Set([...rows.querySelectorAll("details[open] > summary[id]")].map((one) => one.id));
}

function fieldsOf(rows: ParentNode): Field[] {
  return [...rows.querySelectorAll<Field>("input, select, textarea")];
}

function isTicked(field: Field): field is HTMLInputElement {
  return field instanceof HTMLInputElement && field.type === "checkbox";
}

// Several boxes share a name; their values tell them apart.
function keyOf(field: Field): string {
  return isTicked(field) ? `${field.name}=${field.value}` : field.name;
}

function stateOf(field: Field): string {
  return isTicked(field) ? String(field.checked) : field.value;
}

// What the fields said when the rows were asked for: what differs later was typed since.
function remember(rows: HTMLElement): void {
  asked = new Map(fieldsOf(rows).map((one) => [keyOf(one), stateOf(one)]));
  openThen = openMenus(rows);
}

// While the answer was on its way somebody may have gone on typing; that is carried over.
function carryOver(rows: HTMLElement): Map<string, string> {
  const typed = new Map<string, string>();
  for (const one of fieldsOf(rows)) {
    const before = asked.get(keyOf(one));
    if (before !== undefined && before !== stateOf(one)) typed.set(keyOf(one), stateOf(one));
  }
  return typed;
}

// Gives back the fields that have it now.
function restore(rows: HTMLElement, typed: Map<string, string>): Field[] {
  const changed: Field[] = [];
  for (const field of fieldsOf(rows)) {
    const state = typed.get(keyOf(field));
    if (state === undefined || state === stateOf(field)) continue;
    if (isTicked(field)) field.checked = state === "true";
    else field.value = state;
    changed.push(field);
  }
  return changed;
}

// What was selected when the rows are drawn anew: a text that the Tab key has just reached is, whole.
// htmx gives back the focus, but no selection that begins at the first letter.
function selectedNow(): [string, number, number] | null {
  const field = document.activeElement;
  if (!(field instanceof HTMLInputElement) || field.selectionEnd === null) return null;
  return [field.id, field.selectionStart ?? 0, field.selectionEnd];
}

function selectAgain(selected: [string, number, number] | null): void {
  const field = document.activeElement;
  if (!selected || !(field instanceof HTMLInputElement) || field.id !== selected[0]) return;
  if (field.selectionEnd !== null) field.setSelectionRange(selected[1], selected[2]);
}

// After a press of a button the keyboard goes on where the press led: in the new row, say.
function focusFresh(rows: HTMLElement): void {
  const wanted = rows.querySelector<HTMLElement>("[data-focus]")?.dataset["focus"];
  const place = wanted ? document.getElementById(wanted) : null;
  const first = place?.querySelector<HTMLElement>(
    ":scope > .inline input, :scope > .inline select, :scope > .inline textarea, summary",
  );
  (first ?? place)?.focus();
}

// Each problem stands at its row, too.
function showWrong(part: ParentNode): void {
  const said = new Map<string, string>();
  for (const one of part.querySelectorAll<HTMLElement>("[data-wrong]")) {
    const id = one.dataset["wrong"] ?? "";
    said.set(id, `${said.get(id) ?? ""} ${one.textContent ?? ""}`.trim());
  }
  for (const place of document.querySelectorAll<HTMLElement>(".condition > .wrong")) {
    place.textContent = said.get(place.id) ?? "";
  }
}

// A tag that is offered goes into the field as a line of its own.
function addLine(button: HTMLElement): void {
  const field = button.closest(".field")?.querySelector<HTMLTextAreaElement>("textarea");
  const line = button.dataset["line"];
  if (!field || !line) return;
  const lines = field.value.split("\n").filter((one) => one.trim() !== "");
  field.value = [...lines.filter((one) => one !== line), line].join("\n");
  field.dispatchEvent(new Event("change", { bubbles: true }));
}

export function watchBuilder(): void {
  const rows = document.getElementById("rows");
  if (!rows) return;
  let typed = new Map<string, string>();
  let restored: Field[] = [];
  let selected: [string, number, number] | null = null;
  let opened: string[] = [];
  let isRedrawn = false;
  let pressed = "";
  const listen = (name: string, react: (by: Element) => void): void =>
    rows.addEventListener(name, (event) => {
      const { target, elt } = (event as CustomEvent).detail;
      if (target === rows) react(elt);
    });
  listen("htmx:beforeRequest", (by) => {
    remember(rows);
    isRedrawn = !(by instanceof HTMLButtonElement);
  });
  listen("htmx:beforeSwap", () => {
    typed = carryOver(rows);
    selected = selectedNow();
    opened = [...openMenus(rows)].filter((id) => !openThen.has(id));
  });
  listen("htmx:afterSwap", () => {
    restored = restore(rows, typed);
    for (const id of opened) document.getElementById(id)?.parentElement?.setAttribute("open", "");
    selectAgain(selected);
    focusFresh(rows);
  });
  // The fields that were changed are gone, and with them what they were about to ask for; so is a
  // button that was pressed meanwhile. (After another button the rows may have moved: then it is not.)
  listen("htmx:afterSettle", () => {
    isRedrawn = false;
    for (const field of restored.splice(0)) {
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }
    const again = pressed && rows.querySelector<HTMLElement>(`button[value="${pressed}"]`);
    pressed = "";
    if (again) again.click();
  });
  rows.addEventListener("click", (event) => {
    const button = (event.target as HTMLElement).closest<HTMLButtonElement>("button");
    if (button?.dataset["line"]) addLine(button);
    else if (button && isRedrawn) pressed = button.value;
  });
  document.getElementById("count")?.addEventListener("htmx:afterSwap", (event) => {
    showWrong(event.currentTarget as HTMLElement);
  });
}
