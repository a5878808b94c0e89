// The card `custom:eevion-sessions-card`: the sessions of a month. What it shows is decided in
// Python (`eevion/sessions`); here are its elements, and the formats that a person has chosen.

const COLUMNS = "start station site duration energy cost started_with vehicle end_reason".split(" ");
const NUMBERS = new Set(["duration", "energy", "cost"]);
const LOCALES = {
  comma_decimal: "en",
  decimal_comma: "de",
  space_comma: "fr",
  quote_decimal: "de-CH",
  none: "en",
  system: undefined,
};
const TIME = { day: "numeric", month: "short", hour: "numeric", minute: "2-digit" };
const MONTH = { month: "long", year: "numeric" };
// So many rows are added each time that the end of the table comes into view.
const CHUNK = 100;
const STYLE = `
  :host { display: block; container-type: inline-size; }
  ha-card { padding: 16px; }
  .bar { display: flex; flex-wrap: wrap; align-items: center; gap: 8px; }
  .month { min-width: 8em; text-align: center; font-weight: 500; }
  .space { flex: 1; }
  button, select {
    font: inherit; color: var(--primary-text-color); background: var(--card-background-color);
    min-height: 40px; min-width: 40px; max-width: 14em; padding: 0 8px;
    border: 1px solid var(--divider-color); border-radius: 8px;
  }
  button:enabled { cursor: pointer; }
  button:disabled { opacity: .4; }
  .sum { display: flex; flex-wrap: wrap; gap: 4px 24px; margin-top: 12px; }
  b { display: block; font-size: 1.4em; font-weight: 500; color: var(--primary-text-color); }
  .note, .sum { color: var(--secondary-text-color); }
  .note { margin: 12px 0; }
  .error { color: var(--error-color); }
  table { width: 100%; border-collapse: collapse; margin-top: 8px; }
  th { font-weight: 500; color: var(--secondary-text-color); }
  th, td { max-width: 12em; padding: 8px; text-align: start; overflow-wrap: break-word; }
  .number { text-align: end; }
  td.number, td.start { white-space: nowrap; }
  .one .site { display: none; }
  tr { border-bottom: 1px solid var(--divider-color); }
  @container (max-width: 700px) {
    thead, td:empty, .started_with { display: none; }
    .space { flex-basis: 100%; }
    table, tbody { display: block; }
    tr { display: grid; grid-template-columns: 1fr auto; gap: 0 16px; padding: 8px 0; }
    td { grid-column: 1; max-width: none; min-width: 0; padding: 0; }
    .number, .end_reason { grid-column: 2; text-align: end; }
    .energy::after { content: " kWh"; }
    .start, .energy { grid-row: 1; font-weight: 500; }
    .station, .cost { grid-row: 2; }
    .site, .duration { grid-row: 3; }
    .vehicle, .end_reason { grid-row: 4; }
    .site, .duration, .vehicle, .end_reason { color: var(--secondary-text-color); }
  }
`;

const make = (tag, properties, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};
const ifKnown = (value, format) => (value === null ? "" : format(value));
const byStart = (a, b) => (a.start < b.start || (a.start === b.start && a.id < b.id) ? -1 : 1);
const hours = (seconds) => {
  const minutes = Math.floor((seconds + 30) / 60);
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}`;
};

class EevionSessions extends HTMLElement {
  #config = {};
  #hass;
  #month;
  #only = "";
  #head = { texts: {}, stations: [] };
  #rows = [];
  #sums = [];
  #end;
  #shown = 0;
  #load = 0;
  #unsubscribe;
  #body = make("tbody");
  #last = make("div");
  #observer = new IntersectionObserver(([{ isIntersecting }]) => {
    if (isIntersecting && this.#shown < this.#rows.length) this.#showRows(this.#shown + CHUNK);
  });

  constructor() {
    super();
    this.attachShadow({ mode: "open" });
  }

  set config(config = {}) {
    const isNew = JSON.stringify(config.stations) !== JSON.stringify(this.#config.stations);
    this.#config = config;
    if (isNew) this.#reload({ only: "" });
  }

  set hass(hass) {
    const isNew = hass?.language !== this.#hass?.language;
    this.#hass = hass;
    if (isNew) this.#reload();
  }

  connectedCallback() {
    this.#reload();
  }

  disconnectedCallback() {
    this.#stop();
  }

  #stop() {
    this.#load += 1;
    this.#unsubscribe?.then((unsubscribe) => unsubscribe?.());
    this.#unsubscribe = undefined;
    this.#observer.disconnect();
  }

  #reload({ month = this.#month, only = this.#only } = {}) {
    this.#stop();
    this.#month = month;
    this.#only = only;
    if (!this.isConnected || !this.#hass) return;
    this.#clear();
    this.#render();
    const load = this.#load;
    const receive = (event) => load === this.#load && this.#receive(event);
    const { connection, language } = this.#hass;
    const stations = [this.#config.stations ?? []].flat();
    const message = { type: "eevion/sessions", language, stations };
    if (month) message.month = month;
    if (only) message.only = only;
    this.#unsubscribe = connection
      .subscribeMessage(receive, message)
      .catch((error) => receive({ error: error?.message ?? String(error) }));
  }

  #clear() {
    this.#rows = [];
    this.#sums = [];
    this.#end = undefined;
    this.#shown = 0;
  }

  #receive(event) {
    if (event.texts) {
      // Comes once more where the connection was lost: then everything follows again.
      this.#clear();
      this.#head = event;
    } else {
      this.#rows = this.#rows.concat(event.rows ?? []).sort((a, b) => byStart(b, a));
      this.#sums = event.sums ?? this.#sums;
      if (event.is_last || event.error !== undefined) this.#end = event;
    }
    this.#render();
  }

  #text(key) {
    return this.#head.texts[key] ?? "";
  }

  #number(value, digits, options) {
    const { language, number_format: chosen } = this.#hass.locale;
    return new Intl.NumberFormat(chosen in LOCALES ? LOCALES[chosen] : language, {
      useGrouping: chosen !== "none",
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
      ...options,
    }).format(value);
  }

  #money(value, currency) {
    return this.#number(value, 2, currency ? { style: "currency", currency } : {});
  }

  #date(text, options) {
    const { language, time_format: chosen } = this.#hass.locale;
    // The time at the site, wherever the browser is: both sides of the format are in UTC.
    return new Intl.DateTimeFormat(chosen === "system" ? undefined : language, {
      timeZone: "UTC",
      hour12: { 12: true, 24: false }[chosen],
      ...options,
    }).format(new Date(`${text}Z`));
  }

  #render() {
    const focus = this.shadowRoot.activeElement?.id;
    this.shadowRoot.replaceChildren(
      make("style", { textContent: STYLE }),
      make("ha-card", {}, this.#bar(), ...this.#sums.map((sum) => this.#sum(sum)), this.#note()),
    );
    if (this.#rows.length) {
      const header = make("tr", {}, ...this.#cells("th", (column) => this.#text(`column_${column}`)));
      this.#body = make("tbody");
      // With one site the choices are its stations alone.
      const className = this.#head.stations.some((choice) => choice.is_of_site) ? "" : "one";
      const table = make("table", { className }, make("thead", {}, header), this.#body);
      this.shadowRoot.lastChild.append(table, this.#last);
      // As many as before, so that a page which somebody scrolls stays where it is.
      const count = Math.max(this.#shown, CHUNK);
      this.#shown = 0;
      this.#showRows(count);
    }
    if (focus) this.shadowRoot.getElementById(focus)?.focus();
  }

  #button(id, text, disabled, onclick) {
    const title = this.#text(id);
    return make("button", { id, textContent: text, title, ariaLabel: title, disabled, onclick });
  }

  #bar() {
    const { previous, next, stations } = this.#head;
    const month = this.#month ?? this.#head.month;
    const go = (to) => () => this.#reload({ month: to });
    const option = (value, textContent) => make("option", { value, textContent });
    const filter = make(
      "select",
      { id: "filter", hidden: stations.length < 2, onchange: () => this.#reload({ only: filter.value }) },
      option("", this.#text("all_stations")),
      ...stations.map(({ id, name, is_of_site }) => option(id, `${is_of_site ? "\u2003" : ""}${name}`)),
    );
    filter.ariaLabel = this.#text("column_station");
    filter.value = this.#only;
    return make(
      "div",
      { className: "bar" },
      this.#button("previous", "‹", !previous, go(previous)),
      make("span", {
        className: "month",
        textContent: month ? this.#date(`${month}-01T00:00`, MONTH) : "",
      }),
      this.#button("next", "›", !next, go(next)),
      make("span", { className: "space" }),
      filter,
      this.#button("csv", "⤓ CSV", !this.#end?.is_last, () => this.#download()),
    );
  }

  #sum({ currency, sessions, energy_kwh: energy, cost }) {
    const figures = {
      count: this.#number(sessions, 0),
      column_energy: this.#number(energy, 3),
      column_cost: ifKnown(cost, (value) => this.#money(value, currency)),
    };
    const parts = Object.entries(figures).map(([key, textContent]) =>
      make("div", { hidden: !textContent }, this.#text(key), make("b", { textContent })),
    );
    return make("div", { className: "sum" }, ...parts);
  }

  #note() {
    const end = this.#end;
    if (end?.error !== undefined) {
      const text = make("p", { textContent: end.error });
      const retry = this.#button("retry", this.#text("retry") || "⟳", false, () => this.#reload());
      return make("div", { className: "note error", role: "alert" }, text, retry);
    }
    const isEmpty = end && !this.#rows.length;
    const key = !end ? "loading" : !end.is_complete ? "incomplete" : isEmpty ? "none" : "";
    return make("div", { className: "note", role: "status", textContent: this.#text(key) });
  }

  #cells(tag, text) {
    return COLUMNS.map((column) =>
      make(tag, {
        className: NUMBERS.has(column) ? `number ${column}` : column,
        textContent: text(column),
      }),
    );
  }

  #showRows(until) {
    for (const row of this.#rows.slice(this.#shown, until)) {
      const texts = {
        ...row,
        start: this.#date(row.start, TIME),
        duration: ifKnown(row.duration_s, hours),
        energy: ifKnown(row.energy_wh, (wh) => this.#number(wh / 1000, 3)),
        cost: ifKnown(row.cost, (cost) => this.#money(cost, row.currency)),
      };
      this.#body.append(make("tr", {}, ...this.#cells("td", (column) => texts[column])));
    }
    this.#shown = Math.min(until, this.#rows.length);
    // An observer reports again only what it observes anew.
    this.#observer.disconnect();
    this.#observer.observe(this.#last);
  }

  #download() {
    const lines = [...this.#rows].sort(byStart).map((row) => row.csv);
    const parts = [this.#head.csv, ...lines, this.#end.csv];
    const href = URL.createObjectURL(new Blob(parts, { type: "text/csv" }));
    make("a", { href, download: `eevion_${this.#head.month}.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60000);
  }
}

// A page that is open over an update of the integration may have loaded another version.
if (!customElements.get("eevion-sessions")) customElements.define("eevion-sessions", EevionSessions);
