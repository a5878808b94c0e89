// The card `custom:eevion-sessions-card`: the charging sessions of a month.

class EevionSessions extends HTMLElement {
  config;
  hass;
}

if (!customElements.get("eevion-sessions")) customElements.define("eevion-sessions", EevionSessions);
