// The web UI's own cards of embeddings: what a click on a marked one does, and new ones without its Refresh.
"use strict";

(() => {
    const PAGE = "textual_inversion", TABS = ["txt2img", "img2img"];

    const literally = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    const gap = () => (typeof opts === "object" && opts.extra_networks_add_text_separator) || " ";

    // Other names that contain it are not it.
    const places = (name) => new RegExp(`(?:${literally(gap())})?(?<![\\p{L}\\p{N}_-])${literally(name)}(?![\\p{L}\\p{N}_@-])`, "u");

    function put(box, name, wanted) {
        if (!box || !name || places(name).test(box.value) === wanted) return;
        box.value = wanted ? box.value + (box.value ? gap() : "") + name : box.value.replace(places(name), "");
        box.dispatchEvent(new Event("input", {bubbles: true}));
    }

    // A second click takes the name out again, as with the web UI's own cards; of a pair both halves, whichever were there.
    window.textualInversionCard = (card, positive, negative) => {
        const tab = TABS.find((name) => card.closest(`#tab_${name}`)) || TABS[0];
        const [prompt, other] = ["prompt", "neg_prompt"].map((box) => document.querySelector(`#${tab}_${box} textarea`));
        const [box, name] = positive ? [prompt, positive] : [other, negative];
        const wanted = Boolean(box) && !places(name).test(box.value);
        put(prompt, positive, wanted);
        put(other, negative, wanted);
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
