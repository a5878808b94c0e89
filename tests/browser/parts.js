// What there is on the page, through all shadow roots: texts, elements, and what still loads.
() => {
  const text = [];
  const parts = new Set();
  const busy = [];
  let height = 0;
  const visit = (node) => {
    if (node.nodeType === Node.TEXT_NODE) {
      if (node.data.trim()) text.push(node.data.trim());
      return;
    }
    if (node.nodeType === Node.ELEMENT_NODE) {
      const name = node.localName;
      if (["script", "style"].includes(name) || node.hidden) return;
      const style = getComputedStyle(node);
      if (style.display === "none" || style.visibility === "hidden") return;
      parts.add(name);
      if (/spinner|loading-screen/.test(name)) busy.push(name);
      if (name === "hui-view") height = node.scrollHeight;
      if (name === "slot" && node.assignedNodes().length) {
        node.assignedNodes({ flatten: true }).forEach(visit);
        return;
      }
    }
    (node.shadowRoot || node).childNodes.forEach(visit);
  };
  visit(document.body);
  if (!parts.has("home-assistant-main")) busy.push("start");
  return { text: text.join("\n"), parts: [...parts], busy, height };
};
