// The web UI's own cards of embeddings: what a click on a marked one does, and new ones without its Refresh.
"use strict";

(() => {
    const PAGE = "textual_inversion", TABS = ["txt2img", "img2img"];

    const literally = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    const gap = () => (typeof opts === "object" && opts.extra_networks_add_text_separator) || " ";

    // A second click takes the name out again, as with the web UI's own cards; other names that contain it stay.
    function toggle(box, name) {
        if (!box || !name) return;
        const there = new RegExp(`(?:${literally(gap())})?(?<![\\p{L}\\p{N}_-])${literally(name)}(?![\\p{L}\\p{N}_@-])`, "u");
        box.value = there.test(box.value) ? box.value.replace(there, "") : box.value + (box.value ? gap() : "") + name;
        box.dispatchEvent(new Event("input", {bubbles: true}));
    }

    window.textualInversionCard = (card, positive, negative) => {
        const tab = TABS.find((name) => card.closest(`#tab_${name}`)) || TABS[0];
        toggle(document.querySelector(`#${tab}_prompt textarea`), positive);
        toggle(document.querySelector(`#${tab}_neg_prompt textarea`), negative);
    };

    // The HTML is what the web UI itself puts there when its Refresh is pressed: its own template, names escaped by it.
    async function refresh() {
        const place = document.querySelector("[data-ti-monitor]");
        if (!place) return;
        for (const tab of TABS) {
            const cards = document.getElementById(`${tab}_${PAGE}_cards`);
            if (!cards) continue;
            try {
                const {html} = await window.textualInversionAsk(place.dataset.api, `cards/${tab}`);
                if (html === null) continue;
                cards.innerHTML = html;
                if (typeof applyExtraNetworkFilter === "function") applyExtraNetworkFilter(`${tab}_${PAGE}`);
            } catch (error) {
                console.warn(`Textual Inversion: the cards could not be refreshed: ${error.message}`);
            }
        }
    }

    let due = 0;
    function soon() {
        clearTimeout(due);
        due = setTimeout(refresh, 200);
    }

    let told = "";
    function lookForDone() {
        const done = [...document.querySelectorAll(".ti-message-done")].map((message) => message.textContent).join("\n");
        if (done === told) return;
        told = done;
        if (done) soon();
    }

    document.addEventListener("ti-embeddings-changed", soon);
    window.textualInversionWatch = window.textualInversionWatch || [];
    window.textualInversionWatch.push(lookForDone);
})();
