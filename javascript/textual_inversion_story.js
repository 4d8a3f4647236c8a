// What the events of one run add up to: curves, previews and messages, thinned so that a long run stays light.
"use strict";

window.textualInversionStory = class {
    constructor() {
        Object.assign(this, {number: 0, steps: [], fixed: [], previews: [], messages: [], newest: null, latest: null, encoding: null, first: 0, kept: new Map(), figures: {}, cuts: 0});
    }

    add(event) {
        this.number = event.number;
        const take = this[`on_${event.event}`];
        if (take) take.call(this, event);
    }

    on_prepared(event) {
        this.cut(event.start_step);
        if (!this.steps.length) this.first = event.start_step;
        this.latest = null;
        this.tell("info", `${event.pictures} pictures, ${event.vectors} vectors, ${event.checkpoint || "unnamed checkpoint"}, on ${event.device}, from step ${event.start_step} to ${event.total_steps}.`);
    }

    on_encoding(event) { this.encoding = event.done < event.total ? event : null; }

    on_step(event) {
        this.encoding = null;
        this.newest = event;
        this.steps.push(event);
        if (this.steps.length > 4000) this.steps = this.steps.filter((_, index) => index % 2 === 0);
    }

    on_evaluated(event) {
        this.fixed.push(event);
        for (const [name, value] of Object.entries(event)) if (typeof value === "number" && !["step", "loss", "number"].includes(name)) this.figures[name] = value;
        if (this.fixed.length > 4000) this.fixed = this.fixed.filter((_, index) => index % 2 === 0);
    }

    on_preview(event) {
        this.previews.push(event);
        if (this.previews.length > 200) this.previews.shift();
    }

    on_saved(event) {
        if (event.what === "copy" || event.what === "picture") this.kept.set(event.step, event.path);
        if (event.what !== "state") this.tell("info", `Step ${event.step}: saved ${event.path}`);
    }

    on_warning(event) { this.tell("warning", event.message); }

    // A warning that comes with it has the words.
    on_rollback(event) { this.cut(event.to_step); }

    on_finished(event) {
        this.encoding = null;
        const kind = event.outcome === "failed" ? "error" : event.cause ? "warning" : "done";
        this.tell(kind, event.message);
    }

    // Steps after a rollback, or before a resume from an earlier step, did not happen.
    cut(step) {
        this.steps = this.steps.filter((event) => event.step <= step);
        this.fixed = this.fixed.filter((event) => event.step <= step);
        const previews = this.previews.filter((event) => event.step <= step);
        if (previews.length < this.previews.length) this.cuts += 1;
        this.previews = previews;
        for (const kept of [...this.kept.keys()]) if (kept > step) this.kept.delete(kept);
    }

    tell(kind, text) {
        this.messages.push({kind, text});
        if (kind !== "info") this.latest = {kind, text};
        if (this.messages.length > 100) this.messages.shift();
    }
};
