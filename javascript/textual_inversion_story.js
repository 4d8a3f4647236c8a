// What the events of one run add up to: curves, previews and messages, thinned so that a long run stays light.
"use strict";

(window.textualInversion = window.textualInversion || []).push((ti) => {
    const [MOST_POINTS, MOST_PREVIEWS, MOST_MESSAGES] = [4000, 200, 100];
    const NO_FIGURES = new Set(["event", "number", "step", "loss", "best"]);

    // The last one stays: they are thinned when there is one too many.
    const thinned = (events) => (events.length > MOST_POINTS ? events.filter((_, at) => at % 2 === 0) : events);

    ti.Story = class {
        constructor() {
            const lists = {steps: [], fixed: [], previews: [], messages: [], kept: new Map()};
            Object.assign(this, {number: 0, first: 0, cuts: 0, latest: null, phase: "", ...lists});
        }

        // The last step that was not taken back.
        get newest() {
            return this.steps.at(-1);
        }

        // What the last evaluation told besides the loss.
        get figures() {
            const told = Object.entries(this.fixed.at(-1) || {});
            return Object.fromEntries(told.filter(([name, value]) => !NO_FIGURES.has(name) && Number.isFinite(value)));
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
            this.phase = "measuring the loss before the first step";
            const {pictures, vectors, checkpoint, device, start_step: from, total_steps: to} = event;
            const what = `${pictures} pictures, ${vectors} vectors, ${checkpoint || "unnamed checkpoint"}`;
            this.tell("info", `${what}, on ${device}, from step ${from} to ${to}.`);
        }

        on_encoding(event) {
            this.phase = event.done < event.total ? `encoding pictures, ${event.done} of ${event.total}` : "";
        }

        on_step(event) {
            this.phase = "";
            this.steps.push(event);
            this.steps = thinned(this.steps);
        }

        on_evaluated(event) {
            this.phase = "";
            this.fixed.push(event);
            this.fixed = thinned(this.fixed);
        }

        on_preview(event) {
            this.previews.push(event);
            if (this.previews.length > MOST_PREVIEWS) this.previews.shift();
        }

        on_saved(event) {
            if (event.what === "copy" || event.what === "picture") this.kept.set(event.step, event.path);
            if (event.what !== "state") this.tell("info", `Step ${event.step}: saved ${event.path}`);
        }

        on_warning(event) {
            this.tell("warning", event.message);
        }

        // A warning that comes with it has the words.
        on_rollback(event) {
            this.cut(event.to_step);
        }

        on_finished(event) {
            this.phase = "";
            const kind = event.outcome === "failed" ? "error" : event.cause ? "warning" : "done";
            this.tell(kind, event.message);
        }

        // Steps after a rollback, or before a resume from an earlier step, did not happen.
        cut(step) {
            const before = (event) => event.step <= step;
            this.steps = this.steps.filter(before);
            this.fixed = this.fixed.filter(before);
            const previews = this.previews.filter(before);
            if (previews.length < this.previews.length) this.cuts += 1;
            this.previews = previews;
            for (const kept of [...this.kept.keys()]) if (kept > step) this.kept.delete(kept);
        }

        tell(kind, text) {
            const message = {kind, text};
            this.messages.push(message);
            if (kind !== "info") this.latest = message;
            if (this.messages.length > MOST_MESSAGES) this.messages.shift();
        }
    };
});
