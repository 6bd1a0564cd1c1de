// Wide tables can be scrolled by keyboard too.
const reach = () => document.querySelectorAll(".md-typeset__scrollwrap:not([tabindex])").forEach((one) => (one.tabIndex = 0));
new MutationObserver(reach).observe(document.body, { childList: true, subtree: true });
reach();
