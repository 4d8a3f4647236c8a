// The monitor: follows a training run over HTTP and draws it into every [data-ti-monitor] of the page.
// Whatever comes from the server (names, prompts, messages, infotexts) is set as text, never as HTML.
"use strict";

(() => {
    const ACTIVE = new Set(["waiting", "running"]);
    const QUICK = 700, CALM = 2500, HIDDEN = 6000, RUNS_EVERY = 4000;
    const MOST_PREVIEWS = 200;

    // Looked up when they are called: the order in which a page loads our files is not ours to choose.
    const address = (...given) => window.textualInversionTools.address(...given);
    const make = (...given) => window.textualInversionTools.make(...given);
    const ask = (root, path, body) => window.textualInversionTools.ask(root, path, {body});

    function duration(seconds) {
        if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
        const whole = Math.round(seconds);
        const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
        const two = (n) => String(n).padStart(2, "0");
        return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
    }

    // What the study of a run calls its figures, in a person's words.
    const FIGURES = {
        gain: {label: "Gain over the word", show: (value) => `${Math.round(value * 100)} %`, help: "How much of the loss that the initial words leave is gone. Below 0: worse than those words."},
        drift: {label: "Drift of the rest", help: "How far the words around the embedding have moved from their meaning: the less, the better it can be combined with others."},
    };

    function state(run) {
        if (run.state === "resumable") return "on disk";
        if (run.state === "held") return "queued before the restart";
        return run.place ? `waiting, number ${run.place}` : run.state;
    }

    function standing(run) {
        if (ACTIVE.has(run.state) || run.state === "held") return state(run);
        return `${state(run)}, step ${run.step}${run.state === "resumable" && run.total_steps ? ` of ${run.total_steps}` : ""}`;
    }

    class Monitor {
        constructor(place) {
            this.root = place.dataset.api;
            this.place = place;
            this.runs = [];
            this.chosen = null;
            this.build();
            this.follow(null);
            this.loop();
        }

        build() {
            const part = (name, tag = "div") => (this[name] = make(tag, {class: `ti-${name}`}));
            const chart = (name, title) => make("figure", {class: `ti-chart ti-chart-${name}`}, make("figcaption", {text: title}), this[name] = document.createElementNS("http://www.w3.org/2000/svg", "svg"));
            this.place.replaceChildren(
                make("div", {class: "ti-head"}, part("list", "select"), part("state", "span")),
                part("queue"),
                make("div", {class: "ti-bar"}, part("filled")),
                part("figures"), part("buttons"), part("steps"), part("refusal"), part("latest"), part("advice"),
                make("div", {class: "ti-charts"},
                    chart("losses", "Loss: smoothed (line), each step (faint), fixed batch (dots)"),
                    chart("rates", "Learning rate"),
                    chart("norms", "Vector norm (1: the model's own)"),
                    chart("gradients", "Gradient norm")),
                part("prompt"), part("strip"), part("large"), part("messages"));
            this.list.setAttribute("aria-label", "Run");
            this.list.addEventListener("change", () => { this.follow(this.list.value); this.poke(); });
            this.filled.parentNode.setAttribute("role", "progressbar");
            this.acts = {};
            const button = (act, text) => {
                this.acts[act] = make("button", {type: "button", text, "data-act": act, class: "ti-button"});
                this.acts[act].addEventListener("click", () => this.act(act));
                this.buttons.append(this.acts[act]);
            };
            button("start", "Start");
            button("interrupt", "Interrupt");
            button("pause", "Pause");
            button("resume", "Resume");
            this.total = make("input", {type: "number", min: "1", class: "ti-total"});
            this.upTo = make("label", {class: "ti-up-to", text: "up to step "}, this.total);
            this.buttons.append(this.upTo);
            button("save", "Save now");
            button("preview", "Preview now");
            this.line = new window.textualInversionQueue(this.queue, {
                ask: (path, body) => ask(this.root, path, body),
                changed: () => { this.listed = 0; this.poke(); },
                choose: (run) => { this.follow(run); this.poke(); },
            });
            this.kept = new window.textualInversionSteps(this.steps, {
                act: (act, body) => this.tell(act, body),
                say: (kind, text) => { this.story.tell(kind, text); this.draw(); },
                follow: (run) => { this.follow(run); this.poke(); },
            });
            new ResizeObserver(() => this.draw()).observe(this.place);
        }

        follow(run) {
            this.chosen = run;
            this.run = null;
            this.story = new window.textualInversionStory();
            this.total.value = "";
            this.strip.replaceChildren();
            this.large.replaceChildren();
            this.refusal.textContent = "";
            this.shown = this.cuts = 0;
            this.kept.forget();
        }

        async loop() {
            while (this.place.isConnected) {
                const seen = !document.hidden && this.place.offsetParent !== null;
                let wait = seen ? CALM : HIDDEN;
                try {
                    await this.update();
                    if (seen && this.run && ACTIVE.has(this.run.state)) wait = QUICK;
                } catch (error) {
                    if (error.status === 404) this.follow(null);
                    this.state.textContent = error.status ? error.message : "The server does not answer; trying again.";
                    wait = CALM;
                }
                await new Promise((done) => { this.wake = done; setTimeout(done, wait); });
            }
        }

        poke() { if (this.wake) this.wake(); }

        async update() {
            if (!this.listed || Date.now() - this.listed > RUNS_EVERY || !this.chosen) await this.updateRuns();
            if (!this.chosen) return this.draw();
            const chosen = this.chosen;
            for (let more = true; more && chosen === this.chosen;) {
                const answer = await ask(this.root, `runs/${chosen}/events?after=${this.story.number}`);
                if (chosen !== this.chosen) return undefined;
                const was = this.run && this.run.state;
                this.run = answer.run;
                answer.events.forEach((event) => this.story.add(event));
                if (was && was !== this.run.state) this.changed();
                more = answer.more;
            }
            return this.draw();
        }

        async updateRuns() {
            this.runs = (await ask(this.root, "runs")).runs;
            this.listed = Date.now();
            const states = this.runs.map((run) => `${run.id} ${run.state}`).join();
            if (this.states !== undefined && this.states !== states) document.dispatchEvent(new CustomEvent("ti-embeddings-changed"));
            this.states = states;
            if (!this.chosen && this.runs.length) {
                const first = (is) => this.runs.find(is);
                const begin = first((run) => run.state === "running") || first((run) => ACTIVE.has(run.state)) || first((run) => run.state !== "resumable");
                if (begin) this.follow(begin.id);
            }
            this.drawList();
            await this.line.show(this.runs, this.chosen);
        }

        changed() {
            this.listed = 0;
            document.dispatchEvent(new CustomEvent("ti-embeddings-changed"));
        }

        async act(act) {
            const body = {};
            if (act === "resume" && Number(this.total.value) > 0 && Number(this.total.value) !== this.run.total_steps) body.steps = Number(this.total.value);
            await this.tell(act, body);
        }

        // The server's answer; null where it refused, which is shown.
        async tell(act, body) {
            this.refusal.textContent = "";
            let answer = null;
            try {
                answer = await ask(this.root, `runs/${this.chosen}/${act}`, body);
            } catch (error) {
                this.refusal.textContent = error.message;
            }
            this.listed = 0;
            this.poke();
            return answer;
        }

        drawList() {
            const label = (run) => `${run.name} · ${standing(run)}`;
            const key = JSON.stringify(this.runs.map((run) => [run.id, label(run)])) + this.chosen;
            if (key === this.listKey || document.activeElement === this.list) return;
            this.listKey = key;
            const options = this.runs.map((run) => make("option", {value: run.id, text: label(run)}));
            if (!this.chosen) options.unshift(make("option", {value: "", text: this.runs.length ? "Choose a run" : "No runs yet"}));
            this.list.replaceChildren(...options);
            this.list.value = this.chosen || "";
        }

        draw() {
            const run = this.run, state = run ? run.state : "";
            this.place.dataset.state = state || "none";
            this.place.dataset.run = this.chosen || "";
            this.state.textContent = this.stateText(run);
            const share = run && run.total_steps ? Math.min(1, run.step / run.total_steps) : 0;
            this.filled.style.width = `${(share * 100).toFixed(2)}%`;
            this.filled.parentNode.setAttribute("aria-valuenow", String(Math.round(share * 100)));
            this.drawFigures(run);
            this.drawButtons(state);
            this.kept.show(run, [...this.story.kept.keys()].sort((a, b) => a - b), ACTIVE.has(state));
            this.advice.replaceChildren(...((run && run.advice) || []).map((text) => make("p", {class: "ti-note ti-note-warning", text})));
            this.drawCharts();
            this.drawStrip();
            this.drawMessages();
            const prompt = this.story.newest && this.story.newest.prompt;
            this.prompt.textContent = prompt ? `Last prompt: ${prompt}` : "";
        }

        stateText(run) {
            if (!run) return this.chosen ? "" : "Nothing is being trained.";
            const coding = this.story.encoding;
            if (run.state === "running" && coding) return `encoding pictures, ${coding.done} of ${coding.total}`;
            if (run.cause === "checkpoint" && run.state === "interrupted") return "stopped: another checkpoint";
            return state(run);
        }

        drawFigures(run) {
            const event = this.story.newest, short = window.textualInversionChart.short;
            const number = (value) => (Number.isFinite(value) ? short(value) : "–");
            const figures = !run ? [] : [
                ["Step", `${run.step} / ${run.total_steps || "?"}`],
                ["Time left", run.state === "running" ? duration(run.eta_seconds) : "–"],
                ["Loss", number(event && event.smooth_loss)],
                ["Fixed batch", number(run.fixed_loss)],
                ["Best step", Number.isFinite(run.best_step) ? String(run.best_step) : "–"],
                ["In use", Number.isFinite(run.used_step) ? `step ${run.used_step}` : "–"],
                ["Rate", number(event && event.learn_rate)],
                ["Norm", number(event && event.vector_norm)],
                ...Object.entries(this.story.figures).map(([name, value]) => {
                    const {label = name.replace(/_/g, " "), show = number, help = ""} = FIGURES[name] || {};
                    return [label, show(value), help];
                }),
                ["Seconds a step", number(event && event.seconds)],
            ];
            while (this.figures.children.length > figures.length) this.figures.lastChild.remove();
            figures.forEach(([name, value, help = ""], index) => {
                if (!this.figures.children[index]) this.figures.append(make("div", {class: "ti-figure"}, make("span"), make("b")));
                const [label, shown] = this.figures.children[index].children;
                label.textContent = name;
                label.title = help;
                if (shown.textContent !== value) shown.textContent = value;
            });
        }

        drawButtons(state) {
            const running = state === "running", active = ACTIVE.has(state), held = state === "held", ended = Boolean(state) && !active && !held;
            const queued = held || Boolean(this.run && this.run.place);
            const can = {start: queued, interrupt: active || held || state === "paused", pause: running, save: running, preview: running, resume: ended};
            for (const [act, button] of Object.entries(this.acts)) button.hidden = !can[act];
            this.acts.interrupt.textContent = queued ? "Remove from the queue" : "Interrupt";
            this.upTo.hidden = !ended;
            if (ended && !this.total.value && this.run.total_steps) this.total.value = this.run.total_steps;
        }

        drawCharts() {
            const {steps, fixed, first} = this.story;
            const hidden = !steps.length && !fixed.length;
            this.losses.closest(".ti-charts").hidden = hidden;
            if (hidden) return;
            const of = (key) => steps.map((event) => [event.step, event[key]]);
            const reach = {first, last: Math.max(first + 1, ...[steps.at(-1), fixed.at(-1)].filter(Boolean).map((event) => event.step))};
            const draw = window.textualInversionChart.draw;
            draw(this.losses, [
                {name: "loss", points: of("loss"), faint: true},
                {name: "smooth", points: of("smooth_loss")},
                {name: "fixed", points: fixed.map((event) => [event.step, event.loss]), dots: true},
            ], reach);
            draw(this.rates, [{name: "rate", points: of("learn_rate")}], reach);
            draw(this.norms, [{name: "norm", points: of("vector_norm")}], reach);
            draw(this.gradients, [{name: "gradient", points: of("gradient_norm"), faint: true}], reach);
        }

        drawStrip() {
            if (this.cuts !== this.story.cuts) {
                this.cuts = this.story.cuts;
                this.shown = 0;
                this.strip.replaceChildren();
            }
            const fresh = this.story.previews.filter((event) => event.number > this.shown);
            for (const event of fresh) {
                const source = address(this.root, `runs/${this.chosen}/pictures/${event.number}`);
                const image = make("img", {src: source, alt: `Preview at step ${event.step}`, title: event.infotext, loading: "lazy"});
                const figure = make("figure", {class: "ti-preview", tabindex: "0"}, image, make("figcaption", {text: `step ${event.step}`}));
                const enlarge = () => this.enlarge(event, source);
                figure.addEventListener("click", enlarge);
                figure.addEventListener("keydown", (key) => { if (key.key === "Enter") enlarge(); });
                this.strip.append(figure);
                this.shown = event.number;
            }
            while (this.strip.children.length > MOST_PREVIEWS) this.strip.firstChild.remove();
            if (fresh.length) this.strip.scrollLeft = this.strip.scrollWidth;
        }

        enlarge(event, source) {
            this.kept.choose(event.step);
            const same = this.large.dataset.number === String(event.number) && this.large.children.length;
            this.large.dataset.number = event.number;
            this.large.replaceChildren(...(same ? [] : [make("img", {src: source, alt: ""}), make("pre", {text: event.infotext})]));
        }

        drawMessages() {
            const key = `${this.chosen} ${this.story.number} ${this.story.messages.length}`;
            if (key === this.messageKey) return;
            this.messageKey = key;
            const told = this.story.latest;
            this.latest.className = `ti-latest ti-note-${told ? told.kind : "info"}`;
            this.latest.textContent = told ? told.text : "";
            this.messages.replaceChildren(...this.story.messages.slice(-40).reverse().map(({kind, text}) => make("p", {class: `ti-note ti-note-${kind}`, text})));
        }
    }

    // Places appear when Gradio draws a tab, and again when it redraws one.
    const monitors = new Map();
    function look() {
        for (const place of document.querySelectorAll("[data-ti-monitor]")) {
            if (!monitors.has(place)) monitors.set(place, new Monitor(place));
        }
        for (const place of monitors.keys()) if (!place.isConnected) monitors.delete(place);
    }

    document.addEventListener("ti-run-started", (event) => {
        for (const monitor of monitors.values()) {
            monitor.follow(event.detail);
            monitor.listed = 0;
            monitor.poke();
        }
    });
    document.addEventListener("visibilitychange", () => { for (const monitor of monitors.values()) monitor.poke(); });
    window.textualInversionWatch = window.textualInversionWatch || [];
    window.textualInversionWatch.push(look);
    window.textualInversionAsk = ask;
})();
