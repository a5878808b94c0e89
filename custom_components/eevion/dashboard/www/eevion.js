// Registers the dashboard and the sessions card. Home Assistant loads this file with every page,
// so it is short; what a card needs comes from the files beside it when it is shown.

// The version that this file was loaded with is that of the files beside it, too.
const { search } = new URL(import.meta.url);

const ask = (hass, path) =>
  hass.callWS({ type: "eevion/dashboard", language: hass.locale.language, ...(path && { path }) });

// The last answer: the page draws everything again unless it gets the same views.
let last;
let views = [];

class EevionDashboard extends HTMLElement {
  static async generate(_config, hass) {
    const answer = await ask(hass);
    const text = JSON.stringify(answer);
    if (text !== last) {
      const paths = new Set(answer.views.map(({ path }) => path));
      // The page fails if the view that it shows is gone: it stays, without a tab, and says so.
      const gone = views.filter(({ path }) => !paths.has(path));
      views = [...answer.views, ...gone.map((view) => ({ ...view, subview: true }))];
      last = text;
    }
    return { views };
  }
}

class EevionView extends HTMLElement {
  static async generate({ path }, hass) {
    return ask(hass, path);
  }
}

// Stands for the card until its file is there. `sessions-card.js` defines the element
// `eevion-sessions`, which gets the properties `config` and `hass`.
class EevionSessionsCard extends HTMLElement {
  #card;
  #hass;
  #config;

  setConfig(config) {
    this.#config = config;
    this.#update();
  }

  set hass(hass) {
    this.#hass = hass;
    this.#update();
  }

  async connectedCallback() {
    await import(`./sessions-card.js${search}`);
    if (!this.#card) {
      this.#card = document.createElement("eevion-sessions");
      this.append(this.#card);
    }
    this.#update();
  }

  #update() {
    if (this.#card) {
      this.#card.config = this.#config;
      this.#card.hass = this.#hass;
    }
  }

  getCardSize() {
    return 8;
  }

  getGridOptions() {
    return { columns: "full" };
  }

  static getStubConfig() {
    return {};
  }

  static getConfigForm() {
    const selector = { device: { multiple: true, filter: [{ integration: "eevion" }] } };
    return {
      schema: [{ name: "stations", selector }],
      computeLabel: (_field, localize) => localize("ui.components.target-picker.type.devices"),
    };
  }
}

// Only one of the pickers waits for the texts.
const text = (key) => {
  const { hass } = document.querySelector("home-assistant");
  hass?.loadBackendTranslation("common", "eevion");
  return hass?.localize(`component.eevion.common.picker_${key}`);
};

// The page replaces the registry of elements while it starts; what was defined before is lost.
await customElements.whenDefined("home-assistant");
// A page that is open over an update of the integration has loaded another version already.
if (!customElements.get("eevion-sessions-card")) {
  customElements.define("ll-strategy-dashboard-eevion", EevionDashboard);
  customElements.define("ll-strategy-view-eevion", EevionView);
  customElements.define("eevion-sessions-card", EevionSessionsCard);
  (window.customStrategies ??= []).push({
    type: "eevion",
    strategyType: "dashboard",
    name: "Eevion",
    get description() {
      return text("dashboard");
    },
  });
  (window.customCards ??= []).push({
    type: "eevion-sessions-card",
    name: "Eevion",
    get description() {
      return text("sessions") || "Charging sessions";
    },
    preview: false,
    getEntitySuggestion({ entities }, id) {
      const { platform, device_id: station } = entities[id] ?? {};
      const config = { type: "custom:eevion-sessions-card", stations: [station] };
      return platform === "eevion" && station ? { config } : null;
    },
  });
}
