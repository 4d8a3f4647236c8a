// Cards of embeddings: those of the standalone app's Generate tab, and what is done to a web UI's own.
"use strict";

(window.textualInversion = window.textualInversion || []).push((ti) => {
    const [PAGE, TABS] = ["textual_inversion", ["txt2img", "img2img"]];

    const literally = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    const gap = () => (typeof opts === "object" && opts.extra_networks_add_text_separator) || " ";

    // Other names that contain it are not it.
    const places = (name) =>
        new RegExp(`(?:${literally(gap())})?(?<![\\p{L}\\p{N}_-])${literally(name)}(?![\\p{L}\\p{N}_@-])`, "u");

    // Have `name` in a prompt's box, or not.
    function put(box, name, wanted) {
        if (!box || !name || places(name).test(box.value) === wanted) return;
        ti.write(box, wanted ? box.value + (box.value ? gap() : "") + name : box.value.replace(places(name), ""));
    }

    // For a web UI's cards: a second click takes the name out again, as with its own; of a pair both halves,
    // whichever were there.
    window.textualInversionCard = (card, positive, negative) => {
        const tab = TABS.find((name) => card.closest(`#tab_${name}`)) || TABS[0];
        const [prompt, other] = ["prompt", "neg_prompt"].map((box) => ti.boxOf(`${tab}_${box}`));
        const [box, name] = positive ? [prompt, positive] : [other, negative];
        const wanted = Boolean(box) && !places(name).test(box.value);
        put(prompt, positive, wanted);
        put(other, negative, wanted);
    };

    // Where a person writes: at the cursor, as a word of its own.
    function insert(box, word) {
        if (!box) return;
        const [before, after] = [box.value.slice(0, box.selectionStart), box.value.slice(box.selectionEnd)];
        const space = before && !/[\s([,]$/.test(before) ? " " : "";
        ti.write(box, before + space + word + after);
        box.selectionStart = box.selectionEnd = before.length + space.length + word.length;
        box.focus();
    }

    // The names of an embedding for a prompt and for a negative prompt: of a pair both, of what is for the latter one.
    function namesOf(entry) {
        if (entry.pair === "negative" || entry.negative) return ["", entry.name];
        return [entry.name, entry.pair === "positive" ? entry.partner : ""];
    }

    // Opens the tab of some prompt boxes and has the embedding in them, once each.
    ti.useInPrompt = async ({tab, target, negative}, entry) => {
        ti.openTab(tab);
        for (const [id, name] of [target, negative].map((id, at) => [id, namesOf(entry)[at]])) {
            const box = name && (await ti.drawn(id));
            if (box && !places(name).test(box.value))
                await ti.writeSafely(id, box.value + (box.value ? gap() : "") + name);
        }
    };

    // A click on a card: where the cursor is, and of a pair the other half too.
    function use({target, negative}, entry) {
        const [prompt, other] = [ti.boxOf(target), ti.boxOf(negative)];
        const [positive, against] = namesOf(entry);
        if (against && !(positive && other && other.value.includes(against))) insert(other, against);
        if (positive) insert(prompt, positive);
    }

    class Cards extends ti.Panel {
        constructor(place) {
            super(place.dataset.api);
            this.place = place;
            this.fill();
        }

        async fill() {
            const found = await this.load(() => this.ask("embeddings"));
            if (!found) {
                if (this.note.textContent) this.place.replaceChildren(this.note);
                return;
            }
            const none = ti.make("span", {text: "No embeddings yet: make one in Create."});
            const cards = found.embeddings.map((entry) => this.card(entry));
            this.place.replaceChildren(...(cards.length ? cards : [none]));
        }

        card(entry) {
            const step = entry.step === null ? "step unknown" : `step ${entry.step}`;
            const about = entry.error ? "cannot be read" : `${ti.plural(entry.vectors, "vector")}, ${step}`;
            const title = entry.error || `Insert ${entry.name}`;
            const onclick = () => use(this.place.dataset, entry);
            const attributes = {type: "button", class: "ti-card", title, disabled: Boolean(entry.error), onclick};
            return ti.make("button", attributes, ti.make("b", {text: entry.name}), ti.make("span", {text: about}));
        }
    }

    // A web UI's own cards for one of its tabs. The HTML is what it puts there itself when its Refresh is pressed:
    // its own template, names escaped by it.
    class WebUICards extends ti.Panel {
        async refresh(tab) {
            const place = document.getElementById(`${tab}_${PAGE}_cards`);
            const found = place && (await this.load(() => this.ask(`cards/${tab}`), tab));
            if (!found || found.html === null) return;
            place.innerHTML = found.html;
            if (typeof applyExtraNetworkFilter === "function") applyExtraNetworkFilter(`${tab}_${PAGE}`);
        }

        refuse(error) {
            console.warn(`Textual Inversion: the cards could not be refreshed: ${error.message}`);
        }
    }

    const panels = ti.onPlaces("[data-ti-cards]", (place) => new Cards(place), {unseen: true});
    const webUI = ti.onPlaces("[data-ti-monitor]", (place) => new WebUICards(place.dataset.api), {unseen: true});

    function refreshWebUI() {
        const [cards] = webUI.values();
        if (cards) TABS.forEach((tab) => cards.refresh(tab));
    }

    let due = 0;
    document.addEventListener("ti-embeddings-changed", () => {
        for (const panel of panels.values()) panel.fill();
        clearTimeout(due);
        due = setTimeout(refreshWebUI, 200);
    });
});
