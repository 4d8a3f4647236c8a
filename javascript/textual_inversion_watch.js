// Calls what the other files put into textualInversionWatch whenever Gradio has changed the page.
"use strict";

(() => {
    let due = false;
    function look() {
        due = false;
        for (const watch of window.textualInversionWatch || []) watch();
    }
    function changed() {
        if (due) return;
        due = true;
        setTimeout(look, 100);
    }
    function begin() {
        new MutationObserver(changed).observe(document.body, {childList: true, subtree: true, attributes: true, attributeFilter: ["class", "style", "hidden"]});
        changed();
    }
    if (document.body) begin();
    else document.addEventListener("DOMContentLoaded", begin);
})();
