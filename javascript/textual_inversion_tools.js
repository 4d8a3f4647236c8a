// Small helpers of all panels. Whatever comes from the server is set as text, never as HTML.
"use strict";

window.textualInversionTools = (() => {
    // Relative to the page: right behind --subpath and behind a proxy too.
    function address(root, path, query) {
        const url = new URL(root + path, location.origin + location.pathname.replace(/[^/]*$/, ""));
        for (const [key, value] of Object.entries(query || {})) url.searchParams.set(key, value);
        return url.href;
    }

    async function ask(root, path, {query, body} = {}) {
        const options = {credentials: "same-origin", cache: "no-store"};
        if (body) Object.assign(options, {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)});
        const answer = await fetch(address(root, path, query), options);
        const content = await answer.json().catch(() => ({}));
        if (answer.ok) return content;
        throw Object.assign(new Error(content.error || `The server answered ${answer.status}.`), {status: answer.status, field: content.field});
    }

    function make(tag, {text, ...attributes} = {}, ...children) {
        const node = document.createElement(tag);
        for (const [key, value] of Object.entries(attributes)) {
            if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
            else if (typeof value === "boolean") node[key] = value;
            else if (value !== undefined && value !== null) node.setAttribute(key, value);
        }
        if (text !== undefined && text !== null) node.textContent = text;
        node.append(...children.filter((child) => child !== null && child !== undefined));
        return node;
    }

    const button = (text, act, name) => make("button", {type: "button", class: "ti-button", text, "data-act": name, onclick: act});

    // A labelled field; an error that names it is shown below it.
    function field(name, label, input, help) {
        input.dataset.field = name;
        const box = input.type === "checkbox";
        const caption = make("span", {class: "ti-lib-label", text: label});
        return make("label", {class: `ti-lib-field${box ? " ti-lib-check" : ""}`}, ...(box ? [input, caption] : [caption, input]),
            help ? make("small", {text: help}) : null, make("small", {class: "ti-lib-wrong"}));
    }

    function choices(pairs, chosen) {
        const node = make("select");
        node.append(...pairs.map(([value, text]) => make("option", {value, text})));
        if (chosen !== undefined) node.value = chosen;
        return node;
    }

    // A form: fields, one main button, and where a refusal is told.
    function form(title, fields, go, act) {
        const refusal = make("p", {class: "ti-refusal", role: "alert"});
        const main = button(go, null, "go");
        main.classList.add("ti-lib-go");
        const node = make("div", {class: "ti-lib-form", role: "group", "aria-label": title}, make("h4", {text: title}), ...fields, make("div", {class: "ti-buttons"}, main), refusal);
        const wrongs = () => node.querySelectorAll(".ti-lib-wrong");
        main.addEventListener("click", async () => {
            refusal.textContent = "";
            for (const wrong of wrongs()) wrong.textContent = "";
            main.disabled = true;
            try {
                await act(node);
            } catch (error) {
                const input = error.field && node.querySelector(`[data-field="${CSS.escape(error.field)}"]`);
                const place = input ? input.closest(".ti-lib-field").querySelector(".ti-lib-wrong") : refusal;
                place.textContent = error.message;
            }
            main.disabled = false;
        });
        return node;
    }

    function bytes(size) {
        return size < 1024 ? `${size} B` : size < 1024 * 1024 ? `${(size / 1024).toFixed(1)} KB` : `${(size / 1024 / 1024).toFixed(1)} MB`;
    }

    const when = (seconds) => new Date(seconds * 1000).toLocaleString([], {dateStyle: "medium", timeStyle: "short"});
    const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

    // A chosen file as a data: address, as it is.
    const fileData = (file) => new Promise((done, fail) => {
        const reader = new FileReader();
        reader.onload = () => done(reader.result);
        reader.onerror = () => fail(new Error(`${file.name} cannot be read.`));
        reader.readAsDataURL(file);
    });

    // A chosen picture, made smaller where it is much larger than a card.
    async function pictureData(file, most = 1024) {
        const image = await createImageBitmap(file).catch(() => null);
        if (!image || Math.max(image.width, image.height) <= most) return fileData(file);
        const scale = most / Math.max(image.width, image.height);
        const canvas = make("canvas", {width: Math.round(image.width * scale), height: Math.round(image.height * scale)});
        canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
        return canvas.toDataURL("image/png");
    }

    return {address, ask, make, button, field, choices, form, bytes, when, plural, fileData, pictureData};
})();
