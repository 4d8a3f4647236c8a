// Forms drawn from what the server says of each field: label, help, limits, choices, and the value that it begins with.
"use strict";

(window.textualInversion = window.textualInversion || []).push((ti) => {
    let count = 0;

    // What is typed or chosen in, by the kind of a field: its node, and how its value is read and written.
    const CONTROLS = {
        "yes-no": ({value}, attributes) => {
            const node = ti.make("input", {...attributes, type: "checkbox", checked: Boolean(value)});
            return {node, read: () => node.checked, write: (wanted) => (node.checked = Boolean(wanted))};
        },
        number: ({value, low, high, step}, attributes) => {
            const limits = {min: low, max: high, step: step || "any"};
            const control = typed("input", {...attributes, ...limits, type: "number"}, value);
            return {...control, read: () => (control.node.value === "" ? "" : Number(control.node.value))};
        },
        choice: ({value, choices, words}, attributes) => {
            const pairs = choices.map((choice) => [choice, words[choice]]);
            const node = ti.select(pairs, value, {...attributes, class: "ti-input"});
            return {node, read: () => node.value, write: (wanted) => (node.value = wanted)};
        },
        choices: ({value, choices, words, label}) => {
            const boxes = choices.map((choice) => {
                return ti.make("input", {type: "checkbox", value: choice, checked: value.includes(choice)});
            });
            const lines = boxes.map((box) => {
                return ti.make("label", {class: "ti-check"}, box, ti.make("span", {text: words[box.value]}));
            });
            return {
                node: ti.make("div", {class: "ti-choices", role: "group", "aria-label": label}, ...lines),
                read: () => boxes.filter((box) => box.checked).map((box) => box.value),
                write: (wanted) => boxes.forEach((box) => (box.checked = wanted.includes(box.value))),
            };
        },
        texts: ({value}, attributes) => {
            const {node, write} = typed("textarea", {...attributes, rows: "3"}, value.join("\n"));
            return {node, read: () => node.value.split("\n"), write: (wanted) => write(wanted.join("\n"))};
        },
        file: (field, attributes) => {
            const node = ti.make("input", {...attributes, type: "file"});
            return {node, read: () => node.files[0], write: () => (node.value = "")};
        },
        "long text": ({value}, attributes) => typed("textarea", {...attributes, rows: "3"}, value),
        text: ({value}, attributes) => typed("input", {...attributes, type: "text"}, value),
    };

    function typed(tag, attributes, value) {
        const node = ti.make(tag, {...attributes, class: "ti-input"});
        const write = (wanted) => (node.value = wanted === null ? "" : wanted);
        write(value);
        return {node, read: () => node.value, write};
    }

    class Form {
        // `fields` as the server describes them. `only` are the names wanted, in their order; `skip` those asked for
        // elsewhere. `values` go before the server's, `controls` before those of a field's kind. `plain`: no groups.
        constructor(fields, {only, skip = [], values = {}, controls = {}, plain = false} = {}) {
            const wanted = only ? only.flatMap((name) => fields.filter((field) => field.name === name)) : fields;
            this.fields = wanted.filter((field) => !skip.includes(field.name));
            Object.assign(this, {given: values, own: controls, controls: {}, places: {}});
            this.node = ti.make("div", {class: "ti-form"});
            if (plain) this.node.append(this.grid(this.fields));
            else for (const [title, shown] of grouped(this.fields)) this.node.append(this.group(title, shown));
        }

        // Fields that are seldom needed are folded away: those of a group, or the whole of it.
        group(title, fields) {
            const [usual, more] = [false, true].map((seldom) => fields.filter((field) => field.advanced === seldom));
            if (!usual.length) return folded(title, "ti-section", this.grid(more));
            const section = ti.make("section", {class: "ti-section"}, ti.make("h4", {text: title}), this.grid(usual));
            if (more.length) section.append(folded("More", "ti-more", this.grid(more)));
            return section;
        }

        grid(fields) {
            return ti.make("div", {class: "ti-fields"}, ...fields.map((field) => this.place(field)));
        }

        // A field's label, control and help; a refusal is put below.
        place(field) {
            const id = `ti-field-${field.name}-${count++}`;
            const [help, described] = field.help ? [`${id}-help`, {"aria-describedby": `${id}-help`}] : [];
            const value = field.name in this.given ? this.given[field.name] : field.value;
            const control = this.own[field.name] || CONTROLS[field.kind]({...field, value}, {id, ...described});
            if (!control.node.id) control.node.id = id;
            this.controls[field.name] = control;
            const parts = labelled(field, control.node);
            if (help) parts.push(ti.make("p", {class: "ti-help", id: help, text: field.help}));
            const kind = isWide(field) ? "ti-field ti-wide" : "ti-field";
            this.places[field.name] = ti.make("div", {class: kind, "data-field": field.name}, ...parts);
            return this.places[field.name];
        }

        values() {
            return Object.fromEntries(Object.entries(this.controls).map(([name, control]) => [name, control.read()]));
        }

        set(values) {
            for (const [name, value] of Object.entries(values)) this.controls[name].write(value);
        }

        show(name, shown) {
            this.places[name].hidden = !shown;
        }

        // A refusal goes below the field that it is about; false where the form has no such field.
        refuse({field, message}) {
            this.forgive();
            const place = this.places[field];
            if (!place || place.hidden) return false;
            place.classList.add("ti-bad");
            place.append(ti.make("p", {class: "ti-refused", role: "alert", text: message}));
            for (let fold = place.closest("details"); fold; fold = fold.parentElement.closest("details"))
                fold.open = true;
            place.scrollIntoView({block: "center", behavior: "smooth"});
            return true;
        }

        forgive() {
            for (const place of Object.values(this.places)) place.classList.remove("ti-bad");
            for (const note of this.node.querySelectorAll(".ti-refused")) note.remove();
        }
    }

    function grouped(fields) {
        const groups = new Map();
        for (const field of fields) groups.set(field.group, [...(groups.get(field.group) || []), field]);
        return groups;
    }

    function folded(title, kind, ...parts) {
        return ti.make("details", {class: kind}, ti.make("summary", {text: title}), ...parts);
    }

    function labelled(field, node) {
        const alone = node.matches("input, select, textarea");
        if (node.type === "checkbox")
            return [ti.make("label", {class: "ti-check"}, node, ti.make("span", {text: field.label}))];
        const label = alone
            ? ti.make("label", {class: "ti-label", for: node.id, text: field.label})
            : ti.make("span", {class: "ti-label", text: field.label});
        return [label, node];
    }

    const isWide = (field) => ["texts", "long text"].includes(field.kind) || (field.kind === "text" && !field.advanced);

    // A form with a main button, where something is asked for in passing; its title is the group of its fields.
    class Dialog extends ti.Panel {
        constructor(root, {form, before = [], after = [], go, act}) {
            super(root);
            this.form = form;
            this.go = ti.button(go, () => this.send(act), {class: "ti-primary", "data-act": "go"});
            this.buttons = ti.make("div", {class: "ti-line"}, this.go);
            const title = form.fields[0].group;
            const parts = [ti.make("h4", {text: title}), ...before, form.node, this.buttons, this.note, ...after];
            this.node = ti.make(
                "div",
                {class: "ti-section ti-column ti-dialog", role: "group", "aria-label": title},
                ...parts,
            );
        }

        send(act) {
            return this.busy(this.go, () => this.attempt(() => act(this.form.values()), this.form));
        }
    }

    // Forms do not change while a page is open.
    const known = new Map();

    // The fields of what the routes of an area ("embeddings", "prepare"; none: of runs) take in, by the route's name.
    function forms(root, area = "") {
        const path = area ? `${area}/form` : "form";
        if (!known.has(path)) {
            const asked = ti.ask(root, path);
            asked.catch(() => known.delete(path));
            known.set(path, asked);
        }
        return known.get(path);
    }

    Object.assign(ti, {Form, Dialog, folded, forms});
});
