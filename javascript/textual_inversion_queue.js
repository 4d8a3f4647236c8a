// The runs that wait for their turn, and those that were queued before a restart. Text is always set as text.
"use strict";

window.textualInversionQueue = class {
    // place: where to draw; ask(path, body): the server; changed(): something else is to be shown now; choose(run): show one.
    constructor(place, {ask, changed, choose}) {
        Object.assign(this, {place, ask, changed, choose, goOn: null, key: ""});
        this.refusal = document.createElement("p");
        this.refusal.className = "ti-refusal";
    }

    // runs: all of them; chosen: the id of the one that is shown.
    async show(runs, chosen) {
        const line = runs.filter((run) => run.place).sort((a, b) => a.place - b.place);
        const others = runs.filter((run) => run.state === "held" || run.elsewhere);
        const waiting = [...line, ...others];
        const works = runs.find((run) => run.state === "running" || (run.state === "waiting" && !waiting.includes(run)));
        const busy = Boolean(works), other = busy && works.id !== chosen ? works : null;
        if (waiting.length && this.goOn === null) this.goOn = (await this.ask("queue").catch(() => ({}))).go_on_after_restart;
        const key = JSON.stringify([busy, other && [other.id, other.name], this.goOn, waiting.map((run) => [run.id, run.name, run.place, run.note, run.total_steps, run.step])]);
        if (key === this.key) return;
        this.key = key;
        this.place.hidden = !waiting.length && !other;
        if (!waiting.length) { this.refusal.textContent = ""; this.goOn = null; }
        const title = this.text("b", waiting.length === 1 ? "One run waits" : `${waiting.length} runs wait`);
        const rows = waiting.length ? [title, ...waiting.map((run) => this.row(run, {busy, last: line.length})), this.option()] : [];
        this.place.replaceChildren(...(other ? [this.now(other)] : []), ...rows, this.refusal);
    }

    now(run) {
        const row = document.createElement("div");
        row.className = "ti-queued";
        row.append(this.link(`Training now: ${run.name}`, run.id));
        return row;
    }

    link(text, run) {
        const link = this.button(text, () => this.choose(run));
        link.className = "ti-link";
        return link;
    }

    row(run, {busy, last}) {
        const row = document.createElement("div");
        row.className = "ti-queued";
        row.dataset.run = run.id;
        const name = this.link(run.place ? `${run.place}. ${run.name}` : run.name, run.id);
        const steps = run.step ? `from step ${run.step} to ${run.total_steps}` : `${run.total_steps} steps`;
        row.append(name, this.text("span", [steps, run.note].filter(Boolean).join(" · ")));
        const act = (text, path, body, label) => row.append(this.button(text, () => this.act(`runs/${run.id}/${path}`, body), label));
        if (run.place || run.state === "held") act(busy ? "Start next" : "Start", "start", {});
        if (run.place) {
            if (run.place > 1) act("↑", "move", {place: run.place - 1}, `Move ${run.name} up`);
            if (run.place < last) act("↓", "move", {place: run.place + 1}, `Move ${run.name} down`);
        }
        act("Remove", "interrupt", {}, `Remove ${run.name} from the queue`);
        return row;
    }

    option() {
        const box = document.createElement("input");
        box.type = "checkbox";
        box.checked = Boolean(this.goOn);
        box.addEventListener("change", () => {
            this.goOn = box.checked;
            this.act("queue", {go_on_after_restart: box.checked});
        });
        const label = document.createElement("label");
        label.className = "ti-go-on";
        label.append(box, " Go on by itself after a restart");
        return label;
    }

    async act(path, body) {
        this.refusal.textContent = "";
        try {
            await this.ask(path, body);
        } catch (error) {
            this.refusal.textContent = error.message;
        }
        this.changed();
    }

    text(tag, text) { return Object.assign(document.createElement(tag), {textContent: text}); }

    button(text, does, label) {
        const button = Object.assign(this.text("button", text), {type: "button", className: "ti-button"});
        if (label) button.setAttribute("aria-label", label);
        button.addEventListener("click", does);
        return button;
    }
};
