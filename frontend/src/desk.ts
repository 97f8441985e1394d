// What the desk needs beyond plain pages: htmx for parts that change, and a few small manners.
// Everything works without this script; it only saves page loads and clicks.
import htmx from "htmx.org";
import { watchBuilder } from "./builder";

htmx.config.allowEval = false;
htmx.config.includeIndicatorStyles = false;
htmx.config.historyCacheSize = 0; // people's data is not to lie around in the browser's storage
htmx.config.selfRequestsOnly = true;
htmx.config.responseHandling = [
  { code: "204", swap: false },
  { code: "[23]..", swap: true },
  { code: "422", swap: true }, // a form with what is wrong in it
  { code: "[45]..", swap: true, error: true },
];

// A one-time link opens with one button; pressing it is left to the script where there is one.
function submitAtOnce(root: ParentNode): void {
  root.querySelector<HTMLFormElement>("form[data-submit-at-once]")?.requestSubmit();
}

// After a page or part came with errors, the summary takes the focus, so that it is read out.
function focusErrors(root: ParentNode): void {
  root.querySelector<HTMLElement>("[data-errors]")?.focus();
}

function onKey(event: KeyboardEvent): void {
  const target = event.target as HTMLElement;
  const writing = target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !writing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const search = document.querySelector<HTMLInputElement>("input[type=search]");
    if (search) {
      event.preventDefault();
      search.focus();
    }
  }
  if (event.key === "Escape") {
    const menu = document.querySelector<HTMLDetailsElement>("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary")?.focus();
    }
  }
}

function onClick(event: MouseEvent): void {
  const target = event.target as HTMLElement;
  const insert = target.closest<HTMLButtonElement>("button[data-insert]");
  if (insert) insertChip(insert);
  const wrap = target.closest<HTMLButtonElement>("button[data-wrap]");
  if (wrap) wrapSelection(wrap);
  const copy = target.closest<HTMLButtonElement>("button[data-copy]");
  if (copy) void navigator.clipboard?.writeText(copy.dataset["copy"] ?? "");
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu[open]")) {
    if (!menu.contains(target)) menu.open = false;
  }
}

// Chips put a name into the text that was written in last, where the cursor stood.
let lastField: HTMLInputElement | HTMLTextAreaElement | null = null;

function rememberField(event: FocusEvent): void {
  const target = event.target;
  const isText =
    target instanceof HTMLTextAreaElement ||
    (target instanceof HTMLInputElement && target.type === "text");
  if (isText && target.dataset["chips"] !== undefined) lastField = target;
}

function insertChip(button: HTMLButtonElement): void {
  const field =
    lastField?.isConnected === true
      ? lastField
      : button.form?.querySelector<HTMLTextAreaElement>("[data-chips]");
  if (!field) return;
  const start = field.selectionStart ?? field.value.length;
  field.setRangeText(button.dataset["insert"] ?? "", start, field.selectionEnd ?? start, "end");
  field.focus();
  field.dispatchEvent(new Event("change", { bubbles: true }));
}

// Marks go around the selected words, or to the start of the line for lists.
function wrapSelection(button: HTMLButtonElement): void {
  const field = button.closest("fieldset")?.querySelector<HTMLTextAreaElement>("textarea");
  if (!field) return;
  const mark = button.dataset["wrap"] ?? "";
  const [start, end] = [field.selectionStart, field.selectionEnd];
  const words = field.value.slice(start, end);
  if (mark === "- ") {
    const line = field.value.lastIndexOf("\n", start - 1) + 1;
    field.setRangeText(mark, line, line, "end");
  } else if (mark === "[]") {
    field.setRangeText(`[${words}](https://)`, start, end, "end");
  } else {
    field.setRangeText(mark + words + mark, start, end, "select");
  }
  field.focus();
}

// The charts' script is ten times as large as this one: it comes when there is one to draw.
function fetchCharts(): void {
  const source = document.body.dataset["charts"];
  if (!source || !document.querySelector("[data-chart]")) return;
  delete document.body.dataset["charts"];
  const script = document.createElement("script");
  script.src = source;
  document.head.append(script);
}

function onChange(event: Event): void {
  const target = event.target as HTMLElement;
  if (target.matches("[data-submit-on-change]")) target.closest("form")?.requestSubmit();
}

function onSubmit(event: SubmitEvent): void {
  const form = event.target as HTMLFormElement;
  const question = (event.submitter as HTMLElement | null)?.dataset["confirm"];
  if (question && !window.confirm(question)) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  form.setAttribute("aria-busy", "true");
}

document.addEventListener("keydown", onKey);
document.addEventListener("click", onClick);
document.addEventListener("focusin", rememberField);
document.addEventListener("change", onChange);
document.addEventListener("submit", onSubmit, { capture: true });
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[aria-busy]")) form.removeAttribute("aria-busy");
});
document.addEventListener("htmx:afterSettle", (event) => {
  focusErrors(event.target as HTMLElement);
  fetchCharts();
  // Work that ended changed more than its own part of the page.
  if (document.querySelector("[data-finished]")) window.location.reload();
});
watchBuilder();
submitAtOnce(document);
focusErrors(document);
fetchCharts();
