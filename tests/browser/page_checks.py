"""What every page must pass: nothing sideways, nothing pale."""

from __future__ import annotations

from typing import Any

PHONE, DESK = 390, 1200

#: Text whose contrast with what lies behind it is under 4.5 : 1 (WCAG 2.2, 1.4.3), with the ratio found.
LOW_CONTRAST = """(() => {
  const rgb = text => { const m = text.match(/[\\d.]+/g).map(Number); return m.length === 3 ? [...m, 1] : m; };
  const linear = v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = c => { const [r, g, b] = c.slice(0, 3).map(linear);
    return .2126 * r + .7152 * g + .0722 * b; };
  const behind = node => { for (; node; node = node.parentElement) {
    const c = rgb(getComputedStyle(node).backgroundColor);
    if (c[3] === 1) return c; } return [255, 255, 255, 1]; };
  return [...document.querySelectorAll('body *:not(svg *)')]
    .filter(node => [...node.childNodes].some(child => child.nodeType === 3 && child.data.trim()))
    .map(node => { const [a, b] = [light(rgb(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
      return [((a + .05) / (b + .05)).toFixed(2), node.textContent.trim().slice(0, 20)]; })
    .filter(([ratio]) => ratio < 4.5).map(found => found.join(' '));
})()"""


def overflow(tab: Any) -> int:
    """CSS pixels by which the page is wider than its window."""
    wider: int = tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wider
